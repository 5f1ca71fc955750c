"""An autoscaler reads an edge by the names of both ends; the figures are those of the caller."""

from __future__ import annotations

import pytest

from tests.metrics_server import reading, scaler

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_one_edge_is_one_item_and_what_people_read(autoscaler: scaler.Autoscaler) -> None:
    reply = await autoscaler.get(
        f"{scaler.EXTERNAL}/namespaces/shop/success_count?labelSelector=from%3Dfrontend,to%3Dcart"
    )
    (item,) = reply.items
    edges = await scaler.traffic(autoscaler, "namespaces/shop/trafficedges")
    edge = edges["deployment.frontend:deployment.cart"]
    assert scaler.number(item) == reading.figures(edge)["success_count"] > 0
    assert item == {
        "apiVersion": "external.metrics.k8s.io/v1beta1",
        "kind": "SuccessCount",
        "metricName": "success_count",
        "metricLabels": {"from": "frontend", "to": "cart"},
        "timestamp": edge["timestamp"],
        "window": 30,
        "value": item["value"],
    }


async def test_the_edges_to_a_workload_are_all_that_its_callers_saw(autoscaler: scaler.Autoscaler) -> None:
    edges = await scaler.traffic(autoscaler, "trafficedges")
    to_cart = [name for name in edges if name.endswith(":deployment.cart")]
    ask = f"{scaler.EXTERNAL}/namespaces/shop/success_count?labelSelector="
    total = await autoscaler.value(f"{ask}name%3Dcart,side%3Dclient")
    assert total == pytest.approx(sum(reading.figures(edges[name])["success_count"] for name in to_cart))
    parts = [name.split(":")[0].split(".")[1] for name in to_cart]
    assert total == pytest.approx(
        sum([await autoscaler.value(f"{ask}from%3D{one},to%3Dcart") for one in parts])
    )


async def test_an_object_with_a_caller_is_that_edge(autoscaler: scaler.Autoscaler) -> None:
    edge = await autoscaler.value(
        f"{scaler.EXTERNAL}/namespaces/shop/requests_per_second?labelSelector=from%3Dfrontend,to%3Dcart"
    )
    asked = f"{scaler.SHOP}/deployments/cart/requests_per_second?metricLabelSelector=from%3Dfrontend"
    assert await autoscaler.value(asked) == edge
    sent = (
        f"{scaler.SHOP}/deployments/frontend/requests_per_second?metricLabelSelector=direction%3Dto,to%3Dcart"
    )
    assert await autoscaler.value(sent) == edge


async def test_what_is_sent_is_the_sum_of_the_edges_that_leave(autoscaler: scaler.Autoscaler) -> None:
    edges = await scaler.traffic(autoscaler, "trafficedges")
    leaving = [item for name, item in edges.items() if name.startswith("deployment.frontend:")]
    asked = f"{scaler.SHOP}/deployments/frontend/success_count?metricLabelSelector=direction%3Dto"
    expected = sum(reading.figures(item)["success_count"] for item in leaving)
    assert await autoscaler.value(asked) == pytest.approx(expected)
    external = f"{scaler.EXTERNAL}/namespaces/shop/success_count?labelSelector=name%3Dfrontend,direction%3Dto"
    assert await autoscaler.value(external) == pytest.approx(expected)


async def test_an_edge_that_nobody_uses_is_zero(autoscaler: scaler.Autoscaler) -> None:
    ask = f"{scaler.EXTERNAL}/namespaces/shop"
    assert await autoscaler.value(f"{ask}/requests_per_second?labelSelector=from%3Dcart,to%3Dfrontend") == 0
    latency = await autoscaler.get(f"{ask}/p99_response_latency?labelSelector=from%3Dcart,to%3Dfrontend")
    assert "no requests in the last 30s" in latency.refused(404)


async def test_an_end_may_be_in_another_namespace_and_one_is_here(autoscaler: scaler.Autoscaler) -> None:
    edge = "requests_per_second?labelSelector=from%3Dcart,to%3Ddb,to_namespace%3Ddata"
    assert await autoscaler.value(f"{scaler.EXTERNAL}/namespaces/shop/{edge}") > 0
    from_there = "requests_per_second?labelSelector=from%3Dcart,from_namespace%3Dshop,to%3Ddb"
    assert await autoscaler.value(f"{scaler.EXTERNAL}/namespaces/data/{from_there}") > 0
    whole = await autoscaler.value(
        f"{scaler.EXTERNAL}/namespaces/shop/requests_per_second?labelSelector=kind%3DNamespace"
    )
    assert whole == await autoscaler.value(f"{scaler.SHOP}/metrics/requests_per_second")
