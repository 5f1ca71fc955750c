"""Backends that are a subset of a service, or in several rules: what each received, where it is known."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from metrics_server.model import kinds, snapshot
from metrics_server.splits import model
from tests.metrics_server import canaries


def subset(name: str, weight: int = 1, labels: Mapping[str, str] | None = None) -> model.Backend:
    return canaries.backend("cart", weight, subset=name, labels=labels)


SUBSETS = canaries.split(subset("v1", 90, {"version": "v1"}), subset("v2", 10, {"version": "v2"}))


def called(workload: str = "") -> snapshot.Peer:
    return snapshot.Peer(namespace="shop", service="cart", workload=workload)


def test_subsets_are_told_apart_by_the_pods_of_the_called_workload() -> None:
    taken = canaries.moment(
        canaries.BOTH, [called("cart-1"), called("cart-2")], client=[(2, 0, 3, 0), (2, 1, 1, 0)]
    )
    found = canaries.shared(taken, SUBSETS, known=canaries.VERSIONS)
    assert canaries.figures_of(found.parts()) == {
        "canary:cart@v1": (3, 0, 0.75),
        "canary:cart@v2": (1, 0, 0.25),
    }


def test_a_version_that_is_no_subset_of_the_split_is_not_of_it() -> None:
    first = canaries.split(subset("v1", 90, {"version": "v1"}), canaries.backend("other"))
    taken = canaries.moment(
        canaries.BOTH, [called("cart-1"), called("cart-2")], client=[(2, 0, 3, 0), (2, 1, 1, 0)]
    )
    assert canaries.figures_of(canaries.shared(taken, first, known=canaries.VERSIONS).parts()) == {
        "canary:cart@v1": (3, 0, 1.0),
        "canary:other": (0, 0, 0.0),
    }


@pytest.mark.parametrize(
    ("peer", "backends"),
    [
        pytest.param(called(), SUBSETS.backends, id="no workload is told"),
        pytest.param(called("nobody"), SUBSETS.backends, id="a workload of unknown pods"),
        pytest.param(called("cart-1"), (subset("v1"), subset("v2")), id="no labels are known"),
        pytest.param(
            called("cart-1"), (subset("a", 1, {"app": "cart"}), SUBSETS.backends[0]), id="a pod is in both"
        ),
    ],
)
def test_subsets_that_cannot_be_told_apart_have_no_figures(
    peer: snapshot.Peer, backends: tuple[model.Backend, ...]
) -> None:
    one = canaries.split(*backends)
    found = canaries.shared(
        canaries.moment(canaries.BOTH, [peer], client=[(2, 0, 3, 0)]), one, known=canaries.VERSIONS
    )
    assert set(canaries.figures_of(found.parts()).values()) == {canaries.UNKNOWN}
    assert all(part.unclear for part in found.parts())


def test_what_could_not_be_told_apart_and_is_over_leaves_nothing_unclear() -> None:
    taken = canaries.moment(canaries.BOTH, [called(), called("cart-1")], client=[(2, 0, 0, 0), (2, 1, 3, 0)])
    assert canaries.figures_of(canaries.shared(taken, SUBSETS, known=canaries.VERSIONS).parts())[
        "canary:cart@v1"
    ] == (3, 0, 1.0)


def test_what_several_rules_send_to_has_no_figures_and_the_rest_has() -> None:
    target = (kinds.Ref("Service", "shop", "cart-v1"), "")
    one = canaries.split(
        canaries.backend("cart-v1"), canaries.backend("cart-v2"), rule="1", shared=frozenset({target})
    )
    taken = canaries.moment(
        [canaries.CALLER], [canaries.V1, canaries.V2], client=[(0, 0, 3, 0), (0, 1, 1, 0)]
    )
    found = canaries.shared(taken, one)
    assert canaries.figures_of(found.parts()) == {
        "canary@1:cart-v1": canaries.UNKNOWN,
        "canary@1:cart-v2": (1, 0, None),
    }
    assert "another rule of the TrafficSplit also sends to cart-v1" in found.parts()[0].unclear
    assert {(one.name, one.share) for one in found.callers(one)} == {("canary@1:cart-v2", None)}


def test_what_is_neither_service_nor_host_has_no_figures() -> None:
    other = model.Backend(service=kinds.Ref("ServiceImport", "shop", "cart-v1"), weight=1)
    found = canaries.shared(
        canaries.moment([canaries.CALLER], [canaries.V1], client=[(0, 0, 3, 0)]),
        canaries.split(other, canaries.backend("cart-v1")),
    )
    assert canaries.figures_of(found.parts()) == {
        "canary:serviceimport.cart-v1": canaries.UNKNOWN,
        "canary:cart-v1": (3, 0, None),
    }
