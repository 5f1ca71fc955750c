"""Plain Envoy: statistics of its clusters and of its listener's connection manager."""

from __future__ import annotations

from tests.dialects import envoy_stats, exposition, traffic, writers
from tests.dialects.exposition import Sample

SENT, RECEIVED = "envoy_cluster_upstream_rq_time", "envoy_http_downstream_rq_time"
INBOUND = {"envoy_http_conn_manager_prefix": "inbound_8080"}
OWN = envoy_stats.own(
    listeners=("admin", "agent", "stats", "inbound_0.0.0.0_15090", "inbound_10.1.0.1_15021"),
    clusters=("xds-grpc", "agent", "prometheus_stats", "inbound|15020|mgmt-15020|mgmtCluster", "zipkin"),
)
"""What a proxy does for itself."""


def _write(call: traffic.Call, sent: bool) -> list[Sample]:
    if not sent:
        return received(call)
    labels = {"envoy_cluster_name": cluster(call)}
    counted = {**labels, "envoy_response_code_class": str(call.code // 100)}
    return [
        Sample("envoy_cluster_upstream_rq_xx", counted, call.count),
        *exposition.histogram(SENT, labels, call.milliseconds, bounds=writers.ENVOY_MS),
    ]


def received(call: traffic.Call) -> list[Sample]:
    """The callers are not reported."""
    counted = {**INBOUND, "envoy_response_code_class": str(call.code // 100)}
    return [
        Sample("envoy_http_downstream_rq_xx", counted, call.count),
        *exposition.histogram(RECEIVED, INBOUND, call.milliseconds, bounds=writers.ENVOY_MS),
    ]


def cluster(call: traffic.Call) -> str:
    """The name that Istio's control plane gives a cluster; it contains the called service."""
    if call.callee is traffic.ANYWHERE:
        return call.callee.name
    if call.callee is traffic.BANK:
        return f"outbound|443||{call.callee.name}"
    return f"outbound|8080||{call.callee.name}.{call.callee.namespace}.svc.cluster.local"


def received_classes() -> list[Sample]:
    """The connection manager has a counter of each class from the start."""
    return [
        Sample("envoy_http_downstream_rq_xx", {**INBOUND, "envoy_response_code_class": str(number)}, 0)
        for number in range(1, 6)
    ]


DIALECT = writers.Dialect(
    name="envoy",
    profile="envoy",
    job="envoy-stats",
    sources=writers.sidecars(_write, always=[*received_classes(), *OWN]),
    alive=writers.envoy_uptime,
    timed=writers.Histogram(
        RECEIVED, writers.ENVOY_MS, seconds=1e-3, received={**INBOUND, "namespace": "data", "pod": "db-0"}
    ),
    fails=writers.by_code,
    knows=writers.Knows(callers=False, called="service", hosts=True),
)
