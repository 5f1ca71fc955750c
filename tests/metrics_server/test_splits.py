"""What splits traffic, read from the objects of every source in every version, and from what only looks like
one.
"""

from __future__ import annotations

import contextlib
import logging
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from metrics_server import inventory, words
from metrics_server.splits import fields, sources, values

V1, V2 = {"service": "cart-v1", "weight": 90}, {"service": "cart-v2", "weight": 10}
SMI, GATEWAY, ISTIO = "split.smi-spec.io", "gateway.networking.k8s.io", "networking.istio.io"


def thing(kind: str, api: str, spec: object, *, name: str = "canary", namespace: str = "shop") -> Any:
    metadata = {"name": name, "namespace": namespace, "labels": {"team": "a"}}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec}


def traffic_split(*backends: object, service: str = "cart", version: str = "v1alpha4") -> Any:
    return thing("TrafficSplit", f"{SMI}/{version}", {"service": service, "backends": list(backends)})


def read(*objects: Any) -> tuple[values.Split, ...]:
    text = yaml.safe_dump_all(objects)
    return inventory.read(text, source="things.yaml", splitting=sources.NAMES).splits


def weights(split: values.Split) -> dict[str, int]:
    return {one.named(split.ref.namespace): one.weight for one in split.backends}


# TrafficSplit


@pytest.mark.parametrize("version", ["v1alpha1", "v1alpha2", "v1alpha3", "v1alpha4"])
def test_a_traffic_split_is_read_in_all_its_versions(version: str) -> None:
    (split,) = read(traffic_split(V1, V2, version=version))
    assert split == values.Split(
        ref=words.Ref("TrafficSplit", "shop", "canary"),
        apex="cart",
        backends=tuple(
            values.Backend(service=words.Ref("Service", "shop", name), weight=weight)
            for name, weight in (("cart-v1", 90), ("cart-v2", 10))
        ),
        labels={"team": "a"},
    )
    assert split.name == "canary"


@pytest.mark.parametrize(
    ("given", "whole"),
    [
        (("900m", "100m"), (900, 100)),
        (("1", "500m"), (1000, 500)),
        ((0.9, 0.1), (900, 100)),
        (("1k", 2), (1000, 2)),
        ((1, 0), (1, 0)),
        ((0, 0), (0, 0)),
        (("1n", 1), (1, 1_000_000_000)),
        (("1e3", "1"), (1000, 1)),
    ],
)
def test_weights_are_whole_numbers_that_compare_as_the_quantities_did(
    given: tuple[Any, Any], whole: tuple[int, int]
) -> None:
    names = ("cart-v1", "cart-v2")
    (split,) = read(traffic_split(*({"service": n, "weight": w} for n, w in zip(names, given, strict=True))))
    assert weights(split) == dict(zip(names, whole, strict=True))


def test_a_weight_is_a_share_of_all_and_of_nothing_there_is_none() -> None:
    (split,) = read(traffic_split(V1, V2))
    assert [split.weight_share(one) for one in split.backends] == [0.9, 0.1]
    (idle,) = read(traffic_split({**V1, "weight": 0}, {**V2, "weight": 0}))
    assert [idle.weight_share(one) for one in idle.backends] == [None, None]


@pytest.mark.parametrize("host", ["cart", "cart.shop", "cart.shop.svc.cluster.local", "CART.shop.svc:8080"])
def test_a_service_may_be_told_by_its_full_name(host: str) -> None:
    (split,) = read(traffic_split(V1, {**V2, "service": host}, service=host))
    assert split.apex == "cart"
    assert weights(split) == {"cart-v1": 90, "cart": 10}
    assert split.at_home


def test_one_backend_told_twice_has_both_weights() -> None:
    (split,) = read(traffic_split(V1, V2, {"service": "cart-v2.shop.svc", "weight": 5}))
    assert weights(split) == {"cart-v1": 90, "cart-v2": 15}


def test_a_split_that_sends_elsewhere_is_not_at_home() -> None:
    (split,) = read(traffic_split(V1, {**V2, "service": "cart-v2.lab"}))
    assert not split.at_home
    assert weights(split) == {"cart-v1": 90, "lab:cart-v2": 10}


def test_a_traffic_split_cannot_pass_for_another_object() -> None:
    imposter = traffic_split(V1, V2)
    imposter["metadata"]["name"] = "httproute.cart"
    (split,) = read(imposter)
    assert split.name == "trafficsplit.httproute.cart"


# Gateway API


def route(*rules: Any, parents: Any = None, kind: str = "HTTPRoute", version: str = "v1", **more: Any) -> Any:
    spec = {"parentRefs": parents or [], "rules": list(rules), **more}
    return thing(kind, f"{GATEWAY}/{version}", spec, name="cart")


def refs(*weighed: tuple[str, int | None], **more: Any) -> Any:
    return {
        "backendRefs": [
            {"name": name, "port": 80, **({} if weight is None else {"weight": weight}), **more}
            for name, weight in weighed
        ]
    }


