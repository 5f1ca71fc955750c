"""MOSNs in the place of Envoys, with their metrics for Prometheus."""

from __future__ import annotations

import socket

from tests.cluster import build
from tests.dialects import traffic
from tests.dialects.real import walk
from tests.dialects.real.proxies import INBOUND_PORT, OUTBOUND_PORT, Config, Hosts, Proxies

_PERCENTILES = (50, 90, 99)
_AT_ONCE = 1024


def proxies() -> Proxies:
    """Each proxy needs its own port for the Prometheus sink, which listens on every address."""
    ports = {workload: _free_port() for workload in walk.WORKLOADS}
    return Proxies(
        config=lambda workload, hosts: _config(workload, hosts=hosts, port=ports[workload]),
        command=lambda file: [str(build.MOSN.path), str(file)],
        path="/metrics",
        port=ports.__getitem__,
    )


def cluster(workload: traffic.Workload) -> str:
    """The name that Istio's control plane gives the cluster for MOSN."""
    return f"outbound|8080||{workload.name}.{workload.namespace}.svc.cluster.local"


def _config(workload: traffic.Workload, *, hosts: Hosts, port: int) -> Config:
    host = hosts[workload]
    sent = [hop for hop in walk.HOPS if hop.caller is workload]
    inbound = f"inbound|{walk.APP_PORT}||"
    routes = {"inbound": [_to(inbound)]}
    listeners = [_listener("inbound", (host, INBOUND_PORT))]
    clusters = [_cluster(inbound, (host, walk.APP_PORT))]
    for hop in sent:
        routes["outbound"] = [
            _to(cluster(hop.callee), path=walk.SLOW_PATH, timeout=hop.timeout),
            _to(cluster(hop.callee)),
        ]
        listeners.append(_listener("outbound", (host, OUTBOUND_PORT)))
        clusters.append(_cluster(cluster(hop.callee), (hosts[hop.callee], INBOUND_PORT)))
    routers = [
        {
            "router_config_name": name,
            "virtual_hosts": [{"name": name, "domains": ["*"], "routers": each}],
        }
        for name, each in routes.items()
    ]
    sink = {"type": "prometheus", "config": {"port": port, "percentiles": list(_PERCENTILES)}}
    return {
        "disable_upgrade": True,
        "servers": [{"default_log_path": "stdout", "routers": routers, "listeners": listeners}],
        "cluster_manager": {"clusters": clusters},
        "metrics": {"sinks": [sink]},
    }


def _listener(name: str, address: tuple[str, int]) -> Config:
    proxy = {"downstream_protocol": "Http1", "upstream_protocol": "Http1", "router_config_name": name}
    return {
        "name": name,
        "address": f"{address[0]}:{address[1]}",
        "bind_port": True,
        "filter_chains": [{"filters": [{"type": "proxy", "config": proxy}]}],
    }


def _to(name: str, *, path: str = "", timeout: float | None = None) -> Config:
    route = {"cluster_name": name} | ({} if timeout is None else {"timeout": f"{timeout}s"})
    return {"match": {"path": path} if path else {"prefix": "/"}, "route": route}


def _cluster(name: str, address: tuple[str, int]) -> Config:
    return {
        "name": name,
        "type": "SIMPLE",
        "lb_type": "LB_RANDOM",
        "max_request_per_conn": _AT_ONCE,
        "conn_buffer_limit_bytes": 32768,
        "hosts": [{"address": f"{address[0]}:{address[1]}"}],
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("0.0.0.0", 0))  # noqa: S104 - the proxy will listen so
        port: int = probe.getsockname()[1]
        return port
