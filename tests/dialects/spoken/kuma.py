"""Kuma: Envoy's statistics; a cluster has one of several names, as in a mesh that changes from one mode to
another: the old names, those of a MeshService, and the unified ones.
"""

from __future__ import annotations

from tests.dialects import envoy_stats, traffic
from tests.dialects.exposition import Sample

_INBOUND = {"envoy_http_conn_manager_prefix": "localhost_8080"}


def _write(call: traffic.Call, sent: bool) -> list[Sample]:
    if sent:
        return envoy_stats.upstream(call, {"envoy_cluster_name": _cluster(call)}, origin="internal")
    inbound = {"envoy_cluster_name": "localhost_8080"}
    return [
        *envoy_stats.downstream(call, _INBOUND),
        *envoy_stats.upstream(call, inbound, origin="internal"),
    ]


def _cluster(call: traffic.Call) -> str:
    name, namespace = call.callee.name, call.callee.namespace
    if call.caller is traffic.CART:
        return f"kri_msvc_default_east_{namespace}_{name}_8080"
    if call.caller is traffic.TILL:
        return f"default_{name}_{namespace}_east_msvc_8080"
    # A split of the traffic gives each part a name of its own.
    part = "-154693772bc47249" if call.answered_by.endswith("ddddd") else ""
    return f"{name}_{namespace}_svc_8080{part}"


def _fixed(workload: traffic.Workload) -> dict[str, str]:
    return {"mesh": "default", "kuma_workload": workload.name, "otel_scope_name": "kuma"}


DIALECT = envoy_stats.dialect(
    "kuma",
    job="kuma-dataplanes",
    write=_write,
    inbound=_INBOUND,
    control="ads_cluster",
    listeners=("admin", "probe_listener", "_kuma_metrics_prometheus_default-backend", "kuma_envoy_admin"),
    clusters=("kuma_readiness", "_kuma_metrics_hijacker", "meshaccesslog_opentelemetry_0", "meshtrace_otel"),
    fixed=_fixed,
    called="service",
)
