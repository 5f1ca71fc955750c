"""Google Traffic Director: Envoy's statistics; a cluster is named by the backend service, of no namespace."""

from __future__ import annotations

from tests.dialects import envoy_stats, traffic, writers
from tests.dialects.exposition import Sample


def _write(call: traffic.Call, sent: bool) -> list[Sample]:
    cluster = f"/projects/75445969589/global/backendServices/{call.callee.name}"
    return envoy_stats.upstream(call, {"envoy_cluster_name": cluster}, origin="internal") if sent else []


DIALECT = writers.Dialect(
    name="traffic-director",
    profile="traffic-director",
    job="traffic-director-envoy",
    sources=writers.sidecars(_write),
    alive=writers.envoy_uptime,
    timed=writers.Histogram(envoy_stats.SENT, writers.ENVOY_MS, seconds=1e-3, received=None),
    fails=writers.by_code,
    knows=writers.Knows(server=False, callers=False, called="service"),
)
