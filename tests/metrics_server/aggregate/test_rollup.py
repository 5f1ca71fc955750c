"""A small mesh made by hand: the sums over pods for each kind, and the owners of the pods."""

from __future__ import annotations

import dataclasses

import pytest

from metrics_server.aggregate import rollup
from metrics_server.inventory import objects
from metrics_server.model import kinds, snapshot
from metrics_server.ownership import graph
from tests.metrics_server import meshes


def test_counts_of_pods_are_summed_up_to_deployment_node_and_namespace() -> None:
    known = meshes.inventory(
        meshes.owned("a", meshes.CART_RS, node="n1"),
        meshes.owned("b", meshes.CART_RS, node="n2"),
        meshes.owned("cart-rs", meshes.CART, kind="ReplicaSet"),
    )
    view = meshes.seen(
        meshes.moment([meshes.pod("a"), meshes.pod("b")], server=[(0, -1, 3, 1), (1, -1, 5, 0)]), known
    )
    for kind, expected in {
        "Pod": {meshes.ref("Pod", "a"): (3, 1), meshes.ref("Pod", "b"): (5, 0)},
        "ReplicaSet": {meshes.CART_RS: (8, 1)},
        "Deployment": {meshes.CART: (8, 1)},
        "": {meshes.CART: (8, 1)},
        "Namespace": {meshes.ref("Namespace", "shop", ""): (8, 1)},
        "Node": {meshes.ref("Node", "n1", ""): (3, 1), meshes.ref("Node", "n2", ""): (5, 0)},
        "StatefulSet": {},
        "Service": {},
    }.items():
        rows = view.received(kind)
        assert {one: (row.figures.success, row.figures.failure) for one, row in rows.items()} == expected, (
            kind
        )


def test_an_idle_resource_has_counts_of_zero_and_no_latency() -> None:
    figures = (
        meshes.seen(meshes.moment([meshes.pod("a")], server=[(0, -1, 0, 0)]))
        .received()[meshes.ref("Pod", "a")]
        .figures
    )
    assert (figures.success, figures.failure, figures.latency) == (0, 0, (None, None, None))
    assert not any(figures.clamped)


def test_where_series_are_there_from_the_start_none_means_not_known() -> None:
    row = meshes.seen(meshes.moment([meshes.pod("a")])).received()[meshes.ref("Pod", "a")]
    assert row.sent is not None
    assert (row.figures.success, row.figures.failure, row.sent.total) == (None, None, 0)


def test_a_resource_that_nobody_scrapes_is_absent() -> None:
    view = meshes.seen(
        meshes.moment([meshes.pod("a")], server=[(0, -1, 1, 0)]),
        meshes.inventory(meshes.owned("a", None), meshes.owned("silent", None)),
    )
    assert set(view.received("Pod")) == {meshes.ref("Pod", "a")}


def test_latency_is_the_quantile_of_summed_buckets() -> None:
    figures = (
        meshes.seen(meshes.moment([meshes.pod("a")], server=[(0, -1, 60, 40)]))
        .received()[meshes.ref("Pod", "a")]
        .figures
    )
    assert figures.latency == pytest.approx((0.0055, 0.0091, 0.00991))


def test_what_a_resource_sends_is_counted_beside_what_it_receives() -> None:
    taken = meshes.moment(
        [meshes.pod("a"), meshes.pod("b")],
        peers=[meshes.to("db", "data")],
        client=[(0, 0, 7, 1)],
        server=[(1, -1, 1, 0)],
    )
    view = meshes.seen(taken).received()
    sent = [view[meshes.ref("Pod", name)].sent for name in ("a", "b")]
    assert [figures and figures.total for figures in sent] == [8, 0]


# Owners


def test_without_an_inventory_owners_are_read_off_the_labels() -> None:
    template = {"pod_template_hash": "rs"}
    taken = meshes.moment(
        [
            meshes.pod("cart-rs-1", **template, app="cart"),
            meshes.pod("cart-rs-2", **template, app="cart", zone="x"),
        ],
        server=[(0, -1, 3, 0), (1, -1, 4, 0)],
    )
    owners = graph.Ownership(taken, objects.Inventory())
    (row,) = rollup.Rollup(taken, owners).received(graph.WORKLOAD)
    assert (row.resource, row.figures.success) == (meshes.CART, 7)
    assert owners.labels(meshes.CART) == {"app": "cart"}
    assert owners.labels(meshes.ref("Pod", "cart-rs-2")) == {**template, "app": "cart", "zone": "x"}
    assert owners.labels(meshes.ref("Pod", "unheard-of")) == {}


def test_a_deleted_pod_that_the_inventory_no_longer_knows_still_has_an_owner() -> None:
    known = meshes.inventory(
        meshes.owned("cart-rs-1", meshes.CART_RS), meshes.owned("cart-rs", meshes.CART, kind="ReplicaSet")
    )
    reporters = [meshes.pod("cart-rs-1"), meshes.pod("cart-rs-2", pod_template_hash="rs")]
    view = meshes.seen(meshes.moment(reporters, server=[(0, -1, 3, 0), (1, -1, 4, 0)]), known)
    assert view.received()[meshes.CART].figures.success == 7


def test_the_labels_of_a_known_resource_are_its_own() -> None:
    known = meshes.inventory(
        meshes.owned("a", meshes.CART, app="cart"),
        objects.Object(ref=meshes.CART, labels={"team": "checkout"}),
    )
    owners = graph.Ownership(meshes.moment([meshes.pod("a", app="scraped")]), known)
    assert owners.labels(meshes.CART) == {"team": "checkout"}
    assert owners.labels(meshes.ref("Pod", "a")) == {"app": "cart"}


def test_owners_that_own_each_other_end_somewhere() -> None:
    a, b = meshes.ref("Pod", "a"), meshes.ref("ReplicaSet", "b")
    known = meshes.inventory(meshes.owned("a", b), meshes.owned("b", a, kind="ReplicaSet"))
    assert set(meshes.seen(meshes.moment([meshes.pod("a")]), known).received()) <= {a, b}


def test_an_owner_of_any_kind_is_a_workload() -> None:
    rollout = meshes.ref("Rollout", "cart")
    assert set(
        meshes.seen(meshes.moment([meshes.pod("a")]), meshes.inventory(meshes.owned("a", rollout))).received()
    ) == {rollout}


def test_machines_and_bare_addresses_are_shown() -> None:
    taken = meshes.moment(
        [
            snapshot.Reporter(namespace="shop", machine="vm", labels={}),
            snapshot.Reporter(instance="127.0.0.1:1", labels={}),
        ],
        server=[(0, -1, 1, 0), (1, -1, 2, 0)],
    )
    assert {one: row.figures.success for one, row in meshes.seen(taken).received().items()} == {
        meshes.ref("ExternalWorkload", "vm"): 1,
        kinds.Ref("Host", "", "127.0.0.1:1"): 2,
    }


def test_a_node_is_known_from_the_scrape_where_no_inventory_tells() -> None:
    reporter = dataclasses.replace(meshes.pod("a"), node="n9")
    assert set(meshes.seen(meshes.moment([reporter])).received("Node")) == {meshes.ref("Node", "n9", "")}


def test_namespaces_are_known_by_their_resources_and_by_themselves() -> None:
    known = meshes.inventory(
        objects.Object(ref=meshes.ref("Namespace", "empty", "")), meshes.service("db", "data")
    )
    assert graph.Ownership(meshes.moment([meshes.pod("a")]), known).namespaces == {
        "shop",
        "data",
        "empty",
    }
