"""Edges with services, hosts or unknown endpoints, and resources without an unknown caller."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from metrics_server.inventory import objects
from metrics_server.model import kinds, number_types, snapshot
from tests.metrics_server import meshes


def of_one_workload(*, second: kinds.Ref = meshes.CART) -> objects.Inventory:
    return meshes.inventory(
        meshes.owned("c1", meshes.CART, app="cart"),
        meshes.owned("c2", second, app="cart"),
        meshes.service("cart", app="cart"),
    )


ONE_CALL = meshes.moment([meshes.WEB], peers=[meshes.to("cart")], client=[(0, 0, 5, 1)])


def test_a_service_with_one_workload_is_that_workload() -> None:
    assert set(meshes.seen(ONE_CALL, of_one_workload()).edges()) == {(meshes.WEB_REF, meshes.CART)}


def test_a_service_behind_two_workloads_stays_a_service() -> None:
    known = of_one_workload(second=meshes.ref("Deployment", "cart-canary"))
    assert set(meshes.seen(ONE_CALL, known).edges()) == {(meshes.WEB_REF, meshes.ref("Service", "cart"))}


def test_pods_that_nobody_scrapes_count_when_a_workload_must_be_the_only_one() -> None:
    taken = meshes.moment(
        [meshes.WEB, meshes.pod("c1")],
        peers=[meshes.to("cart")],
        client=[(0, 0, 5, 1)],
        server=[(1, -1, 5, 1)],
    )
    known = of_one_workload(second=meshes.ref("Deployment", "cart-canary"))
    assert (meshes.WEB_REF, meshes.ref("Service", "cart")) in meshes.seen(taken, known).edges()


@pytest.mark.parametrize(
    "known",
    [
        objects.Inventory(),
        meshes.inventory(meshes.service("cart", app="gone")),
        meshes.inventory(meshes.service("cart")),
    ],
)
def test_a_service_that_selects_nothing_known_stays_a_service(known: objects.Inventory) -> None:
    assert set(meshes.seen(ONE_CALL, known).edges()) == {(meshes.WEB_REF, meshes.ref("Service", "cart"))}


def test_a_service_selects_in_its_own_namespace_only() -> None:
    known = meshes.inventory(
        meshes.owned("c1", None, namespace="data", app="cart"), meshes.service("cart", app="cart")
    )
    assert set(meshes.seen(ONE_CALL, known).edges()) == {(meshes.WEB_REF, meshes.ref("Service", "cart"))}


def test_a_service_of_two_pods_seen_as_pods_is_their_workload() -> None:
    assert set(meshes.seen(ONE_CALL, of_one_workload()).edges("Pod")) == {(meshes.WEB_REF, meshes.CART)}


def test_seen_as_services_or_namespaces_a_peer_is_what_the_mesh_calls_it() -> None:
    view = meshes.seen(ONE_CALL, of_one_workload())
    assert set(view.edges("Service")) == {(meshes.WEB_REF, meshes.ref("Service", "cart"))}
    assert set(view.edges("Namespace")) == {
        (meshes.ref("Namespace", "shop", ""), meshes.ref("Namespace", "shop", ""))
    }


def test_a_bare_name_is_a_service_if_there_is_one_and_else_a_host() -> None:
    taken = meshes.moment(
        [meshes.WEB], peers=[snapshot.Peer(namespace="shop", name="cart")], client=[(0, 0, 5, 1)]
    )
    assert set(meshes.seen(taken, of_one_workload()).edges()) == {(meshes.WEB_REF, meshes.CART)}
    assert set(meshes.seen(taken).edges()) == {(meshes.WEB_REF, kinds.Ref("Host", "", "cart"))}


def test_a_host_stays_a_host_seen_as_anything() -> None:
    taken = meshes.moment([meshes.WEB], peers=[snapshot.Peer(host="api.example.com")], client=[(0, 0, 5, 1)])
    host = kinds.Ref("Host", "", "api.example.com")
    for kind in ("", *kinds.KIND_BY_NAME):
        assert [edge[1] for edge in meshes.seen(taken).edges(kind)] == [host]


def test_several_services_of_one_pod_each_receive_all_it_receives() -> None:
    known = meshes.inventory(
        meshes.owned("c1", meshes.CART, app="cart", v="1"),
        meshes.service("cart", app="cart"),
        meshes.service("cart-v1", v="1"),
    )
    taken = meshes.moment([meshes.pod("c1")], server=[(0, -1, 5, 1)])
    view = meshes.seen(taken, known)
    assert {one: row.figures.success for one, row in view.received("Service").items()} == {
        meshes.ref("Service", "cart"): 5,
        meshes.ref("Service", "cart-v1"): 5,
    }


def test_a_caller_behind_several_services_calls_as_its_workload() -> None:
    known = meshes.inventory(
        meshes.owned("web", meshes.CART, app="web"),
        meshes.service("one", app="web"),
        meshes.service("two", app="web"),
    )
    assert set(meshes.seen(ONE_CALL, known).edges("Service")) == {
        (meshes.CART, meshes.ref("Service", "cart"))
    }


def test_a_service_without_scraped_proxies_is_told_by_its_callers() -> None:
    row = meshes.seen(ONE_CALL, of_one_workload()).received("Service")[meshes.ref("Service", "cart")]
    assert (row.figures.side, row.figures.success, row.figures.failure, row.sent) == ("client", 5, 1, None)


def test_a_service_with_a_scraped_proxy_is_told_by_it() -> None:
    taken = meshes.moment(
        [meshes.WEB, meshes.pod("c1")],
        peers=[meshes.to("cart")],
        client=[(0, 0, 5, 1)],
        server=[(1, -1, 4, 0)],
    )
    row = meshes.seen(taken, of_one_workload()).received("Service")[meshes.ref("Service", "cart")]
    assert (row.figures.side, row.figures.success) == ("server", 4)


# Unknown endpoints


def test_traffic_of_which_nobody_reports_a_call_comes_from_nobody_known() -> None:
    edges = meshes.seen(meshes.moment([meshes.WEB], server=[(0, -1, 9, 1)])).edges()
    figures = edges[kinds.UNKNOWN, meshes.WEB_REF]
    assert (figures.side, figures.success, figures.failure) == ("server", 9, 1)


@pytest.mark.parametrize(
    "known", [of_one_workload(), of_one_workload(second=meshes.ref("Deployment", "canary"))]
)
def test_traffic_of_which_somebody_reports_a_call_does_not(known: objects.Inventory) -> None:
    taken = meshes.moment(
        [meshes.WEB, meshes.pod("c1")],
        peers=[meshes.to("cart")],
        client=[(0, 0, 5, 1)],
        server=[(1, -1, 9, 1)],
    )
    for kind in ("", "Pod", "Deployment", "Service"):
        assert not [edge for edge in meshes.seen(taken, known).edges(kind) if edge[0] == kinds.UNKNOWN], kind


def test_who_tells_only_what_it_received_is_known_as_a_caller_by_those_it_called() -> None:
    knowing = dataclasses.replace(meshes.TOY, names_callers=True)
    reply = meshes.moment(
        [meshes.pod("cart-a"), meshes.pod("db-0", "data")],
        peers=[snapshot.Peer(namespace="shop", pod="cart-a")],
        server=[(0, -1, 9, 0), (1, 0, 5, 1)],
    )
    found = meshes.seen(dataclasses.replace(reply, meshes=(knowing,)))
    assert found.rows.reports([number_types.ReporterNumber(0)]) is False
    edge = found.edges("Pod")[meshes.ref("Pod", "cart-a"), meshes.ref("Pod", "db-0", "data")]
    assert (edge.side, edge.success, edge.failure) == (kinds.Side.SERVER, 5, 1)


@pytest.mark.parametrize("timed_by_callees", [True, False])
def test_an_edge_is_timed_by_the_called_one_in_a_mesh_that_times_nothing_else(timed_by_callees: bool) -> None:
    mesh = dataclasses.replace(meshes.TOY, names_callers=True, timed_by_callees=timed_by_callees)
    cart, db = meshes.pod("cart-a"), meshes.pod("db-0", "data")
    reply = meshes.moment(
        [cart, db],
        peers=[snapshot.Peer(namespace="data", pod="db-0"), snapshot.Peer(namespace="shop", pod="cart-a")],
        client=[(0, 0, 7, 2)],
        server=[(1, 1, 5, 1)],
    )
    sent = reply.calls[kinds.Side.CLIENT]
    untimed = dataclasses.replace(sent, buckets=np.zeros_like(sent.buckets))
    reply = dataclasses.replace(reply, meshes=(mesh,), calls={**reply.calls, kinds.Side.CLIENT: untimed})
    edge = meshes.seen(reply).edges("Pod")[meshes.ref("Pod", "cart-a"), meshes.ref("Pod", "db-0", "data")]
    assert (edge.side, edge.success, edge.failure) == (kinds.Side.CLIENT, 7, 2)
    assert [value is not None for value in edge.latency] == [timed_by_callees] * 3


def test_an_idle_resource_is_called_by_nobody_at_all() -> None:
    assert meshes.seen(meshes.moment([meshes.WEB], server=[(0, -1, 0, 0)])).edges() == {}


def test_a_call_to_a_peer_that_is_not_told_goes_to_nobody_known() -> None:
    assert set(meshes.seen(meshes.moment([meshes.WEB], client=[(0, -1, 3, 0)])).edges()) == {
        (meshes.WEB_REF, kinds.UNKNOWN)
    }


def test_an_empty_moment_has_no_rows() -> None:
    for kind in ("", *kinds.KIND_BY_NAME):
        assert meshes.seen(meshes.moment([])).received(kind) == {}
        assert meshes.seen(meshes.moment([])).edges(kind) == {}
