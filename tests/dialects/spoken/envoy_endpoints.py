"""Plain Envoy with statistics of each endpoint: how often each pod answered, but not how fast."""

from __future__ import annotations

from tests.dialects import traffic, writers
from tests.dialects.exposition import Sample
from tests.dialects.spoken import envoy


def _write(call: traffic.Call, sent: bool) -> list[Sample]:
    if not sent:
        return envoy.received(call)
    labels = {
        "envoy_cluster_name": envoy.cluster(call),
        "envoy_endpoint_address": f"{traffic.address(call.answered_by)}:15006",
    }
    failed = call.count if call.failed else 0
    return [
        Sample("envoy_cluster_endpoint_rq_total", labels, call.count),
        Sample("envoy_cluster_endpoint_rq_error", labels, failed),
        Sample("envoy_cluster_endpoint_rq_success", labels, call.count - failed),
    ]


def _own() -> list[Sample]:
    """The endpoints of clusters that are for the proxy itself."""
    clusters = {"xds-grpc": "10.9.0.1:15010", "zipkin": "10.9.0.2:9411", "inbound|8080||": "10.1.0.1:8080"}
    return [
        Sample(
            "envoy_cluster_endpoint_rq_success",
            {"envoy_cluster_name": name, "envoy_endpoint_address": address},
            17,
        )
        for name, address in clusters.items()
    ]


DIALECT = writers.Dialect(
    name="envoy-endpoints",
    profile="envoy-endpoints",
    job="envoy-stats",
    sources=writers.sidecars(_write, always=[*envoy.received_classes(), *envoy.OWN, *_own()]),
    alive=writers.envoy_uptime,
    timed=writers.Histogram(
        envoy.RECEIVED,
        writers.ENVOY_MS,
        seconds=1e-3,
        received={**envoy.INBOUND, "namespace": "data", "pod": "db-0"},
    ),
    fails=writers.by_code,
    fails_to_caller=writers.by_code_and_status,
    knows=writers.Knows(callers=False, called="pod", times_sent=False),
)
