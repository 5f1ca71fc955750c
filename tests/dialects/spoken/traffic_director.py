"""Google Traffic Director: Envoy's statistics; a cluster is named by the backend service, of no namespace."""

from __future__ import annotations

from tests.dialects import envoy_stats, traffic
from tests.dialects.exposition import Sample

_INBOUND = {"envoy_http_conn_manager_prefix": "inbound_http"}


def _write(call: traffic.Call, sent: bool) -> list[Sample]:
    if not sent:
        return envoy_stats.downstream(call, _INBOUND)
    cluster = f"/projects/75445969589/global/backendServices/{call.callee.name}"
    return envoy_stats.upstream(call, {"envoy_cluster_name": cluster}, origin="internal")


DIALECT = envoy_stats.dialect(
    "traffic-director",
    job="traffic-director-envoy",
    write=_write,
    inbound=_INBOUND,
    called="service",
)
