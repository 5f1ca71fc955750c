"""Cloud Service Mesh without proxies: gRPC itself reports its calls. Each end learns the other's name."""

from __future__ import annotations

from collections.abc import Mapping

from tests.dialects import exposition, traffic, writers
from tests.dialects.exposition import Sample

_SENT, _RECEIVED = "grpc_client_attempt_duration_seconds", "grpc_server_call_duration_seconds"
_SECONDS = (
    0, 0.00001, 0.00005, 0.0001, 0.0003, 0.0006, 0.0008, 0.001, 0.002, 0.003, 0.004, 0.005, 0.006, 0.008,
    0.01, 0.013, 0.016, 0.02, 0.025, 0.03, 0.04, 0.05, 0.065, 0.08, 0.1, 0.13, 0.16, 0.2, 0.25, 0.3, 0.4, 0.5,
    0.65, 0.8, 1, 2, 5, 10, 20, 50, 100,
)  # fmt: skip
_STATUS = {200: "OK", 404: "NOT_FOUND", 500: "INTERNAL", 502: "UNAVAILABLE", 503: "UNAVAILABLE"}
"""The status that a gRPC server answers in place of an HTTP code."""


def _status(call: traffic.Call) -> str:
    return "UNAVAILABLE" if call.grpc_status else _STATUS[call.code]


def _write(call: traffic.Call, sent: bool) -> list[Sample]:
    labels = {
        "grpc_method": "shop.Service/Call",
        "grpc_status": _status(call),
        "csm_mesh_id": "mesh",
        "csm_workload_canonical_service": (call.caller if sent else call.callee).name,
        **_remote(call.callee if sent else call.caller),
    }
    if sent:
        service = call.callee
        labels |= {
            "grpc_target": f"xds:///{service.name}.{service.namespace}.svc.cluster.local:8080",
            "csm_service_name": service.name,
            "csm_service_namespace_name": service.namespace,
        }
    seconds = [milliseconds / 1000 for milliseconds in call.milliseconds]
    return exposition.histogram(_SENT if sent else _RECEIVED, labels, seconds, bounds=_SECONDS)


def _remote(workload: traffic.Workload) -> Mapping[str, str]:
    """A machine has no namespace, and a caller that does not take part is unknown."""
    if not workload.meshed:
        reply = {"type": "unknown", "canonical_service": "unknown"}
    elif workload.is_machine:
        reply = {"type": "gcp_compute_engine", "name": workload.name, "canonical_service": workload.name}
    else:
        reply = {
            "type": "gcp_kubernetes_engine",
            "cluster_name": "cluster-1",
            "namespace_name": workload.namespace,
            "name": workload.name,
            "canonical_service": workload.name,
        }
    return {f"csm_remote_workload_{name}": value for name, value in reply.items()}


def _own() -> list[Sample]:
    """Probes of kubelet, and what the program asks of its control plane."""
    health = {"grpc_method": "grpc.health.v1.Health/Check", "grpc_status": "OK"}
    control = {"grpc_method": "envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats"}
    return [
        *exposition.histogram(_RECEIVED, health, [45.0] * 17, bounds=_SECONDS),
        *exposition.histogram(_SENT, {**control, "grpc_status": "UNAVAILABLE"}, [45.0] * 17, bounds=_SECONDS),
    ]


DIALECT = writers.Dialect(
    name="csm",
    profile="csm",
    job="csm",
    sources=writers.sidecars(_write, always=_own()),
    timed=writers.Histogram(
        _RECEIVED,
        _SECONDS,
        seconds=1,
        received={"namespace": "data", "pod": "db-0", "grpc_method": "shop.Service/Call"},
    ),
    fails=lambda call: _status(call) in {"INTERNAL", "UNAVAILABLE"},
    knows=writers.Knows(callers=True, called="workload", idle=False),
)