@pytest.mark.parametrize(
    ("kind", "version"),
    [("HTTPRoute", "v1"), ("HTTPRoute", "v1beta1"), ("GRPCRoute", "v1"), ("GRPCRoute", "v1alpha2")],
)
def test_a_route_of_a_service_splits_its_traffic(kind: str, version: str) -> None:
    parents = [{"group": "", "kind": "Service", "name": "cart"}]
    rule = refs(("cart-v1", 9), ("cart-v2", None))
    (split,) = read(route(rule, parents=parents, kind=kind, version=version))
    assert (split.name, split.apex, split.at_home) == (f"{kind.lower()}.cart", "cart", True)
    assert weights(split) == {"cart-v1": 9, "cart-v2": 1}


@pytest.mark.parametrize(
    ("more", "apex", "at_home"),
    [
        ({"parents": [{"name": "gateway"}], "hostnames": ["shop.example.com"]}, "shop.example.com", True),
        ({"parents": [{"name": "gateway"}]}, "cart", True),
        (
            {"parents": [{"group": "core", "kind": "Service", "name": "x", "namespace": "lab"}]},
            "x.lab",
            False,
        ),
    ],
)
def test_the_apex_of_a_route_is_its_service_or_else_what_it_is_called(
    more: dict[str, Any], apex: str, at_home: bool
) -> None:
    (split,) = read(route(refs(("cart-v1", 9), ("cart-v2", 1)), **more))
    assert (split.apex, split.at_home) == (apex, at_home)


def test_a_rule_with_one_backend_is_no_split() -> None:
    assert read(route(refs(("cart", None)), {"matches": []}, {"backendRefs": None})) == ()
    assert read(thing("HTTPRoute", f"{GATEWAY}/v1", {})) == ()


def test_rules_that_split_alike_are_one_split() -> None:
    rule = refs(("cart-v1", 9), ("cart-v2", 1))
    (split,) = read(route(rule, refs(("cart", 1)), rule))
    assert (split.name, split.shared) == ("httproute.cart", frozenset())


def test_rules_that_split_differently_are_several_and_share_what_both_send_to() -> None:
    (first, second) = read(
        route(refs(("cart-v1", 9), ("cart-v2", 1)), refs(("x", 1)), refs(("cart-v1", 1), ("cart-v3", 1)))
    )
    assert (first.name, second.name) == ("httproute.cart@1", "httproute.cart@3")
    assert {service.name for service, _ in first.shared | second.shared} == {"cart-v1"}


def test_a_backend_of_another_kind_is_told_as_such() -> None:
    other = refs(("cart-v1", 1), ("cart-v2", 1), group="multicluster.x-k8s.io", kind="ServiceImport")
    (split,) = read(route(other))
    assert list(weights(split)) == ["serviceimport.cart-v1", "serviceimport.cart-v2"]


# Linkerd


def test_a_service_profile_splits_by_its_overrides() -> None:
    spec = {
        "routes": [{"name": "GET /"}],
        "dstOverrides": [
            {"authority": "cart-v1.shop.svc.cluster.local:8080", "weight": "500m"},
            {"authority": "cart-v2.shop.svc.cluster.local:8080", "weight": 1},
        ],
    }
    name = "cart.shop.svc.cluster.local"
    (split,) = read(thing("ServiceProfile", "linkerd.io/v1alpha2", spec, name=name))
    assert (split.name, split.apex) == (f"serviceprofile.{name}", "cart")
    assert weights(split) == {"cart-v1": 500, "cart-v2": 1000}


def test_a_service_profile_without_overrides_splits_nothing() -> None:
    assert read(thing("ServiceProfile", "linkerd.io/v1alpha2", {"routes": []}, name="x.shop.svc.z")) == ()


# Istio


def way(host: str, *, subset: str | None = None, weight: int | None = None) -> Any:
    destination = {"host": host, "port": {"number": 80}, **({"subset": subset} if subset else {})}
    return {"destination": destination, **({} if weight is None else {"weight": weight})}


def virtual_service(*routes: Any, hosts: Any = ("reviews",), version: str = "v1") -> Any:
    spec = {"hosts": list(hosts), "http": [{"route": list(ways)} for ways in routes], "tls": [{"x": 1}]}
    return thing("VirtualService", f"{ISTIO}/{version}", spec, name="reviews")


def destination_rule(host: str, *, name: str = "rule", **subsets: Any) -> Any:
    listed = [{"name": subset, "labels": labels} for subset, labels in subsets.items()]
    return thing("DestinationRule", f"{ISTIO}/v1beta1", {"host": host, "subsets": listed}, name=name)


@pytest.mark.parametrize("version", ["v1", "v1beta1", "v1alpha3"])
def test_a_virtual_service_splits_between_hosts(version: str) -> None:
    ways = (way("reviews-v1", weight=90), way("reviews-v2.shop.svc.cluster.local", weight=10))
    (split,) = read(virtual_service(ways, version=version))
    assert (split.name, split.apex, split.at_home) == ("virtualservice.reviews", "reviews", True)
    assert weights(split) == {"reviews-v1": 90, "reviews-v2": 10}


