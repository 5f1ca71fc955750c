"""Plain Envoy whose access logger counts: both ends by the addresses of their pods."""

from __future__ import annotations

from tests.dialects import exposition, traffic, writers
from tests.dialects.exposition import Sample
from tests.dialects.spoken import envoy

_DURATION = "envoy_mesh_request_duration"


def _write(call: traffic.Call, sent: bool) -> list[Sample]:
    own = {
        "direction": "outbound" if sent else "inbound",
        "source_ip": traffic.address(call.pod),
        "upstream_cluster": envoy.cluster(call) if sent else "inbound_8080",
        "upstream_host": f"{traffic.address(call.answered_by)}:15006" if sent else "127.0.0.1:8080",
    }
    labels = {
        **own,
        "response_code": str(call.code),
        "response_flags": "-",
        "grpc_status": "" if call.grpc_status is None else str(call.grpc_status),
    }
    return [
        Sample("envoy_mesh_requests_total", labels, call.count),
        *exposition.histogram(_DURATION, labels, call.milliseconds, bounds=writers.ENVOY_MS),
    ]


DIALECT = writers.Dialect(
    name="envoy-access-log",
    profile="envoy-access-log",
    job="envoy-stats",
    sources=writers.sidecars(_write),
    alive=writers.envoy_uptime,
    timed=writers.Histogram(
        _DURATION,
        writers.ENVOY_MS,
        seconds=1e-3,
        received={"direction": "inbound", "namespace": "data", "pod": "db-0"},
    ),
    knows=writers.Knows(callers=True, called="pod", strangers=True),
)
