"""Peers that a mesh reports as pods or workloads, and edges that only the callee reports."""

from __future__ import annotations

import dataclasses

import pytest

from metrics_server.aggregate import rollup
from metrics_server.inventory import objects
from metrics_server.model import kinds, snapshot
from metrics_server.ownership import graph
from tests.metrics_server import meshes

CART = snapshot.Peer(namespace="shop", workload="cart", service="basket")
CALLER = snapshot.Peer(namespace="shop", workload="web")


def edges(
    taken: snapshot.Snapshot, inventory: objects.Inventory | None = None, *, kind: str = graph.WORKLOAD
) -> dict[tuple[str, str], tuple[kinds.Side, float | None]]:
    """Return the side and the number of successes of each edge, by caller and callee."""
    known = inventory or objects.Inventory()
    found = rollup.Rollup(taken, graph.Ownership(taken, known)).edges(kind)
    reply = {
        (str(edge.caller), str(edge.callee)): (edge.figures.side, edge.figures.success) for edge in found
    }
    assert len(reply) == len(found), "no edge is there twice"
    return reply


def knowing(taken: snapshot.Snapshot) -> snapshot.Snapshot:
    """Return the same snapshot for meshes in which callees know their callers."""
    return dataclasses.replace(
        taken, meshes=tuple(dataclasses.replace(mesh, names_callers=True) for mesh in taken.meshes)
    )


def deployment(name: str, *pods: str) -> objects.Inventory:
    ref = meshes.ref("Deployment", name)
    owned = [meshes.owned(pod, ref) for pod in pods]
    return meshes.inventory(*owned, objects.Object(ref=ref))


def test_a_workload_is_of_the_kind_that_kubernetes_knows() -> None:
    taken = meshes.moment([meshes.pod("a")], peers=[CART], client=[(0, 0, 5, 0)])
    assert [*edges(taken, deployment("cart"))] == [("pod.a", "deployment.cart")]


def test_a_workload_that_reports_itself_is_what_it_says() -> None:
    """Without an inventory, its kind comes from the labels of its own scrape."""
    template = {"pod_template_hash": "7d4b"}
    pods = [meshes.pod("a"), meshes.pod("cart-7d4b-x", **template)]
    taken = meshes.moment(pods, peers=[CART], client=[(0, 0, 5, 0)])
    assert [*edges(taken)] == [("pod.a", "deployment.cart")]


@pytest.mark.parametrize("kinds", [(), ("Deployment", "StatefulSet")])
def test_a_workload_whose_kind_nobody_knows_for_sure_has_none(kinds: tuple[str, ...]) -> None:
    taken = meshes.moment([meshes.pod("a")], peers=[CART], client=[(0, 0, 5, 0)])
    inventory = meshes.inventory(*(objects.Object(ref=meshes.ref(kind, "cart")) for kind in kinds))
    assert [*edges(taken, inventory)] == [("pod.a", "workload.cart")]


def test_a_workload_seen_as_service_is_the_one_it_was_called_by() -> None:
    taken = meshes.moment([meshes.pod("a")], peers=[CART], client=[(0, 0, 5, 0)])
    assert [*edges(taken, deployment("cart"), kind="Service")] == [("pod.a", "service.basket")]
    assert [*edges(taken, deployment("cart"), kind="Namespace")] == [("namespace.shop", "namespace.shop")]


def test_a_pod_is_seen_as_whatever_stands_above_it() -> None:
    peer = snapshot.Peer(namespace="shop", pod="c1", kind="Deployment", workload="cart")
    taken = meshes.moment([meshes.pod("a")], peers=[peer], client=[(0, 0, 5, 0)])
    inventory = deployment("cart", "c1")
    assert [*edges(taken, inventory)] == [("pod.a", "deployment.cart")]
    assert [*edges(taken, inventory, kind="Pod")] == [("pod.a", "pod.c1")]