def test_what_has_no_dots_is_a_service_and_other_hosts_are_hosts() -> None:
    (split,) = read(virtual_service((way("a", weight=1), way("api.example.com"), way("b.lab.svc", weight=1))))
    assert [one.service.kind for one in split.backends] == ["Service", "Host", "Service"]
    assert weights(split) == {"a": 1, "api.example.com": 0, "lab:b": 1}
    assert not split.at_home


def test_subsets_carry_the_labels_that_a_destination_rule_gives_them() -> None:
    ways = (way("reviews", subset="v1", weight=90), way("reviews.shop.svc.x", subset="v2", weight=10))
    (split,) = read(
        virtual_service(ways),
        destination_rule("reviews", v1={"version": "v1"}),
        destination_rule("other", name="other"),
    )
    assert weights(split) == {"reviews@v1": 90, "reviews@v2": 10}
    assert [one.labels for one in split.backends] == [{"version": "v1"}, None]


def test_subsets_of_which_two_rules_say_different_things_are_not_known() -> None:
    ways = (way("reviews", subset="v1", weight=1), way("reviews", subset="v2", weight=1))
    (split,) = read(
        virtual_service(ways),
        destination_rule("reviews", v1={"version": "v1"}, v2={"version": "v2"}),
        destination_rule("reviews.shop.svc.cluster.local", name="other", v1={"version": "one"}),
    )
    assert [one.labels for one in split.backends] == [None, {"version": "v2"}]


def test_a_service_and_a_subset_of_it_are_shared_between_rules() -> None:
    (first, _) = read(
        virtual_service(
            (way("a", subset="v1", weight=1), way("b", weight=1)), (way("a", weight=1), way("c", weight=1))
        )
    )
    assert {(service.name, subset) for service, subset in first.shared} == {("a", "v1")}


# What makes no sense

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
    (split,) = read(
        traffic_split(V1, {**V2, "service": bad}),
        thing("TrafficSplit", f"{SMI}/v1alpha4", {"service": "cart", "backends": [V1, V2]}, name="good"),
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
    spec = {"service": "cart", "backends": [{**V1, "weight": bad}]}
    kind = sources.KINDS[0]
    with pytest.raises(fields.Malformed, match=r"^spec\.backends\.0\.weight: is no"):
        kind.read(fields.Given(ref=words.Ref("TrafficSplit", "shop", "canary"), spec=spec))


def test_what_is_said_of_a_fault_stays_one_short_line() -> None:
    labels = {"a\nb": 7, "x" * 65536: 7, "\x1b[31m": 7}
    spec = {"host": "cart", "subsets": [{"name": "v1", "labels": labels}]}
    with pytest.raises(fields.Malformed) as refused:
        sources.KINDS[-1].read(fields.Given(ref=words.Ref("DestinationRule", "shop", "x"), spec=spec))
    text = str(refused.value)
    assert text.isprintable()
    assert len(text) < 500


@pytest.mark.parametrize("kind", sources.KINDS, ids=str)
@pytest.mark.parametrize(
    "spec", [None, [], "text", 7, {"rules": 7, "service": 7, "dstOverrides": 7, "http": 7}]
)
def test_an_object_that_is_none_is_malformed_or_says_nothing(kind: sources.Kind, spec: Any) -> None:
    try:
        said = kind.read(fields.Given(ref=words.Ref(kind.kind, "shop", "x"), spec=spec))
    except fields.Malformed:
        return
    assert said == values.NOTHING


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
def test_whatever_an_object_holds_only_malformed_is_raised(kind: sources.Kind, spec: Any) -> None:
    with contextlib.suppress(fields.Malformed):
        kind.read(fields.Given(ref=words.Ref(kind.kind, "shop", "x"), spec=spec))


@pytest.mark.parametrize(
    "metadata",
    [None, 7, {}, {"name": "x"}, {"name": "a/b", "namespace": "shop"}, {"name": "x", "namespace": "a.b"},
     {"name": "x", "namespace": "shop", "labels": 7}],
)  # fmt: skip
def test_an_object_without_a_name_of_its_own_is_left_out(
    metadata: Any, caplog: pytest.LogCaptureFixture
) -> None:
    bad = {"apiVersion": f"{SMI}/v1alpha4", "kind": "TrafficSplit", "metadata": metadata, "spec": {}}
    good = {"kind": "Pod", "metadata": {"name": "cart-1", "namespace": "shop"}}
    found = inventory.read(yaml.safe_dump_all([bad, good]), source="things.yaml")
    assert (len(found.splits), len(found.things)) == (0, 1)
    assert "metadata" in caplog.text


def test_of_a_file_only_the_chosen_sources_count_and_none_of_their_objects_is_a_thing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    text = yaml.safe_dump_all(
        [traffic_split(V1, V2), route(refs(("a", 1), ("b", 1))), route({"backendRefs": 7})]
    )
    found = inventory.read(text, source="things.yaml")
    assert [split.name for split in found.splits] == ["canary"]
    assert found.things == {}
    assert caplog.messages == []
