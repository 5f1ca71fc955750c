"""AWS App Mesh: Envoy's statistics; a cluster is named by the virtual node, which in Kubernetes is called
name_namespace.
"""

from __future__ import annotations

from tests.dialects import envoy_stats, traffic
from tests.dialects.exposition import Sample

_MESH = "color-mesh"
_INBOUND = {"envoy_http_conn_manager_prefix": "ingress"}


def _write(call: traffic.Call, sent: bool) -> list[Sample]:
    if sent:
        return envoy_stats.upstream(call, _cluster("egress", call), origin="internal")
    return [
        *envoy_stats.downstream(call, _INBOUND),
        *envoy_stats.upstream(call, _cluster("ingress", call), origin="internal"),
    ]


def _cluster(direction: str, call: traffic.Call) -> dict[str, str]:
    protocol = "http" if call.grpc_status is None else "grpc"
    return {"envoy_cluster_name": f"cds_{direction}_{_MESH}_{virtual_node(call.callee)}_{protocol}_8080"}


def virtual_node(workload: traffic.Workload) -> str:
    return f"{workload.name}_{workload.namespace}"


DIALECT = envoy_stats.dialect(
    "app-mesh", job="appmesh-envoy", write=_write, inbound=_INBOUND, called="workload"
)
