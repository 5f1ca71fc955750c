"""Virtual services split traffic between hosts and between subsets."""

from __future__ import annotations

from typing import Any

import pytest

from tests.metrics_server import splitting


def way(host: str, *, subset: str | None = None, weight: int | None = None) -> Any:
    destination = {"host": host, "port": {"number": 80}, **({"subset": subset} if subset else {})}
    return {"destination": destination, **({} if weight is None else {"weight": weight})}


def virtual_service(*routes: Any, hosts: Any = ("reviews",), version: str = "v1") -> Any:
    spec = {"hosts": list(hosts), "http": [{"route": list(ways)} for ways in routes], "tls": [{"x": 1}]}
    return splitting.declared("VirtualService", f"{splitting.ISTIO}/{version}", spec, name="reviews")


def destination_rule(host: str, *, name: str = "rule", **subsets: Any) -> Any:
    listed = [{"name": subset, "labels": labels} for subset, labels in subsets.items()]
    return splitting.declared(
        "DestinationRule", f"{splitting.ISTIO}/v1beta1", {"host": host, "subsets": listed}, name=name
    )


@pytest.mark.parametrize("version", ["v1", "v1beta1", "v1alpha3"])
def test_a_virtual_service_splits_between_hosts(version: str) -> None:
    ways = (way("reviews-v1", weight=90), way("reviews-v2.shop.svc.cluster.local", weight=10))
    (split,) = splitting.read(virtual_service(ways, version=version))
    assert (split.name, split.apex, split.at_home) == ("virtualservice.reviews", "reviews", True)
    assert splitting.weights(split) == {"reviews-v1": 90, "reviews-v2": 10}


def test_what_has_no_dots_is_a_service_and_other_hosts_are_hosts() -> None:
    (split,) = splitting.read(
        virtual_service((way("a", weight=1), way("api.example.com"), way("b.lab.svc", weight=1)))
    )
    assert [one.service.kind for one in split.backends] == ["Service", "Host", "Service"]
    assert splitting.weights(split) == {"a": 1, "api.example.com": 0, "lab:b": 1}
    assert not split.at_home


def test_subsets_carry_the_labels_that_a_destination_rule_gives_them() -> None:
    ways = (way("reviews", subset="v1", weight=90), way("reviews.shop.svc.x", subset="v2", weight=10))
    (split,) = splitting.read(
        virtual_service(ways),
        destination_rule("reviews", v1={"version": "v1"}),
        destination_rule("other", name="other"),
    )
    assert splitting.weights(split) == {"reviews@v1": 90, "reviews@v2": 10}
    assert [one.labels for one in split.backends] == [{"version": "v1"}, None]


def test_subsets_of_which_two_rules_say_different_things_are_not_known() -> None:
    ways = (way("reviews", subset="v1", weight=1), way("reviews", subset="v2", weight=1))
    (split,) = splitting.read(
        virtual_service(ways),
        destination_rule("reviews", v1={"version": "v1"}, v2={"version": "v2"}),
        destination_rule("reviews.shop.svc.cluster.local", name="other", v1={"version": "one"}),
    )
    assert [one.labels for one in split.backends] == [None, {"version": "v2"}]


def test_a_service_and_a_subset_of_it_are_shared_between_rules() -> None:
    (first, _) = splitting.read(
        virtual_service(
            (way("a", subset="v1", weight=1), way("b", weight=1)), (way("a", weight=1), way("c", weight=1))
        )
    )
    assert {(service.name, subset) for service, subset in first.shared} == {("a", "v1")}
