"""The bootstrap of one sidecar: a pure function from a pod and its placement to Envoy's configuration.

Four listeners on the pod's address: outbound (the app's calls), inbound (calls to the app; mutual TLS where
the workload demands it), metrics (only `/stats/prometheus`), and the admin interface, which only the metrics
listener and the mesh itself use. A gateway has a public listener in place of inbound and outbound. Where a
pod has a loopback of its own, outbound and admin are there, for its own app alone.

Every answer through an outbound listener has the chosen service in `blueprint.SERVICE_HEADER`: the only way
in which a caller can know the choice of a split.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from demo import blueprint, certificates, placement, stats

ADMIN_CLUSTER = "prometheus_stats"

_TYPE = "type.googleapis.com/envoy"
_DEFAULT_TIMEOUT = "15s"
# Shorter than every server's keep-alive here: no request meets a connection that its server is closing.
_IDLE_TIMEOUT = "600s"
_MOST_RETRIES = 1000

Config = Mapping[str, Any]

_BY_ADDRESS: Config = {"type": "STATIC"}
# Every address in an answer is an endpoint: of a headless service these are its pods.
_BY_NAME: Config = {
    "cluster_type": {
        "name": "envoy.cluster.dns",
        "typed_config": {
            "@type": f"{_TYPE}.extensions.clusters.dns.v3.DnsCluster",
            "dns_lookup_family": "V4_ONLY",
            "dns_refresh_rate": "2s",
            "dns_failure_refresh_rate": {"base_interval": "1s", "max_interval": "2s"},
        },
    }
}

# Without a limit Envoy warns at every start, which would hide other warnings.
_MOST_CONNECTIONS: Config = {
    "name": "envoy.resource_monitors.global_downstream_max_connections",
    "typed_config": {
        "@type": f"{_TYPE}.extensions.resource_monitors.downstream_connections.v3"
        ".DownstreamConnectionsConfig",
        "max_active_downstream_connections": 10_000,
    },
}


def bootstrap(pod: placement.Pod, *, where: placement.Placement, files: certificates.Files) -> Config:
    naming = stats.naming(pod.workload)
    return {
        "node": {"id": pod.name, "cluster": pod.workload.name.name},
        "admin": {"address": _socket(pod.inside, placement.ADMIN_PORT)},
        "overload_manager": {"resource_monitors": [_MOST_CONNECTIONS]},
        "stats_flush_interval": stats.FLUSH_INTERVAL,
        **naming.config(),
        "static_resources": {
            "listeners": list(_listeners(pod, where=where, files=files)),
            "clusters": list(_clusters(pod, where=where, files=files)),
        },
    }


def services_called(pod: placement.Pod, *, plan: blueprint.Blueprint) -> list[blueprint.Service]:
    """The services a pod's app calls, each once, in the order of its first call."""
    names = dict.fromkeys(call.service for call in pod.workload.calls())
    return [plan.service(name) for name in names]


def cluster_name(service: blueprint.Name) -> str:
    return f"outbound|{blueprint.APP_PORT}||{service.host}"


def _listeners(
    pod: placement.Pod, *, where: placement.Placement, files: certificates.Files
) -> Iterator[Config]:
    outbound = [
        _virtual_host(service, policy=where.plan.policy(pod.workload.name, service.name))
        for service in services_called(pod, plan=where.plan)
    ]
    if pod.workload.public:
        (entry,) = outbound
        yield _listener(
            pod, placement.PUBLIC_PORT, prefix="ingress_http", virtual_hosts=[{**entry, "domains": ["*"]}]
        )
    else:
        local = _forward("local", stats.naming(pod.workload).local_cluster)
        tls = _downstream_tls(pod, files) if pod.workload.strict_tls else None
        prefix = f"inbound_{blueprint.APP_PORT}"
        yield _listener(pod, placement.INBOUND_PORT, prefix=prefix, virtual_hosts=[local], tls=tls)
        prefix = f"outbound_{blueprint.APP_PORT}"
        yield _listener(
            pod, placement.OUTBOUND_PORT, prefix=prefix, virtual_hosts=outbound, address=pod.inside
        )
    scrape = _forward("metrics", ADMIN_CLUSTER, path="/stats/prometheus")
    yield _listener(pod, placement.METRICS_PORT, prefix="metrics", virtual_hosts=[scrape])


def _listener(
    pod: placement.Pod,
    port: int,
    *,
    prefix: str,
    virtual_hosts: Sequence[Config],
    address: str | None = None,
    tls: Config | None = None,
) -> Config:
    http = {
        "@type": f"{_TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": prefix,
        "route_config": {"name": prefix, "virtual_hosts": list(virtual_hosts)},
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{_TYPE}.extensions.filters.http.router.v3.Router"},
            }
        ],
    }
    chain: dict[str, Any] = {
        "filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": http}]
    }
    if tls is not None:
        chain["transport_socket"] = {"name": "envoy.transport_sockets.tls", "typed_config": tls}
    return {
        "name": prefix,
        "stat_prefix": prefix,
        "address": _socket(address or pod.address, port),
        "filter_chains": [chain],
    }


