"""Consul: Envoy's statistics with tags for both services; the name of a cluster ends at its first dot."""

from __future__ import annotations

from collections.abc import Mapping

from tests.dialects import envoy_stats, traffic
from tests.dialects.exposition import Sample

_TRUST = "11111111-2222-3333-4444-555555555555"
_INBOUND = {"envoy_http_conn_manager_prefix": "public_listener"}


def _write(call: traffic.Call, sent: bool) -> list[Sample]:
    if sent:
        return envoy_stats.upstream(call, _destination(call.callee.name))
    # Received requests also pass through a cluster, that of the workload itself.
    return envoy_stats.downstream(call, _INBOUND) + envoy_stats.upstream(
        call, {"envoy_cluster_name": "local_app"}
    )


def _destination(service: str) -> Mapping[str, str]:
    target = f"{service}.default.dc1"
    reply = {
        "service": service,
        "service_subset": "",
        "namespace": "default",
        "partition": "",
        "datacenter": "dc1",
        "routing_type": "internal",
        "trust_domain": _TRUST,
        "target": target,
        "full_target": f"{target}.internal.{_TRUST}",
        "custom_hash": "",
    }
    tags = {f"consul_destination_{name}": value for name, value in reply.items()}
    # The old names still exist.
    return {"envoy_cluster_name": service, **tags, "consul_service": service, "consul_target": target}


def _fixed(workload: traffic.Workload) -> Mapping[str, str]:
    return {
        "local_cluster": workload.name,
        "consul_source_service": workload.name,
        "consul_source_namespace": "default",
        "consul_source_partition": "default",
        "consul_source_datacenter": "dc1",
    }


DIALECT = envoy_stats.dialect(
    "consul",
    job="consul-envoy",
    write=_write,
    inbound=_INBOUND,
    db={"consul_source_service": "db"},
    control="local_agent",
    listeners=("admin", "envoy_ready", "envoy_prometheus_metrics", "exposed_path_filter_healthz_21500"),
    clusters=("exposed_cluster_8080", "prometheus_backend", "self_admin"),
    fixed=_fixed,
    called="service",
)