def test_a_caller_without_a_proxy_is_known_by_the_called_one() -> None:
    pods = [meshes.pod("c1")]
    taken = knowing(meshes.moment(pods, peers=[CALLER], server=[(0, 0, 5, 0), (0, -1, 3, 0)]))
    assert edges(taken) == {
        ("workload.web", "pod.c1"): (kinds.Side.SERVER, 5.0),
        ("unknown", "pod.c1"): (kinds.Side.SERVER, 3.0),
    }


def test_what_both_ends_tell_is_counted_once_and_told_by_the_caller() -> None:
    """The callee saw two requests fewer, because the caller's proxy gave up on them."""
    pods = [meshes.pod("w1"), meshes.pod("c1")]
    web, cart = meshes.ref("Deployment", "web"), meshes.ref("Deployment", "cart")
    inventory = meshes.inventory(
        meshes.owned("w1", web), meshes.owned("c1", cart), objects.Object(ref=web), objects.Object(ref=cart)
    )
    taken = knowing(meshes.moment(pods, peers=[CART, CALLER], client=[(0, 0, 5, 2)], server=[(1, 1, 5, 0)]))
    assert edges(taken, inventory) == {("deployment.web", "deployment.cart"): (kinds.Side.CLIENT, 5.0)}


def test_who_is_in_no_namespace_is_not_taken_for_called_because_a_pod_is() -> None:
    alone = snapshot.Reporter(instance="10.0.0.9:15090", labels={})
    peer = snapshot.Peer(namespace="shop", pod="c1")
    taken = meshes.moment(
        [meshes.pod("a"), alone], peers=[peer], client=[(0, 0, 5, 0)], server=[(1, -1, 3, 0)]
    )
    assert edges(taken) == {
        ("pod.a", "pod.c1"): (kinds.Side.CLIENT, 5.0),
        ("unknown", "host.10.0.0.9:15090"): (kinds.Side.SERVER, 3.0),
    }


BEFORE_CART = snapshot.Reporter(namespace="shop", kind="Service", workload="basket")


def behind_basket(*owners: str) -> objects.Inventory:
    """Return an inventory: a service that selects one pod of each of these Deployments."""
    pods = [
        dataclasses.replace(
            meshes.owned(f"{owner}-1", meshes.ref("Deployment", owner)), labels={"app": "cart"}
        )
        for owner in owners
    ]
    return meshes.inventory(*pods, meshes.service("basket", app="cart"))


@pytest.mark.parametrize(
    ("owners", "seen"),
    [(("cart",), "deployment.cart"), (("cart", "cart-v2"), "service.basket"), ((), "service.basket")],
)
def test_what_others_report_for_a_service_is_of_the_only_workload_behind_it(
    owners: tuple[str, ...], seen: str
) -> None:
    taken = meshes.moment([BEFORE_CART], server=[(0, -1, 5, 1)])
    rows = rollup.Rollup(taken, graph.Ownership(taken, behind_basket(*owners)))
    ((workload,), (service,)) = rows.received(graph.WORKLOAD), rows.received("Service")
    assert (str(workload.resource), str(service.resource)) == (seen, "service.basket")
    assert (service.figures.success, service.figures.failure) == (5, 1)
    assert [str(row.resource) for row in rows.received("Namespace")] == ["namespace.shop"]


def test_of_a_pod_behind_a_service_that_others_report_for_nothing_is_told() -> None:
    """Another pod may have been behind the service earlier in the window."""
    taken = meshes.moment([BEFORE_CART], server=[(0, -1, 5, 1)])
    rows = rollup.Rollup(taken, graph.Ownership(taken, behind_basket("cart")))
    assert rows.received("Pod") == rows.received("Node") == []


def test_a_service_and_a_workload_of_one_name_are_two() -> None:
    """Another reporter's figures for the service do not change what the workload is."""
    peer = snapshot.Peer(namespace="shop", workload="basket")
    reporter = meshes.pod("web")
    taken = meshes.moment([reporter, BEFORE_CART], peers=[peer], client=[(0, 0, 5, 0)])
    assert [*edges(taken, deployment("basket"))] == [("pod.web", "deployment.basket")]
