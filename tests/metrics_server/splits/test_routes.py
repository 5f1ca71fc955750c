"""Routes of the Gateway API split traffic."""

from __future__ import annotations

from typing import Any

import pytest

from tests.metrics_server import splitting


@pytest.mark.parametrize(
    ("kind", "version"),
    [("HTTPRoute", "v1"), ("HTTPRoute", "v1beta1"), ("GRPCRoute", "v1"), ("GRPCRoute", "v1alpha2")],
)
def test_a_route_of_a_service_splits_its_traffic(kind: str, version: str) -> None:
    parents = [{"group": "", "kind": "Service", "name": "cart"}]
    rule = splitting.refs(("cart-v1", 9), ("cart-v2", None))
    (split,) = splitting.read(splitting.route(rule, parents=parents, kind=kind, version=version))
    assert (split.name, split.apex, split.at_home) == (f"{kind.lower()}.cart", "cart", True)
    assert splitting.weights(split) == {"cart-v1": 9, "cart-v2": 1}


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
    (split,) = splitting.read(splitting.route(splitting.refs(("cart-v1", 9), ("cart-v2", 1)), **more))
    assert (split.apex, split.at_home) == (apex, at_home)


def test_a_rule_with_one_backend_is_no_split() -> None:
    assert (
        splitting.read(
            splitting.route(splitting.refs(("cart", None)), {"matches": []}, {"backendRefs": None})
        )
        == ()
    )
    assert splitting.read(splitting.declared("HTTPRoute", f"{splitting.GATEWAY}/v1", {})) == ()


def test_rules_that_split_alike_are_one_split() -> None:
    rule = splitting.refs(("cart-v1", 9), ("cart-v2", 1))
    (split,) = splitting.read(splitting.route(rule, splitting.refs(("cart", 1)), rule))
    assert (split.name, split.shared) == ("httproute.cart", frozenset())


def test_rules_that_split_differently_are_several_and_share_what_both_send_to() -> None:
    (first, second) = splitting.read(
        splitting.route(
            splitting.refs(("cart-v1", 9), ("cart-v2", 1)),
            splitting.refs(("x", 1)),
            splitting.refs(("cart-v1", 1), ("cart-v3", 1)),
        )
    )
    assert (first.name, second.name) == ("httproute.cart@1", "httproute.cart@3")
    assert {service.name for service, _ in first.shared | second.shared} == {"cart-v1"}


def test_a_backend_of_another_kind_is_told_as_such() -> None:
    other = splitting.refs(
        ("cart-v1", 1), ("cart-v2", 1), group="multicluster.x-k8s.io", kind="ServiceImport"
    )
    (split,) = splitting.read(splitting.route(other))
    assert list(splitting.weights(split)) == ["serviceimport.cart-v1", "serviceimport.cart-v2"]
