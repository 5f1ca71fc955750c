"""A deleted pod keeps the traffic of the window, but is no longer behind a service."""

from __future__ import annotations

from metrics_server.inventory import objects
from tests.metrics_server import meshes

OLD, NEW = meshes.ref("Deployment", "cart"), meshes.ref("Deployment", "cart-next")


def replaced() -> objects.Inventory:
    """Return an inventory with a deleted Deployment; its service now selects another Deployment."""
    gone = (
        meshes.owned("old", meshes.CART_RS, node="n1", app="cart"),
        meshes.owned("cart-rs", OLD, kind="ReplicaSet"),
        meshes.owned("cart", None, kind="Deployment", tier="shop"),
    )
    there = (
        meshes.owned("new", NEW, node="n2", app="cart"),
        meshes.owned("cart-next", None, kind="Deployment"),
        meshes.service("cart", app="cart"),
    )
    return objects.Inventory({one.ref: one for one in there}, {one.ref: one for one in gone})


def test_a_deleted_pod_keeps_its_owner_its_node_and_its_service_while_its_requests_count() -> None:
    taken = meshes.moment([meshes.pod("old"), meshes.pod("new")], server=[(0, -1, 3, 1), (1, -1, 5, 0)])
    view = meshes.seen(taken, replaced())
    for kind, expected in {
        "": {OLD: 3, NEW: 5},
        "Node": {meshes.ref("Node", "n1", ""): 3, meshes.ref("Node", "n2", ""): 5},
        "Service": {meshes.ref("Service", "cart"): 8},
    }.items():
        assert {one: row.figures.success for one, row in view.received(kind).items()} == expected, kind


def test_what_has_no_requests_any_more_is_not_behind_its_service() -> None:
    taken = meshes.moment([meshes.WEB, meshes.pod("new")], peers=[meshes.to("cart")], client=[(0, 0, 7, 0)])
    assert list(meshes.seen(taken, replaced()).edges()) == [(meshes.WEB_REF, NEW)]
