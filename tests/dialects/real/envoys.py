"""Envoys: that of each pod has a listener for callers of its app, one for the calls of its app, and one for
its metrics. A mesh's wording decides their names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from demo import sidecars
from tests.dialects import traffic
from tests.dialects.real import walk, wordings
from tests.dialects.real.proxies import INBOUND_PORT, METRICS_PORT, OUTBOUND_PORT, Config, Hosts, Proxies

_ADMIN_PORT = 15000
_PATH = "/stats/prometheus"
_FLUSH_INTERVAL = "0.25s"
"""Envoy merges histograms only at a flush."""
_TYPE = "type.googleapis.com/envoy"
_CONNECTIONS_MAX: Mapping[str, Any] = {
    "name": "envoy.resource_monitors.global_downstream_max_connections",
    "typed_config": {
        "@type": f"{_TYPE}.extensions.resource_monitors.downstream_connections.v3"
        ".DownstreamConnectionsConfig",
        "max_active_downstream_connections": 10_000,
    },
}


def proxies(wording: wordings.Wording) -> Proxies:
    return Proxies(
        config=lambda workload, hosts: bootstrap(workload, wording, hosts=hosts),
        command=lambda file: sidecars.command(file, program=str(sidecars.binary())),
        path=_PATH,
        labels=wording.scraped,
    )


def bootstrap(workload: traffic.Workload, wording: wordings.Wording, *, hosts: Hosts) -> Config:
    host = hosts[workload]
    sent = [hop for hop in walk.HOPS if hop.caller is workload]
    local = wording.local(workload)
    listeners = [
        _listener(host, INBOUND_PORT, wording.inbound, [_to(local)]),
        _listener(host, METRICS_PORT, "stats", [_to("prometheus_stats")]),
        *(
            _listener(
                host,
                OUTBOUND_PORT,
                wording.outbound(hop.callee),
                [
                    _to(wording.cluster(hop.callee), path=walk.SLOW_PATH, timeout=hop.timeout),
                    _to(wording.cluster(hop.callee)),
                ],
            )
            for hop in sent
        ),
    ]
    clusters = [
        _cluster(local, (host, walk.APP_PORT)),
        _cluster("prometheus_stats", (host, _ADMIN_PORT)),
        *(_cluster(wording.cluster(hop.callee), (hosts[hop.callee], INBOUND_PORT)) for hop in sent),
    ]
    return {
        "node": {"id": workload.pods[0], "cluster": workload.name},
        "admin": {"address": _socket(host, _ADMIN_PORT)},
        "overload_manager": {"resource_monitors": [_CONNECTIONS_MAX]},
        "stats_flush_interval": _FLUSH_INTERVAL,
        "stats_config": wording.stats(workload),
        "static_resources": {"listeners": listeners, "clusters": clusters},
    }


def _listener(host: str, port: int, prefix: str, routes: Sequence[Config]) -> Config:
    http = {
        "@type": f"{_TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": prefix,
        "route_config": {
            "name": prefix,
            "virtual_hosts": [{"name": prefix, "domains": ["*"], "routes": routes}],
        },
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{_TYPE}.extensions.filters.http.router.v3.Router"},
            }
        ],
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": http}]
    return {"name": f"port-{port}", "address": _socket(host, port), "filter_chains": [{"filters": filters}]}


def _to(cluster: str, *, path: str = "", timeout: float = 0.0) -> Config:
    """Routes for every path, by default without a timeout."""
    match = {"path": path} if path else {"prefix": "/"}
    return {"match": match, "route": {"cluster": cluster, "timeout": f"{timeout}s"}}


def _cluster(name: str, address: tuple[str, int]) -> Config:
    endpoints = [{"endpoint": {"address": _socket(*address)}}]
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]},
    }


def _socket(address: str, port: int) -> Config:
    return {"socket_address": {"address": address, "port_value": port}}
