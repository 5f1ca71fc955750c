"""What stands for a peer in another cluster: never an object of this one, whatever kind is asked for."""

from __future__ import annotations

import pytest

from metrics_server.inventory import objects
from metrics_server.model import kinds, snapshot
from tests.metrics_server import meshes

_CART = meshes.ref("Deployment", "cart")
_SERVICE = meshes.ref("Service", "cart")
_KNOWN = objects.Inventory(
    {
        one.ref: one
        for one in (
            meshes.owned("cart-1", _CART, app="cart"),
            meshes.owned("cart", None, kind="Deployment"),
            meshes.service("cart", app="cart"),
        )
    }
)


def remote(name: str) -> kinds.Ref:
    """Return a reference to what is in another cluster."""
    return kinds.Ref("Remote", "", name)


def peer(
    *, workload: str = "", service: str = "", service_namespace: str = "", name: str = "", pod: str = ""
) -> snapshot.Peer:
    """Return a peer in the cluster `west`."""
    return snapshot.Peer(
        cluster="west",
        namespace="shop",
        workload=workload,
        service=service,
        service_namespace=service_namespace,
        name=name,
        pod=pod,
    )


@pytest.mark.parametrize(
    ("names", "kind", "name"),
    [
        ({"workload": "cart", "service": "entry"}, "", "cart.shop@west"),
        ({"workload": "cart", "service": "entry"}, "Deployment", "cart.shop@west"),
        ({"workload": "cart", "service": "entry"}, "Service", "entry.shop@west"),
        ({"workload": "cart", "service": "entry", "service_namespace": "bank"}, "Service", "entry.bank@west"),
        ({"workload": "cart", "service": "entry"}, "Namespace", "shop@west"),
        ({"workload": "cart", "pod": "cart-1"}, "Pod", "cart-1.shop@west"),
        ({"workload": "cart", "pod": "cart-1"}, "Node", "cart.shop@west"),
        ({"service": "cart"}, "Pod", "cart.shop@west"),
        ({"name": "cart"}, "", "cart.shop@west"),
    ],
)
def test_it_is_named_by_name_namespace_and_cluster(names: dict[str, str], kind: str, name: str) -> None:
    taken = meshes.moment([meshes.WEB], peers=[peer(**names)], client=[(0, 0, 7, 1)])
    assert [callee for _, callee in meshes.seen(taken, _KNOWN).edges(kind)] == [remote(name)]


def test_a_service_of_the_same_name_here_did_not_receive_its_requests() -> None:
    taken = meshes.moment(
        [meshes.WEB, meshes.pod("cart-1")],
        peers=[peer(service="cart"), meshes.to("cart")],
        client=[(0, 0, 7, 1), (0, 1, 3, 0)],
        server=[(1, -1, 3, 0)],
    )
    view = meshes.seen(taken, _KNOWN)
    assert view.received("Service")[_SERVICE].figures.total == 3
    assert {callee: figures.total for (_, callee), figures in view.edges("Service").items()} == {
        remote("cart.shop@west"): 8,
        _SERVICE: 3,
    }


def test_requests_to_it_do_not_hide_requests_of_unknown_callers_to_its_namesake() -> None:
    taken = meshes.moment(
        [meshes.WEB, meshes.pod("cart-1")],
        peers=[peer(service="cart")],
        client=[(0, 0, 7, 1)],
        server=[(1, -1, 5, 0)],
    )
    edges = meshes.seen(taken, _KNOWN).edges()
    assert edges[kinds.UNKNOWN, _CART].total == 5


def test_a_service_that_mirrors_it_has_what_its_callers_observed() -> None:
    mirrored = snapshot.Peer(cluster="west", mirrored=True, namespace="shop", service="cart-west")
    taken = meshes.moment([meshes.WEB], peers=[mirrored], client=[(0, 0, 7, 1)])
    view = meshes.seen(taken, _KNOWN)
    mirror = meshes.ref("Service", "cart-west")
    assert view.received("Service")[mirror].figures.total == 8
    assert [callee for _, callee in view.edges("Service")] == [mirror]
    assert [callee for _, callee in view.edges()] == [remote("cart-west.shop@west")]


def test_a_request_that_no_endpoint_answered_is_of_the_cluster_that_its_service_mirrors() -> None:
    """Linkerd reports it by the Service, and the answered ones with the cluster too."""
    answered = snapshot.Peer(cluster="west", mirrored=True, namespace="shop", service="cart-west")
    taken = meshes.moment(
        [meshes.WEB],
        peers=[answered, snapshot.Peer(namespace="shop", service="cart-west")],
        client=[(0, 0, 7, 1), (0, 1, 0, 4)],
    )
    edges = meshes.seen(taken, _KNOWN).edges()
    assert {callee: figures.total for (_, callee), figures in edges.items()} == {
        remote("cart-west.shop@west"): 12
    }


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(snapshot.Peer(namespace="shop", service="cart-west", pod="cart-1"), id="here too"),
        pytest.param(
            snapshot.Peer(cluster="east", mirrored=True, namespace="shop", service="cart-west"),
            id="in two clusters",
        ),
    ],
)
def test_a_service_of_several_clusters_stays_the_service(other: snapshot.Peer) -> None:
    answered = snapshot.Peer(cluster="west", mirrored=True, namespace="shop", service="cart-west")
    bare = snapshot.Peer(namespace="shop", service="cart-west")
    taken = meshes.moment(
        [meshes.WEB], peers=[answered, other, bare], client=[(0, 0, 7, 1), (0, 1, 7, 1), (0, 2, 0, 4)]
    )
    edges = meshes.seen(taken, _KNOWN).edges()
    found = {callee: figures.total for (_, callee), figures in edges.items()}
    assert found[meshes.ref("Service", "cart-west")] == 4
