"""Edges of the whole server: each is listed once in the namespace of each end, also from unknown callers."""

from __future__ import annotations

import pytest

from tests.metrics_server import reading

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_an_edge_is_its_callers_in_the_callers_namespace_and_the_callees_elsewhere(
    api: reading.Api,
) -> None:
    everywhere = {item["metadata"]["name"]: item for item in (await api.get("trafficedges")).items}
    edge = everywhere["deployment.cart:data:statefulset.db"]
    assert (edge["kind"], edge["metadata"]["namespace"]) == ("TrafficEdge", "shop")
    assert edge["resource"] == {"kind": "Deployment", "namespace": "shop", "name": "cart"}
    assert edge["edge"]["direction"] == "to"
    assert edge["edge"]["resource"] == {"kind": "StatefulSet", "namespace": "data", "name": "db"}
    here = {item["metadata"]["name"]: item for item in (await api.get("namespaces/data/trafficedges")).items}
    same = here["shop:deployment.cart:statefulset.db"]
    assert (same["edge"]["direction"], same["edge"]["side"]) == ("from", "client")
    assert same["metadata"]["namespace"] == "data"
    assert reading.figures(same) == reading.figures(edge)


async def test_every_edge_stands_once_in_the_namespace_of_each_of_its_ends(api: reading.Api) -> None:
    for edge in (await api.get("trafficedges")).items:
        ends = {edge["resource"].get("namespace"), edge["edge"]["resource"].get("namespace")} - {None}
        pair = {str(edge["resource"]), str(edge["edge"]["resource"])}
        for namespace in ends:
            inside = (await api.get(f"namespaces/{namespace}/trafficedges")).items
            same = [e for e in inside if {str(e["resource"]), str(e["edge"]["resource"])} == pair]
            assert [reading.counted(one) for one in same] == [reading.counted(edge)]


async def test_what_comes_from_outside_is_an_edge_from_nobody_known(api: reading.Api) -> None:
    reply = await api.get("namespaces/shop/trafficedges/unknown:deployment.gateway")
    assert reply.body["edge"] == {"direction": "from", "side": "server", "resource": {}}


async def test_the_edges_of_one_resource_go_both_ways(api: reading.Api) -> None:
    reply = await api.get("namespaces/shop/deployments/cart/edges")
    assert reply.body["resource"] == {"kind": "Deployment", "namespace": "shop", "name": "cart"}
    assert set(reply.names) == {"cart"}
    peers = {(item["edge"]["direction"], item["edge"]["resource"]["name"]) for item in reply.items}
    assert peers == {("to", "db"), ("from", "frontend"), ("from", "checkout")}


async def test_a_service_behind_nothing_is_a_peer_as_a_service(api: reading.Api) -> None:
    reply = await api.get("namespaces/shop/trafficedges/deployment.frontend:service.ghost")
    assert reply.body["edge"]["resource"] == {"kind": "Service", "namespace": "shop", "name": "ghost"}
    assert reading.figures(reply.body)["failure_count"] > 0
