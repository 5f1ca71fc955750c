"""Traps in the reporting side, in time units and in failures: each has caused wrong figures somewhere."""

from __future__ import annotations

import pytest

from tests.dialects import traffic
from tests.dialects.playing import Asked, figures

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest.mark.parametrize("asked", ["istio", "istio-mixer", "csm", "hubble"], indirect=True)
async def test_trap_1_milliseconds_and_seconds_are_seconds_alike(asked: Asked) -> None:
    """Most of what `db` receives takes some 3 ms."""
    item = (await asked.items("trafficmetrics"))[str(traffic.DB)]
    assert 0.001 < figures(item)["p50_response_latency"] < 0.01
    units = {one["name"]: one.get("unit") for one in item["metrics"]}
    assert units["p50_response_latency"] == "seconds"


@pytest.mark.parametrize("asked", ["istio", "istio-mixer", "gloo-mesh", "hubble", "otel"], indirect=True)
async def test_trap_2_what_both_ends_report_counts_once(asked: Asked) -> None:
    """Tested for the edge, and for the sum of all received requests."""
    edge = figures((await asked.items("trafficedges"))["deployment.frontend:deployment.cart"])
    calls = [call for call in traffic.CALLS if call.callee is traffic.CART]
    from_frontend = [call for call in calls if call.caller is traffic.FRONTEND]
    assert edge["success_count"] + edge["failure_count"] == sum(call.count for call in from_frontend)
    received = figures((await asked.items("trafficmetrics"))[str(traffic.CART)])
    assert received["success_count"] + received["failure_count"] == sum(call.count for call in calls)


@pytest.mark.parametrize("asked", ["istio", "linkerd", "csm", "envoy-access-log", "otel"], indirect=True)
async def test_trap_4_a_failure_of_grpc_comes_with_http_200_and_is_one(asked: Asked) -> None:
    found = figures((await asked.items("trafficmetrics"))[str(traffic.DB)])
    assert found["failure_count"] == sum(call.count for call in traffic.CALLS if call.grpc_status)


@pytest.mark.parametrize("asked", ["osm"], indirect=True)
async def test_trap_6_names_in_which_an_underscore_stands_for_a_dash_get_it_back(asked: Asked) -> None:
    caller, callee = traffic.CART.pods[0], traffic.DB.pods[0]
    edges = await asked.items("trafficedges", fieldSelector="resource.kind=Pod")
    assert f"pod.{caller}:data:pod.{callee}" in edges
    assert not any("_" in name for name in edges)


@pytest.mark.parametrize("asked", ["istio", "linkerd", "osm", "hubble"], indirect=True)
async def test_trap_7_the_mistake_of_a_caller_is_no_failure_by_itself(asked: Asked) -> None:
    edge = figures((await asked.items("trafficedges"))["deployment.frontend:deployment.cart"])
    calls = [c for c in traffic.CALLS if (c.caller, c.callee) == (traffic.FRONTEND, traffic.CART)]
    assert edge["failure_count"] == sum(call.count for call in calls if call.code >= 500)


@pytest.mark.parametrize("asked", ["istio", "istio-ambient", "csm", "hubble", "otel"], indirect=True)
async def test_trap_8_who_is_not_known_is_left_in_so_that_totals_add_up(asked: Asked) -> None:
    edges = await asked.items("trafficedges")
    for workload in (traffic.FRONTEND, traffic.CART, traffic.DB):
        arriving = [figures(item) for name, item in edges.items() if name.endswith(str(workload))]
        received = figures((await asked.items("trafficmetrics"))[str(workload)])
        for count in ("success_count", "failure_count"):
            assert sum(one[count] for one in arriving) == pytest.approx(received[count], abs=1e-6), workload


@pytest.mark.parametrize(
    ("asked", "agent"),
    [("hubble", "cilium"), ("istio-ambient", "ztunnel"), ("otel", "collector"), ("istio-mixer", "telemetry")],
    indirect=["asked"],
)
async def test_trap_10_who_is_scraped_for_others_is_none_of_the_callers(asked: Asked, agent: str) -> None:
    for path in ("trafficmetrics", "trafficedges", "pods", "namespaces"):
        assert not any(agent in name for name in await asked.items(path)), path
    assert "kube-system" not in await asked.items("namespaces")
