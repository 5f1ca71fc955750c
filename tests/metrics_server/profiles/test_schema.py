from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from metrics_server.model import kinds
from metrics_server.profiles import endpoints, loading, schema

GOOD: dict[str, Any] = {
    "name": "toy",
    "about": "a toy mesh",
    "process": {"metric": "toy_age", "tells": "age"},
    "views": [
        {
            "side": "client",
            "requests": "toy_requests_total",
            "appears": "with first request",
            "latency": {"metric": "toy_seconds", "unit": "s"},
            "outcome": [{"label": "code", "matches": "5..", "is": "failure"}, {"is": "success"}],
            "peer": {"label": "dst", "patterns": ["(?P<service>[a-z]+)[.](?P<namespace>[a-z]+)"]},
        }
    ],
}


def read(content: Any) -> schema.Profile:
    return loading.read(yaml.safe_dump(content), source="toy.yaml")


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return GOOD with another value at a dotted path; an Ellipsis removes the key."""
    content = copy.deepcopy(GOOD)
    *way, last = [int(part) if part.isdecimal() else part for part in path.split(".")]
    place: Any = content
    for part in way:
        place = place[part]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return content


def test_the_shipped_profiles_load_and_are_named_as_their_files() -> None:
    names = [mesh.name for mesh in loading.shipped()]
    assert "envoy" in names
    assert names == sorted(set(names))


def test_every_shipped_profile_says_what_it_cannot_know() -> None:
    for mesh in loading.shipped():
        assert mesh.about
        assert all(view.unknown for view in mesh.views)


def test_a_profile_is_read_with_its_defaults() -> None:
    mesh = read(GOOD)
    (view,) = mesh.views
    assert (view.side, view.match, view.unknown) == (kinds.Side.CLIENT, {}, ())
    assert set(mesh.target.identity) >= {"namespace", "pod", "instance", "exported_pod"}
    assert mesh.process is not None
    assert mesh.process.scale == 1.0
    assert isinstance(view.peer, endpoints.NamedEndpoint)
    assert view.peer.excluded == ""


@pytest.mark.parametrize(("unit", "scale"), [("s", 1.0), ("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9)])
def test_a_unit_is_a_number_of_seconds(unit: str, scale: float) -> None:
    latency = read(changed("views.0.latency.unit", unit)).views[0].latency
    assert latency is not None
    assert latency.scale == scale


def test_what_is_left_out_is_one_pattern() -> None:
    peer = read(changed("views.0.peer.exclude", ["a|b", "c.*"])).views[0].peer
    assert isinstance(peer, endpoints.NamedEndpoint)
    assert peer.excluded == "(a|b)|(c.*)"


@pytest.mark.parametrize(
    ("path", "value", "key", "why"),
    [
        ("name", ..., "name", "Field required"),
        ("name", "Toy Mesh", "name", "match pattern"),
        ("surprise", 1, "surprise", "not permitted"),
        ("process.tells", "birthday", "process.tells", "'age' or 'start'"),
        ("process.metric", 'up"} or vector(1)', "process.metric", "match pattern"),
        ("target", {"namespace": ["name space"]}, "target.namespace.0", "match pattern"),
        ("target", {"pods": ["pod"]}, "target.pods", "not permitted"),
        ("views", [], "views", "at least one"),
        ("views.0.side", "middle", "views.0.side", "'client' or 'server'"),
        ("views.0.requests", "to tal", "views.0.requests", "match pattern"),
        ("views.0.appears", "sometimes", "views.0.appears", "'at start' or 'with first request'"),
        ("views.0.latency.unit", "min", "views.0.latency.unit", "'s', 'ms', 'us' or 'ns'"),
        ("views.0.match", {"code": "("}, "views.0.match.code", "unterminated subpattern"),
        ("views.0.match", {"co de": "x"}, "views.0.match.co de", "match pattern"),
        ("views.0.ignore", {"r": ".*"}, "views.0.ignore", "matches an empty value, and so every series"),
        ("views.0.ignore", {"r": "("}, "views.0.ignore.r", "unterminated subpattern"),
        ("views.0.outcome", [], "views.0", "rules in `outcome`, or one counter per outcome in `requests`"),
        ("views.0.requests", {"ok": "success"}, "views.0", "rules in `outcome`, or one counter per outcome"),
        ("views.0.requests", {}, "views.0.requests", "at least 1"),
        (
            "views.0.outcome.1.is",
            "maybe",
            "views.0.outcome.1.is",
            "'success', 'failure', 'client-error' or 'total'",
        ),
        ("views.0.outcome.0.matches", ..., "views.0.outcome.0", "both `label` and `matches`, or neither"),
        ("views.0.outcome.1", ..., "views.0.outcome", "the last rule, and only the last, has no `label`"),
        ("views.0.outcome.0", {"is": "failure"}, "views.0.outcome", "the last rule, and only the last"),
        ("views.0.peer.label", "d-st", "views.0.peer.label", "match pattern"),
        ("views.0.peer.patterns", [], "views.0.peer.patterns", "at least one"),
        ("views.0.peer.patterns", ["[a-z]+"], "views.0.peer.patterns", "names no endpoint"),
        ("views.0.peer.patterns", ["(?P<namespace>a)"], "views.0.peer.patterns", "names no endpoint"),
        ("views.0.peer.patterns", ["(?P<servise>a)"], "views.0.peer.patterns", "['servise']; known groups"),
        ("views.0.peer.patterns", ["(?P<name>["], "views.0.peer.patterns.0", "unterminated character set"),
        ("views.0.peer.patterns", ["(?P<cluster>a)_(?P<name>b)"], "views.0.peer", "both `own_cluster` and"),
        ("views.0.peer.own_cluster", ["zone"], "views.0.peer", "both `own_cluster` and"),
        (
            "views.0.peer",
            {"label": "to", "own_cluster": ["zone"], "patterns": ["(?P<cluster>a)_(?P<host>b)"]},
            "views.0.peer",
            "with the group `cluster` needs one of",
        ),
        ("views.0.peer.exclude", ["*"], "views.0.peer.exclude.0", "nothing to repeat"),
        ("views.0.peer", {"namespace": ["ns"]}, "views.0.peer", "needs `pod`, `workload`"),
        ("views.0.peer", {"workload": ["w-l"]}, "views.0.peer.workload.0", "match pattern"),
        ("views.0.peer", {"workload": ["w"], "patterns": ["a"]}, "views.0.peer.patterns", "not permitted"),
        ("views.0.peer", {"pod": ["p"], "unknown": "("}, "views.0.peer.unknown", "unterminated subpattern"),
        ("process.match", {"job": "("}, "process.match.job", "unterminated subpattern"),
    ],
)
def test_what_is_wrong_is_named_with_file_key_and_reason(path: str, value: Any, key: str, why: str) -> None:
    with pytest.raises(loading.BadProfile) as refused:
        read(changed(path, value))
    line, *_ = str(refused.value).splitlines()
    assert line.startswith(f"toy.yaml: {key}")
    assert why in line


def twice(one: dict[str, str], other: dict[str, str]) -> dict[str, Any]:
    """Return GOOD with two views of one metric, with these matches."""
    content = copy.deepcopy(GOOD)
    (view,) = content["views"]
    content["views"] = [{**view, "match": one}, {**view, "side": "server", "match": other}]
    return content


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {}),
        ({"r": "a"}, {}),
        ({"r": "a"}, {"r": "a"}),
        ({"r": "a"}, {"s": "b"}),
        ({"r": "a"}, {"r": "b|a"}),
    ],
)
def test_two_views_of_one_metric_that_might_count_a_request_twice_are_refused(
    one: dict[str, str], other: dict[str, str]
) -> None:
    with pytest.raises(loading.BadProfile, match="every request would count twice"):
        read(twice(one, other))


@pytest.mark.parametrize(
    "other", ["destination", "[^s].*", "", "a-b"], ids=["a value", "a pattern", "no such label", "a dash"]
)
def test_two_views_of_one_metric_are_told_apart_by_a_value_that_the_other_cannot_have(other: str) -> None:
    mesh = read(twice({"reporter": "source"}, {"reporter": other}))
    assert [view.side for view in mesh.views] == [kinds.Side.CLIENT, kinds.Side.SERVER]


@pytest.mark.parametrize(
    "pattern",
    [
        "(?=a)b",
        "(?!a)b",
        "(?<=a)b",
        "(?<!a)b",
        r"(a)\1",
        "(?P<x>a)(?P=x)",
        "(a+)+",
        "(a*)*",
        "(a{1,9})+",
        "(a+){9}",
    ],
)
def test_a_pattern_that_re2_does_not_know_or_that_can_backtrack_is_refused(pattern: str) -> None:
    with pytest.raises(loading.BadProfile, match="look-around, back references and nested repetition"):
        read(changed("views.0.match", {"code": pattern}))


def test_everything_that_is_wrong_is_told_at_once() -> None:
    content = changed("views.0.side", "middle")
    content["views"][0]["peer"]["patterns"] = ["x"]
    del content["name"]
    with pytest.raises(loading.BadProfile) as refused:
        read(content)
    lines = str(refused.value).splitlines()
    keys = {line.split(": ")[1] for line in lines}
    assert {"name", "views.0.side", "views.0.peer.patterns"} <= keys
    assert all(line.startswith("toy.yaml: ") for line in lines)


def test_one_fault_in_a_view_is_told_once() -> None:
    with pytest.raises(loading.BadProfile) as refused:
        read(changed("views.0.side", "middle"))
    assert len(str(refused.value).splitlines()) == 1


def test_two_views_of_one_metric_are_refused() -> None:
    content = changed("views", [GOOD["views"][0], GOOD["views"][0]])
    with pytest.raises(loading.BadProfile, match="every request would count twice"):
        read(content)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: [", "toy.yaml: not YAML"),
        ("", "starts with `name:`, this is NoneType"),
        ("- name: x", "starts with `name:`, this is list"),
        ("just words", "starts with `name:`, this is str"),
    ],
)
def test_a_text_that_is_no_mapping_is_refused(text: str, why: str) -> None:
    with pytest.raises(loading.BadProfile, match=why):
        loading.read(text, source="toy.yaml")


def test_a_profile_comes_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "toy.yaml"
    path.write_text(yaml.safe_dump(GOOD), encoding="utf-8")
    assert loading.load(path) == read(GOOD)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    binary = tmp_path / "toy.yaml"
    binary.write_bytes(b"\xff\xfe\xfa")
    for path in (binary, tmp_path, tmp_path / "absent.yaml"):
        with pytest.raises(loading.BadProfile) as refused:
            loading.load(path)
        assert str(refused.value).startswith(f"{path}: cannot be read: ")
