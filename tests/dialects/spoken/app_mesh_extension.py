"""AWS App Mesh's metrics extension: a counter for each class of answers; received ones have no outcome."""

from __future__ import annotations

from tests.dialects import exposition, traffic, writers
from tests.dialects.exposition import Sample
from tests.dialects.spoken import app_mesh

_TIMED = "envoy_appmesh_TargetResponseTime"


def _write(call: traffic.Call, sent: bool) -> list[Sample]:
    if not sent:
        name = "RequestCount" if call.grpc_status is None else "GrpcRequestCount"
        return [Sample(f"envoy_appmesh_{name}", _own(call.callee), call.count)]
    labels = {
        **_own(call.caller),
        "TargetVirtualService": f"{call.callee.name}.{call.callee.namespace}.svc.cluster.local",
        "TargetVirtualNode": app_mesh.virtual_node(call.callee),
    }
    return [
        Sample(f"envoy_appmesh_HTTPCode_Target_{call.code // 100}XX_Count", labels, call.count),
        Sample("envoy_appmesh_RequestCountPerTarget", labels, call.count),
        *exposition.histogram(_TIMED, labels, call.milliseconds, bounds=writers.ENVOY_MS),
    ]


def _own(workload: traffic.Workload) -> dict[str, str]:
    return {"Mesh": "color-mesh", "VirtualNode": app_mesh.virtual_node(workload)}


DIALECT = writers.Dialect(
    name="app-mesh-extension",
    profile="app-mesh-extension",
    job="appmesh-envoy",
    sources=writers.sidecars(_write),
    timed=writers.Histogram(_TIMED, writers.ENVOY_MS, seconds=1e-3, received=None),
    fails=writers.by_code,
    knows=writers.Knows(server=False, callers=False, called="workload", idle=False),
)
