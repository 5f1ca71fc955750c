"""Waypoints of Istio's ambient mode stand between callers and callees, and are neither."""

from __future__ import annotations

import pytest

from metrics_server.inventory import objects
from metrics_server.model import kinds
from tests.dialects import moments
from tests.metrics_server import recording

_ISTIO = moments.MESHES["istio"]
_GATEWAY, _WAYPOINT = moments.pod("edge", "gateway-1"), moments.pod("shop", "l7-1")
_SERVICE = {"destination_service_name": "cart", "destination_service_namespace": "shop"}
_CALLER = {"source_workload": "gateway", "source_workload_namespace": "edge", "response_code": "200"}


def _deployment(namespace: str, name: str) -> list[objects.Object]:
    """Return a Deployment with a pod, which a Service of the same name may select."""
    ref = kinds.Ref("Deployment", namespace, name)
    pod = kinds.Ref("Pod", namespace, f"{name}-1")
    return [objects.Object(ref=ref), objects.Object(ref=pod, owner=ref, labels={"app": name})]


def _known() -> objects.Inventory:
    service = objects.Object(ref=kinds.Ref("Service", "shop", "cart"), selector={"app": "cart"})
    deployments = [_deployment("edge", "gateway"), _deployment("shop", "l7"), _deployment("shop", "cart")]
    found = [service, *(one for deployment in deployments for one in deployment)]
    return objects.Inventory({one.ref: one for one in found})


def _sent(workload: str) -> recording.Series:
    """Return what the gateway reports: it names the workload of the waypoint, and the service behind it."""
    callee = {"destination_workload": workload, "destination_workload_namespace": "shop"}
    return _GATEWAY.growing("istio_requests_total", 3, reporter="source", **_CALLER, **callee, **_SERVICE)


def _passed_on(**caller: str) -> recording.Series:
    """Return what the waypoint reports."""
    callee = {"destination_workload": "cart", "destination_workload_namespace": "shop"}
    return _WAYPOINT.growing("istio_requests_total", 3, reporter="waypoint", **caller, **callee, **_SERVICE)


@pytest.mark.parametrize("caller", [_CALLER, {**_CALLER, "source_workload": "unknown"}])
def test_a_gateway_that_sends_through_a_waypoint_calls_the_workload_behind_it(
    caller: dict[str, str],
) -> None:
    series = [*_GATEWAY.itself(_ISTIO), *_WAYPOINT.itself(_ISTIO), _sent("l7"), _passed_on(**caller)]
    taken = moments.moment(_ISTIO, *series)
    edges = {ends: edge.figures.success for ends, edge in moments.edges(taken, _known()).items()}
    assert edges[("deployment.gateway", "deployment.cart")] == 18.0
    assert moments.received(taken, _known())["deployment.cart"].figures.success == 18.0
    assert not any("deployment.l7" in ends for ends in edges)


def test_a_workload_that_calls_another_one_through_no_waypoint_calls_that_one() -> None:
    series = [*_GATEWAY.itself(_ISTIO), *_WAYPOINT.itself(_ISTIO), _sent("other"), _passed_on(**_CALLER)]
    edges = moments.edges(moments.moment(_ISTIO, *series), _known())
    assert ("deployment.gateway", "workload.other") in edges
