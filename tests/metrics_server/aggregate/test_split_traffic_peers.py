"""Peers that are pods, workloads or addresses: the backend of a split to which each belongs, if any."""

from __future__ import annotations

import dataclasses

import pytest

from metrics_server.inventory import objects
from metrics_server.model import kinds, snapshot
from tests.metrics_server import canaries


def test_a_called_pod_belongs_to_the_backend_that_selects_it() -> None:
    peers = [snapshot.Peer(namespace="shop", pod=name) for name in ("cart-1", "cart-2", "frontend-1")]
    taken = canaries.moment(canaries.BOTH, peers, client=[(2, 0, 3, 0), (2, 1, 1, 0), (2, 2, 100, 0)])
    assert canaries.figures_of(canaries.shared(taken, canaries.CANARY, known=canaries.VERSIONS).parts()) == {
        "canary:cart-v1": (3, 0, 0.75),
        "canary:cart-v2": (1, 0, 0.25),
    }


def test_a_called_pod_that_is_gone_still_belongs_to_its_backend() -> None:
    gone = kinds.Ref("Pod", "shop", "cart-1")
    left = {ref: one for ref, one in canaries.VERSIONS.objects.items() if ref != gone}
    known = objects.Inventory(left, {gone: canaries.VERSIONS.objects[gone]})
    taken = canaries.moment(
        [canaries.CALLER], [snapshot.Peer(namespace="shop", pod="cart-1")], client=[(0, 0, 3, 0)]
    )
    assert canaries.figures_of(canaries.shared(taken, canaries.CANARY, known=known).parts())[
        "canary:cart-v1"
    ] == (
        3,
        0,
        1.0,
    )


def test_a_called_workload_belongs_to_the_backend_that_selects_all_its_pods() -> None:
    peers = [snapshot.Peer(namespace="shop", workload=name) for name in ("cart-1", "cart-2", "elsewhere")]
    taken = canaries.moment(canaries.BOTH, peers, client=[(2, 0, 3, 0), (2, 1, 1, 0), (2, 2, 100, 0)])
    assert canaries.figures_of(canaries.shared(taken, canaries.CANARY, known=canaries.VERSIONS).parts()) == {
        "canary:cart-v1": (3, 0, 0.75),
        "canary:cart-v2": (1, 0, 0.25),
    }


def test_of_a_pod_that_two_backends_select_nobody_knows_which_was_called() -> None:
    both = canaries.split(canaries.backend("cart"), canaries.backend("cart-v2"))
    peers = [snapshot.Peer(namespace="shop", pod=name) for name in ("cart-1", "cart-2")]
    found = canaries.shared(
        canaries.moment(canaries.BOTH, peers, client=[(2, 0, 3, 0), (2, 1, 1, 0)]),
        both,
        known=canaries.VERSIONS,
    )
    assert canaries.figures_of(found.parts()) == {
        "canary:cart": canaries.UNKNOWN,
        "canary:cart-v2": canaries.UNKNOWN,
    }
    assert canaries.figures_of([found.whole(both)]) == {"canary": canaries.UNKNOWN}
    assert found.callers(both) == []
    assert "does not follow from what the mesh tells" in found.parts()[0].unclear


def test_without_an_inventory_a_called_pod_may_be_anybodys() -> None:
    peers = [snapshot.Peer(namespace="shop", pod="cart-1"), snapshot.Peer(namespace="lab", pod="x")]
    near = canaries.shared(canaries.moment([canaries.CALLER], peers, client=[(0, 0, 3, 0)]), canaries.CANARY)
    assert canaries.figures_of(near.parts()) == {
        "canary:cart-v1": canaries.UNKNOWN,
        "canary:cart-v2": canaries.UNKNOWN,
    }
    far = canaries.shared(canaries.moment([canaries.CALLER], peers, client=[(0, 1, 3, 0)]), canaries.CANARY)
    assert canaries.figures_of(far.parts()) == {
        "canary:cart-v1": (0, 0, None),
        "canary:cart-v2": (0, 0, None),
    }


