"""What was deleted keeps its traffic, and stands behind nothing any more."""

from __future__ import annotations

from metrics_server import inventory
from tests.metrics_server import test_rollup as mesh

OLD, NEW = mesh.ref("Deployment", "cart"), mesh.ref("Deployment", "cart-next")


def replaced() -> inventory.Inventory:
    """A Deployment and its pod were deleted; another Deployment is selected by the same service now."""
    gone = (
        mesh.owned("old", mesh.CART_RS, node="n1", app="cart"),
        mesh.owned("cart-rs", OLD, kind="ReplicaSet"),
        mesh.owned("cart", None, kind="Deployment", tier="shop"),
    )
    there = (
        mesh.owned("new", NEW, node="n2", app="cart"),
        mesh.owned("cart-next", None, kind="Deployment"),
        mesh.service("cart", app="cart"),
    )
    return inventory.Inventory({one.ref: one for one in there}, {one.ref: one for one in gone})


def test_a_deleted_pod_keeps_its_owner_its_node_and_its_service_while_its_requests_count() -> None:
    taken = mesh.moment([mesh.pod("old"), mesh.pod("new")], server=[(0, -1, 3, 1), (1, -1, 5, 0)])
    view = mesh.seen(taken, replaced())
    for kind, expected in {
        "": {OLD: 3, NEW: 5},
        "Node": {mesh.ref("Node", "n1", ""): 3, mesh.ref("Node", "n2", ""): 5},
        "Service": {mesh.ref("Service", "cart"): 8},
    }.items():
        assert {one: row.figures.success for one, row in view.received(kind).items()} == expected, kind


def test_what_has_no_requests_any_more_is_not_behind_its_service() -> None:
    taken = mesh.moment([mesh.WEB, mesh.pod("new")], peers=[mesh.to("cart")], client=[(0, 0, 7, 0)])
    assert list(mesh.seen(taken, replaced()).edges()) == [(mesh.WEB_REF, NEW)]
