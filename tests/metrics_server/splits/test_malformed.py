"""A malformed object is left out, one log line says why, and all other objects are kept."""

from __future__ import annotations

import contextlib
import logging
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from metrics_server.inventory import file_source
from metrics_server.model import kinds
from metrics_server.splits import fields, model, sources
from tests.metrics_server import splitting

_HOSTILE: list[Any] = [
    '"',
    "{}",
    "\\",
    "a\nb",
    ".*",
    "x" * 65536,
    "",
    "ca rt",
    "cärt",
    "../..",
    "%2e",
    None,
    7,
    [],
    {},
]


@pytest.mark.parametrize("bad", _HOSTILE, ids=lambda bad: repr(bad)[:20])
def test_a_name_that_is_none_is_warned_of_and_nothing_else_is_lost(
    bad: Any, caplog: pytest.LogCaptureFixture
) -> None:
    (split,) = splitting.read(
        splitting.traffic_split(splitting.V1, {**splitting.V2, "service": bad}),
        splitting.declared(
            "TrafficSplit",
            f"{splitting.SMI}/v1alpha4",
            {"service": "cart", "backends": [splitting.V1, splitting.V2]},
            name="good",
        ),
    )
    assert split.name == "good"
    (line,) = caplog.messages
    assert line.startswith(
        "things.yaml: object 0, of kind TrafficSplit, is left out: spec.backends.1.service: "
    )
    assert len(line) < 500


@pytest.mark.parametrize(
    "bad",
    [
        -1,
        "1e999999999",
        "NaN",
        "inf",
        float("nan"),
        float("inf"),
        True,
        None,
        [],
        "9" * 70,
        "x",
        "",
        10**5000,
    ],
    ids=lambda bad: repr(bad)[:12] if not isinstance(bad, int) or bad < 10 else "huge",
)
def test_a_weight_that_is_none_is_refused(bad: object) -> None:
    spec = {"service": "cart", "backends": [{**splitting.V1, "weight": bad}]}
    kind = sources.KINDS[0]
    with pytest.raises(fields.Malformed, match=r"^spec\.backends\.0\.weight: is no"):
        kind.read(fields.SourceObject(ref=kinds.Ref("TrafficSplit", "shop", "canary"), spec=spec))


def test_what_is_said_of_a_fault_stays_one_short_line() -> None:
    labels = {"a\nb": 7, "x" * 65536: 7, "\x1b[31m": 7}
    spec = {"host": "cart", "subsets": [{"name": "v1", "labels": labels}]}
    kind = next(one for one in sources.KINDS if one.kind == "DestinationRule")
    with pytest.raises(fields.Malformed) as refused:
        kind.read(fields.SourceObject(ref=kinds.Ref("DestinationRule", "shop", "x"), spec=spec))
    text = str(refused.value)
    assert text.isprintable()
    assert len(text) < 500


@pytest.mark.parametrize("kind", sources.KINDS, ids=str)
@pytest.mark.parametrize(
    "spec", [None, [], "text", 7, {"rules": 7, "service": 7, "dstOverrides": 7, "http": 7}]
)
def test_an_object_that_is_none_is_malformed_or_says_nothing(kind: sources.SourceKind, spec: Any) -> None:
    try:
        said = kind.read(fields.SourceObject(ref=kinds.Ref(kind.kind, "shop", "x"), spec=spec))
    except fields.Malformed:
        return
    assert said == model.NOTHING


_FIELDS = (
    "service", "backends", "weight", "rules", "backendRefs", "name", "http", "route", "host", "destination",
    "subset", "dstOverrides", "authority", "hosts", "parentRefs", "subsets",
)  # fmt: skip
_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(_FIELDS),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@given(st.sampled_from(sources.KINDS), _ANYTHING)
def test_whatever_an_object_holds_only_malformed_is_raised(kind: sources.SourceKind, spec: Any) -> None:
    with contextlib.suppress(fields.Malformed):
        kind.read(fields.SourceObject(ref=kinds.Ref(kind.kind, "shop", "x"), spec=spec))


@pytest.mark.parametrize(
    "metadata",
    [None, 7, {}, {"name": "x"}, {"name": "a/b", "namespace": "shop"}, {"name": "x", "namespace": "a.b"},
     {"name": "x", "namespace": "shop", "labels": 7}],
)  # fmt: skip
def test_an_object_without_a_name_of_its_own_is_left_out(
    metadata: Any, caplog: pytest.LogCaptureFixture
) -> None:
    bad = {
        "apiVersion": f"{splitting.SMI}/v1alpha4",
        "kind": "TrafficSplit",
        "metadata": metadata,
        "spec": {},
    }
    good = {"kind": "Pod", "metadata": {"name": "cart-1", "namespace": "shop"}}
    found = file_source.read(yaml.safe_dump_all([bad, good]), source="things.yaml")
    assert (len(found.splits), len(found.objects)) == (0, 1)
    assert "metadata" in caplog.text


def test_of_a_file_only_the_chosen_sources_count_and_none_of_their_objects_is_a_thing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    text = yaml.safe_dump_all(
        [
            splitting.traffic_split(splitting.V1, splitting.V2),
            splitting.route(splitting.refs(("a", 1), ("b", 1))),
            splitting.route({"backendRefs": 7}),
        ]
    )
    found = file_source.read(text, source="things.yaml")
    assert [split.name for split in found.splits] == ["canary"]
    assert found.objects == {}
    assert caplog.messages == []
