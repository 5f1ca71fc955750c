"""The names of a sidecar's statistics: usual names in Prometheus for clusters with dots in their names.

Envoy takes a cluster's name to end at the first dot: `outbound|8080||cart.shop.svc.cluster.local` would
leave `shop_svc_cluster_local` in the metric's name. Control planes avoid that in one of two ways, and both
are here:

* `tags`: the default extraction is off and written anew, with a cluster name that may hold dots. The pods of
  namespace `shop` do so, and report `outbound|8080||cart.shop.svc.cluster.local` and `inbound|8080||`.
* `aliases`: the default extraction stays, and each cluster has an `alt_stat_name` without dots. The pods of
  namespace `data` and machines outside Kubernetes do so, and report `data/db` and `local_app`.
"""

import enum
from collections.abc import Mapping
from typing import Any

from demo import blueprint

FLUSH_INTERVAL = "1s"
"""Histograms are merged at a flush only: one a second keeps them as fresh as the counters."""

_CLUSTER_NAME = r"^cluster\.(((?:outbound|inbound)\|.*?\.svc\.cluster\.local|[^.]+)\.)"

# A name alone stands for Envoy's own expression of that name. https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/metrics/v3/stats.proto
_STOCK_TAGS = (
    "envoy.response_code",
    "envoy.response_code_class",
    "envoy.http_conn_manager_prefix",
    "envoy.http_user_agent",
    "envoy.listener_address",
    "envoy.virtual_host",
    "envoy.virtual_cluster",
    "envoy.route",
    "envoy.ssl_cipher",
    "cipher_suite",
    "envoy.ssl_version",
    "envoy.ssl_curve",
    "envoy.ssl_sigalg",
    "envoy.tls_certificate",
    "envoy.worker_id",
)


class Naming(enum.Enum):
    TAGS = "tags"
    ALIASES = "aliases"

    def alias(self, service: blueprint.Name) -> str | None:
        """The `alt_stat_name` of a service's cluster."""
        return str(service) if self is Naming.ALIASES else None

    @property
    def local_cluster(self) -> str:
        """The cluster of the sidecar's own app."""
        return "local_app" if self is Naming.ALIASES else f"inbound|{blueprint.APP_PORT}||"

    def config(self) -> Mapping[str, Any]:
        """The `stats_config` of the bootstrap."""
        if self is Naming.ALIASES:
            return {}
        tags = [
            {"tag_name": "envoy.cluster_name", "regex": _CLUSTER_NAME},
            *({"tag_name": t} for t in _STOCK_TAGS),
        ]
        return {"stats_config": {"use_all_default_tags": False, "stats_tags": tags}}


def naming(workload: blueprint.Workload) -> Naming:
    """Which of the two a workload's sidecars use."""
    aliased = workload.name.namespace == "data" or not workload.in_cluster
    return Naming.ALIASES if aliased else Naming.TAGS
