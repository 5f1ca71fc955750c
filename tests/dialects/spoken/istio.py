"""Istio with sidecars: both ends report each call, with the names of both ends."""

from __future__ import annotations

from collections.abc import Mapping

from tests.dialects import exposition, traffic, writers
from tests.dialects.exposition import Sample

DURATION = "istio_request_duration_milliseconds"


def _write(call: traffic.Call, sent: bool) -> list[Sample]:
    return reported(call, reporter="source" if sent else "destination")


def reported(call: traffic.Call, *, reporter: str) -> list[Sample]:
    """Both metrics have the same labels."""
    labels = {
        "reporter": reporter,
        **ends(call),
        "request_protocol": "http" if call.grpc_status is None else "grpc",
        "response_code": str(call.code),
        "grpc_response_status": "" if call.grpc_status is None else str(call.grpc_status),
        "response_flags": "-",
        "connection_security_policy": "unknown" if reporter == "source" else "mutual_tls",
    }
    return [
        Sample("istio_requests_total", labels, call.count),
        *exposition.histogram(DURATION, labels, call.milliseconds, bounds=writers.ENVOY_MS),
    ]


def ends(call: traffic.Call) -> Mapping[str, str]:
    """Labels of caller and callee."""
    unknown = {"workload": "unknown", "workload_namespace": "unknown", "app": "unknown"}
    source = (
        _end("source", call.caller)
        if call.caller.meshed
        else {f"source_{name}": value for name, value in unknown.items()}
    )
    if not call.callee.meshed:
        outside = {f"destination_{name}": value for name, value in unknown.items()}
        return {**source, **outside, **to_outside(call)}
    return {
        **source,
        **_end("destination", call.callee),
        "destination_service": f"{call.callee.name}.{call.callee.namespace}.svc.cluster.local",
        "destination_service_name": call.callee.name,
        "destination_service_namespace": call.callee.namespace,
    }


def to_outside(call: traffic.Call) -> Mapping[str, str]:
    """A host has no workload; traffic that passes through has a cluster's name in place of a service's."""
    return {
        "destination_service": call.answered_by,
        "destination_service_name": call.callee.name,
        "destination_service_namespace": "unknown",
    }


def _end(end: str, workload: traffic.Workload) -> Mapping[str, str]:
    return {
        f"{end}_workload": workload.name,
        f"{end}_workload_namespace": workload.namespace,
        f"{end}_canonical_service": workload.name,
        f"{end}_canonical_revision": "latest",
        f"{end}_principal": f"spiffe://cluster.local/ns/{workload.namespace}/sa/{workload.name}",
        f"{end}_app": workload.name,
        f"{end}_version": "",
        f"{end}_cluster": "Kubernetes",
    }


DIALECT = writers.Dialect(
    name="istio",
    profile="istio",
    job="envoy-stats",
    sources=writers.sidecars(_write),
    alive=writers.envoy_uptime,
    timed=writers.Histogram(
        DURATION,
        writers.ENVOY_MS,
        seconds=1e-3,
        received={"reporter": "destination", "destination_workload": "db"},
    ),
    knows=writers.Knows(callers=True, called="workload", hosts=True),
)
