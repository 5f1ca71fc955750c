"""TrafficSplits of every version, and service profiles of Linkerd, split traffic."""

from __future__ import annotations

from typing import Any

import pytest

from metrics_server.model import kinds
from metrics_server.splits import model
from tests.metrics_server import splitting


@pytest.mark.parametrize("version", ["v1alpha1", "v1alpha2", "v1alpha3", "v1alpha4"])
def test_a_traffic_split_is_read_in_all_its_versions(version: str) -> None:
    (split,) = splitting.read(splitting.traffic_split(splitting.V1, splitting.V2, version=version))
    assert split == model.Split(
        ref=kinds.Ref("TrafficSplit", "shop", "canary"),
        apex="cart",
        backends=tuple(
            model.Backend(service=kinds.Ref("Service", "shop", name), weight=weight)
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
    (split,) = splitting.read(
        splitting.traffic_split(*({"service": n, "weight": w} for n, w in zip(names, given, strict=True)))
    )
    assert splitting.weights(split) == dict(zip(names, whole, strict=True))


def test_a_weight_is_a_share_of_all_and_of_nothing_there_is_none() -> None:
    (split,) = splitting.read(splitting.traffic_split(splitting.V1, splitting.V2))
    assert [split.weight_share(one) for one in split.backends] == [0.9, 0.1]
    (idle,) = splitting.read(
        splitting.traffic_split({**splitting.V1, "weight": 0}, {**splitting.V2, "weight": 0})
    )
    assert [idle.weight_share(one) for one in idle.backends] == [None, None]


@pytest.mark.parametrize("host", ["cart", "cart.shop", "cart.shop.svc.cluster.local", "CART.shop.svc:8080"])
def test_a_service_may_be_told_by_its_full_name(host: str) -> None:
    (split,) = splitting.read(
        splitting.traffic_split(splitting.V1, {**splitting.V2, "service": host}, service=host)
    )
    assert split.apex == "cart"
    assert splitting.weights(split) == {"cart-v1": 90, "cart": 10}
    assert split.at_home


def test_one_backend_told_twice_has_both_weights() -> None:
    (split,) = splitting.read(
        splitting.traffic_split(splitting.V1, splitting.V2, {"service": "cart-v2.shop.svc", "weight": 5})
    )
    assert splitting.weights(split) == {"cart-v1": 90, "cart-v2": 15}


def test_a_split_that_sends_elsewhere_is_not_at_home() -> None:
    (split,) = splitting.read(
        splitting.traffic_split(splitting.V1, {**splitting.V2, "service": "cart-v2.lab"})
    )
    assert not split.at_home
    assert splitting.weights(split) == {"cart-v1": 90, "lab:cart-v2": 10}


def test_a_traffic_split_cannot_pass_for_another_object() -> None:
    imposter = splitting.traffic_split(splitting.V1, splitting.V2)
    imposter["metadata"]["name"] = "httproute.cart"
    (split,) = splitting.read(imposter)
    assert split.name == "trafficsplit.httproute.cart"


# Service profiles of Linkerd


def test_a_service_profile_splits_by_its_overrides() -> None:
    spec = {
        "routes": [{"name": "GET /"}],
        "dstOverrides": [
            {"authority": "cart-v1.shop.svc.cluster.local:8080", "weight": "500m"},
            {"authority": "cart-v2.shop.svc.cluster.local:8080", "weight": 1},
        ],
    }
    name = "cart.shop.svc.cluster.local"
    (split,) = splitting.read(splitting.declared("ServiceProfile", "linkerd.io/v1alpha2", spec, name=name))
    assert (split.name, split.apex) == (f"serviceprofile.{name}", "cart")
    assert splitting.weights(split) == {"cart-v1": 500, "cart-v2": 1000}


def test_a_service_profile_without_overrides_splits_nothing() -> None:
    assert (
        splitting.read(
            splitting.declared("ServiceProfile", "linkerd.io/v1alpha2", {"routes": []}, name="x.shop.svc.z")
        )
        == ()
    )