def _forward(name: str, cluster: str, *, path: str | None = None) -> Config:
    match = {"prefix": "/"} if path is None else {"path": path}
    route = {"match": match, "route": {"cluster": cluster, "timeout": _DEFAULT_TIMEOUT}}
    return {"name": name, "domains": ["*"], "routes": [route]}


def _virtual_host(service: blueprint.Service, *, policy: blueprint.Policy | None) -> Config:
    action: dict[str, Any] = {"timeout": f"{policy.timeout}s" if policy else _DEFAULT_TIMEOUT}
    if policy is not None:
        action["retry_policy"] = {"retry_on": "5xx", "num_retries": policy.retries}
    route: dict[str, Any] = {"match": {"prefix": "/"}, "route": action}
    if service.split:
        action["weighted_clusters"] = {
            "clusters": [
                {"name": cluster_name(name), "weight": weight, "response_headers_to_add": [_chosen(name)]}
                for name, weight in service.split.items()
            ]
        }
    else:
        action["cluster"] = cluster_name(service.name)
        route["response_headers_to_add"] = [_chosen(service.name)]
    host = service.name.host
    return {"name": str(service.name), "domains": [host, f"{host}:{blueprint.APP_PORT}"], "routes": [route]}


def _chosen(service: blueprint.Name) -> Config:
    return {
        "header": {"key": blueprint.SERVICE_HEADER, "value": str(service)},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }


def _clusters(
    pod: placement.Pod, *, where: placement.Placement, files: certificates.Files
) -> Iterator[Config]:
    plan = where.plan
    called = services_called(pod, plan=plan)
    leaves = dict.fromkeys(name for service in called for name in (service.split or (service.name,)))
    for name in leaves:
        yield _outbound_cluster(pod, plan.service(name), where=where, files=files)
    if not pod.workload.public:
        local = stats.naming(pod.workload).local_cluster
        yield _cluster(local, [(pod.inside, blueprint.APP_PORT)])
    yield _cluster(ADMIN_CLUSTER, [(pod.inside, placement.ADMIN_PORT)])
    # Every sidecar with a control plane has this one. It is no edge; nothing is sent to it here.
    yield _cluster("xds-grpc", [])


def _outbound_cluster(
    pod: placement.Pod, service: blueprint.Service, *, where: placement.Placement, files: certificates.Files
) -> Config:
    endpoints = where.endpoints(service)
    cluster: dict[str, Any] = {
        **_cluster(
            cluster_name(service.name),
            [(host, placement.INBOUND_PORT) for host in where.doors(service)],
            found=_BY_NAME if where.named else _BY_ADDRESS,
        ),
        # Envoy's own limit of 3 retries at a time would prevent some retries.
        "circuit_breakers": {"thresholds": [{"max_retries": _MOST_RETRIES}]},
    }
    if not pod.alone:
        cluster["upstream_bind_config"] = {"source_address": {"address": pod.address, "port_value": 0}}
    alias = stats.naming(pod.workload).alias(service.name)
    if alias is not None:
        cluster["alt_stat_name"] = alias
    if any(end.workload.strict_tls for end in endpoints):
        tls = _upstream_tls(pod, files, peers=[end.workload.name for end in endpoints])
        cluster["transport_socket"] = {"name": "envoy.transport_sockets.tls", "typed_config": tls}
    return cluster


def _cluster(name: str, addresses: Sequence[tuple[str, int]], *, found: Config = _BY_ADDRESS) -> Config:
    endpoints = [{"endpoint": {"address": _socket(*address)}} for address in addresses]
    return {
        "name": name,
        **found,
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]},
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": f"{_TYPE}.extensions.upstreams.http.v3.HttpProtocolOptions",
                "common_http_protocol_options": {"idle_timeout": _IDLE_TIMEOUT},
                "explicit_http_config": {"http_protocol_options": {}},
            }
        },
    }


def _downstream_tls(pod: placement.Pod, files: certificates.Files) -> Config:
    return {
        "@type": f"{_TYPE}.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        "require_client_certificate": True,
        "common_tls_context": _identity(pod, files),
    }


def _upstream_tls(
    pod: placement.Pod, files: certificates.Files, *, peers: Sequence[blueprint.Name]
) -> Config:
    names = [
        {"san_type": "URI", "matcher": {"exact": certificates.spiffe_id(peer)}}
        for peer in dict.fromkeys(peers)
    ]
    return {
        "@type": f"{_TYPE}.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        "common_tls_context": _identity(pod, files, peers=names),
    }


def _identity(pod: placement.Pod, files: certificates.Files, *, peers: Sequence[Config] = ()) -> Config:
    name = pod.workload.name
    validation: dict[str, Any] = {"trusted_ca": {"filename": str(files.authority)}}
    if peers:
        validation["match_typed_subject_alt_names"] = list(peers)
    return {
        "tls_certificates": [
            {
                "certificate_chain": {"filename": str(files.chain(name))},
                "private_key": {"filename": str(files.key(name))},
            }
        ],
        "validation_context": validation,
    }


def _socket(address: str, port: int) -> Config:
    return {"socket_address": {"address": address, "port_value": port}}
