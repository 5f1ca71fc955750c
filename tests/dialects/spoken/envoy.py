"""Plain Envoy: statistics of its clusters and of its listener's connection manager."""

from __future__ import annotations

from tests.dialects import exposition, traffic, writers
from tests.dialects.exposition import Sample

_SENT, _RECEIVED = "envoy_cluster_upstream_rq_time", "envoy_http_downstream_rq_time"
_INBOUND = {"envoy_http_conn_manager_prefix": "inbound_8080"}


def _write(call: traffic.Call, sent: bool) -> list[Sample]:
    what = {"envoy_cluster_name": cluster(call)} if sent else _INBOUND
    counted = "envoy_cluster_upstream_rq_xx" if sent else "envoy_http_downstream_rq_xx"
    return [
        Sample(counted, {**what, "envoy_response_code_class": str(call.code // 100)}, call.count),
        *exposition.histogram(_SENT if sent else _RECEIVED, what, call.milliseconds, bounds=writers.ENVOY_MS),
    ]


def cluster(call: traffic.Call) -> str:
    """As Istio's control plane names it, which knows the service that was called."""
    return f"outbound|8080||{call.callee.name}.{call.callee.namespace}.svc.cluster.local"


def received_classes() -> list[Sample]:
    """The connection manager has a counter of each class from the start."""
    return [
        Sample("envoy_http_downstream_rq_xx", {**_INBOUND, "envoy_response_code_class": str(number)}, 0)
        for number in range(1, 6)
    ]


DIALECT = writers.Dialect(
    name="envoy",
    profile="envoy",
    job="envoy-stats",
    sources=writers.sidecars(_write, always=received_classes()),
    alive=writers.envoy_uptime,
    timed=writers.Histogram(
        _RECEIVED, writers.ENVOY_MS, seconds=1e-3, received={**_INBOUND, "namespace": "data", "pod": "db-0"}
    ),
    fails=writers.by_code,
    knows=writers.Knows(callers=False, called="service"),
)