@pytest.mark.parametrize(
    "peer",
    [
        pytest.param(snapshot.Peer(address="10.0.0.9:8080"), id="an address of nobody known"),
        pytest.param(snapshot.Peer(joined="shop-cart-v1"), id="two namespaces and services in one word"),
        pytest.param(snapshot.Peer(service="cart-v1", anywhere=True), id="a service of either namespace"),
    ],
)
def test_of_whom_only_half_is_told_nobody_knows_whether_it_was_a_backend(peer: snapshot.Peer) -> None:
    twins = [kinds.Ref("Service", "shop", "cart-v1"), kinds.Ref("Service", "shop-cart", "v1")]
    twins.append(kinds.Ref("Service", "lab", "cart-v1"))
    known = objects.Inventory({ref: objects.Object(ref=ref, selector={"app": "x"}) for ref in twins})
    found = canaries.shared(
        canaries.moment([canaries.CALLER], [peer, canaries.V2], client=[(0, 0, 3, 0), (0, 1, 1, 0)]),
        canaries.CANARY,
        known=known,
    )
    assert canaries.figures_of(found.parts())["canary:cart-v1"] == canaries.UNKNOWN


def test_an_address_that_kubernetes_knows_is_its_pods() -> None:
    ref = kinds.Ref("Pod", "shop", "cart-1")
    known_objects = {
        **canaries.VERSIONS.objects,
        ref: dataclasses.replace(canaries.VERSIONS.objects[ref], addresses=("10.0.0.9",)),
    }
    peer = snapshot.Peer(address="10.0.0.9:8080")
    taken = canaries.moment([canaries.CALLER], [peer], client=[(0, 0, 3, 0)])
    found = canaries.shared(taken, canaries.CANARY, known=objects.Inventory(known_objects))
    assert canaries.figures_of(found.parts()) == {
        "canary:cart-v1": (3, 0, 1.0),
        "canary:cart-v2": (0, 0, 0.0),
    }


def test_a_workload_that_others_report_for_is_what_its_pods_are() -> None:
    deployment = kinds.Ref("Deployment", "shop", "one")
    pod = kinds.Ref("Pod", "shop", "cart-1")
    known_objects = {
        **canaries.VERSIONS.objects,
        pod: dataclasses.replace(canaries.VERSIONS.objects[pod], owner=deployment),
    }
    known_objects[deployment] = objects.Object(ref=deployment)
    reporter = snapshot.Reporter(namespace="shop", workload="one", kind="Deployment", labels={})
    taken = canaries.moment([reporter], [], server=[(0, -1, 30, 0)])
    found = canaries.shared(taken, canaries.CANARY, known=objects.Inventory(known_objects))
    assert canaries.figures_of(found.parts()) == {
        "canary:cart-v1": (30, 0, 1.0),
        "canary:cart-v2": (0, 0, 0.0),
    }


def test_what_another_cluster_answers_was_sent_to_the_backend_whose_service_was_called() -> None:
    peers = [
        snapshot.Peer(namespace="shop", service="cart-v1"),
        snapshot.Peer(cluster="west", namespace="shop", workload="cart-1", service="cart-v2"),
    ]
    taken = canaries.moment(canaries.BOTH, peers, client=[(2, 0, 3, 0), (2, 1, 1, 0)])
    assert canaries.figures_of(canaries.shared(taken, canaries.CANARY, known=canaries.VERSIONS).parts()) == {
        "canary:cart-v1": (3, 0, 0.75),
        "canary:cart-v2": (1, 0, 0.25),
    }


def test_a_workload_of_another_cluster_is_not_the_namesake_behind_a_backend() -> None:
    peers = [
        snapshot.Peer(namespace="shop", workload="cart-1"),
        snapshot.Peer(cluster="west", namespace="shop", workload="cart-2"),
    ]
    taken = canaries.moment(canaries.BOTH, peers, client=[(2, 0, 3, 0), (2, 1, 100, 0)])
    assert canaries.figures_of(canaries.shared(taken, canaries.CANARY, known=canaries.VERSIONS).parts()) == {
        "canary:cart-v1": (3, 0, 1.0),
        "canary:cart-v2": (0, 0, 0.0),
    }
