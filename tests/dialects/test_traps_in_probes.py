"""Trap 16: requests that are no traffic, and number 17: requests that only the caller's route reports."""

from __future__ import annotations

import pytest

from metrics_server.inventory import objects
from metrics_server.model import kinds, snapshot
from tests.dialects import moments
from tests.dialects.moments import MESHES
from tests.metrics_server import recording

CLIENT, SERVER = kinds.Side.CLIENT, kinds.Side.SERVER
LINKERD = MESHES["linkerd"]
WEB = moments.Target({"namespace": "shop", "pod": "web-1"}, job="linkerd-proxy")
CART = moments.services(("shop", "cart"))


def linkerd(*series: recording.Series) -> tuple[float, float]:
    """Return the successes and failures of both sides together."""
    taken = moments.moment(LINKERD, *WEB.itself(LINKERD), *series)
    sent, received = moments.counted(taken, CLIENT), moments.counted(taken, SERVER)
    return sent[0] + received[0], sent[1] + received[1]


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param({"route_name": "probe", "target_port": "8080"}, id="probe of a container"),
        pytest.param({"route_name": "probe", "target_port": "4191"}, id="probe of the proxy"),
        pytest.param({"route_name": "default", "target_port": "4191"}, id="scrape"),
        pytest.param({"target_port": "4190"}, id="tap"),
        pytest.param({"srv_port": "4191"}, id="the port of the server alone"),
    ],
)
@pytest.mark.parametrize("classification", ["success", "failure"])
def test_trap_16_linkerd_probes_and_requests_to_the_proxy_are_left_out(
    labels: dict[str, str], classification: str
) -> None:
    where = {"direction": "inbound", "classification": classification, "status_code": "200"}
    assert linkerd(WEB.growing("response_total", 3, **where, **labels)) == (0, 0)


def test_trap_16_linkerd_what_a_meshed_prometheus_scrapes_is_no_edge() -> None:
    where = {"direction": "outbound", "classification": "success", "dst_namespace": "shop"}
    scrape = WEB.growing("response_total", 3, **where, dst_pod="cart-1", target_port="4191")
    through_gateway = WEB.growing("response_total", 5, **where, dst_service="west", target_port="4143")
    assert linkerd(scrape, through_gateway) == (30, 0)


ENVOYS = moments.Target({"namespace": "shop", "pod": "web-1"}, job="envoy")
SENT, RECEIVED = "envoy_cluster_upstream_rq_xx", "envoy_http_downstream_rq_xx"
CONSUL = {"consul_source_service": "web"}
KUMA = {"mesh": "default"}


def _taken(
    mesh: str, counter: str, buckets: str, where: dict[str, str], tags: dict[str, str]
) -> snapshot.Snapshot:
    """Return the snapshot of an Envoy with one counter and one bucket. `tags`: on all its metrics."""
    profile = MESHES[mesh]
    return moments.moment(
        profile,
        *ENVOYS.itself(profile, **tags),
        ENVOYS.growing(counter, 3, **where, envoy_response_code_class="2"),
        ENVOYS.growing(buckets, 3, **where, le="+Inf"),
    )


@pytest.mark.parametrize(
    ("mesh", "listener", "tags"),
    [
        ("envoy", "admin", {}),
        ("envoy", "stats", {}),
        ("envoy", "agent", {}),
        ("envoy", "inbound_0.0.0.0_15090", {}),
        ("envoy", "inbound_10.0.0.1_15020", {}),
        ("envoy", "inbound_10.0.0.1_15021", {}),
        ("envoy-endpoints", "inbound_10.0.0.1_15021", {}),
        ("envoy", "exposed_path_filter_healthz_21500", CONSUL),
        ("envoy", "envoy_ready", CONSUL),
        ("envoy", "probe_listener", KUMA),
        ("consul", "exposed_path_filter_healthz_21500", CONSUL),
        ("consul", "envoy_ready", CONSUL),
        ("consul", "envoy_prometheus_metrics", CONSUL),
        ("kuma", "probe_listener", KUMA),
        ("kuma", "_kuma_metrics_prometheus_default-backend", KUMA),
        ("kuma", "kuma_envoy_admin", KUMA),
        ("kuma", "system_dynamicconfig", KUMA),
        ("kuma", "system_probe_readiness", KUMA),
        ("app-mesh", "admin", {}),
        ("app-mesh", "healthz", {}),
        ("traffic-director", "inbound_10.0.0.1_15021", {}),
        ("traffic-director", "admin", {}),
    ],
)
def test_trap_16_a_listener_for_probes_or_scrapes_receives_no_traffic(
    mesh: str, listener: str, tags: dict[str, str]
) -> None:
    where = {**tags, "envoy_http_conn_manager_prefix": listener}
    taken = _taken(mesh, RECEIVED, "envoy_http_downstream_rq_time_bucket", where, tags)
    assert [one.pod for one in taken.reporters] == ["web-1"], "idle, and there"
    assert moments.counted(taken, SERVER) == (0, 0)
    assert len(taken.bounds) == 0


@pytest.mark.parametrize(
    ("mesh", "cluster", "tags"),
    [
        ("envoy", "exposed_cluster_8080", CONSUL),
        ("envoy", "prometheus_backend", CONSUL),
        ("envoy", "self_admin", CONSUL),
        ("envoy", "prometheus_stats", {}),
        ("envoy", "inbound|15020|mgmt-15020|mgmtCluster", {}),
        ("envoy", "_kuma_metrics_hijacker", KUMA),
        ("envoy", "meshaccesslog_opentelemetry_0", KUMA),
        ("consul", "exposed_cluster_8080", CONSUL),
        ("kuma", "localhost_8080", KUMA),
        ("kuma", "kuma_readiness", KUMA),
        ("kuma", "_kuma_metrics_opentelemetry_otel_4317", KUMA),
        ("kuma", "_kuma:metrics:hijacker", KUMA),
        ("kuma", "meshaccesslog:opentelemetry:0", KUMA),
        ("kuma", "meshglobalratelimit:service", KUMA),
        ("kuma", "plugins_bootstrap_k8s_hooks_apiServerBypass", KUMA),
        ("kuma", "system_kube_api_server_bypass", KUMA),
        ("app-mesh", "cds_ingress_mesh_web_shop_http_8080", {}),
        ("app-mesh", "prometheus", {}),
        ("traffic-director", "prometheus_stats", {}),
    ],
)
def test_trap_16_a_cluster_for_the_proxy_itself_is_no_callee(
    mesh: str, cluster: str, tags: dict[str, str]
) -> None:
    where = {**tags, "envoy_cluster_name": cluster}
    taken = _taken(mesh, SENT, "envoy_cluster_upstream_rq_time_bucket", where, tags)
    assert moments.counted(taken, CLIENT) == (0, 0)
    assert len(taken.bounds) == 0


@pytest.mark.parametrize("cluster", ["xds_cluster", "xds-grpc", "inbound|8080||", "kuma_readiness", "zipkin"])
def test_trap_16_an_endpoint_of_the_proxys_own_clusters_is_no_callee(cluster: str) -> None:
    mesh = MESHES["envoy-endpoints"]
    where = {"envoy_endpoint_address": "10.1.0.9:15010"}
    taken = moments.moment(
        mesh,
        *ENVOYS.itself(mesh),
        ENVOYS.growing("envoy_cluster_endpoint_rq_success", 3, **where, envoy_cluster_name=cluster),
        ENVOYS.growing("envoy_cluster_endpoint_rq_success", 1, **where, envoy_cluster_name="shop/cart/80"),
        ENVOYS.growing("envoy_cluster_endpoint_rq_success", 1, **where),
    )
    assert moments.counted(taken, CLIENT) == (12, 0)


@pytest.mark.parametrize(
    "method",
    ["grpc.health.v1.Health/Check", "grpc.health.v1.Health/Watch", "envoy.service.load_stats.v3.X/Y"],
)
def test_trap_16_probes_of_grpc_and_what_its_control_plane_is_asked_are_left_out(method: str) -> None:
    mesh = MESHES["csm"]
    series = [
        WEB.growing(f"grpc_{name}_duration_seconds_{part}", 3, grpc_method=method, grpc_status="OK", **bound)
        for name in ("client_attempt", "server_call")
        for part, bound in (("count", {}), ("bucket", {"le": "+Inf"}))
    ]
    taken = moments.moment(mesh, *WEB.itself(mesh), *series)
    assert moments.counted(taken, CLIENT) == moments.counted(taken, SERVER) == (0, 0)


@pytest.mark.parametrize(
    "service", ["ping@internal", "prometheus@internal", "api@internal", "dashboard@internal"]
)
def test_trap_16_traefiks_own_services_receive_no_traffic(service: str) -> None:
    mesh = MESHES["traefik"]
    gateway = moments.Target({"namespace": "kube-system", "pod": "traefik-1"})
    where = {"service": service, "code": "200", "method": "GET", "protocol": "http"}
    taken = moments.moment(
        mesh, *gateway.itself(mesh), gateway.growing("traefik_service_requests_total", 3, **where)
    )
    assert moments.counted(taken, SERVER) == (0, 0)


@pytest.mark.parametrize("listener", ["inbound_0.0.0.0_15006", "inbound_0.0.0.0_8080", "ingress_http"])
def test_trap_16_the_listeners_of_the_workload_still_count(listener: str) -> None:
    mesh = MESHES["envoy"]
    where = {"envoy_http_conn_manager_prefix": listener, "envoy_response_code_class": "2"}
    taken = moments.moment(mesh, *ENVOYS.itself(mesh), ENVOYS.growing(RECEIVED, 3, **where))
    assert moments.counted(taken, SERVER) == (18, 0)


def routed(
    by: float, *, error: str, kind: str = "http", parent: str = "Service", **status: str
) -> recording.Series:
    where = {"parent_kind": parent, "parent_namespace": "shop", "parent_name": "cart", "error": error}
    return WEB.growing(f"outbound_{kind}_route_request_statuses_total", by, **where, **status)


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [
        ("REQUEST_TIMEOUT", "http", {"http_status": ""}),
        ("REQUEST_TIMEOUT", "http", {"http_status": "504"}),
        ("RESPONSE_HEADERS_TIMEOUT", "http", {"http_status": ""}),
        ("FAIL_FAST", "http", {"http_status": ""}),
        ("LOAD_SHED", "http", {"http_status": "503"}),
        ("REQUEST_TIMEOUT", "grpc", {"grpc_status": "UNKNOWN"}),
        ("FAIL_FAST", "grpc", {"grpc_status": "UNAVAILABLE"}),
        ("REQUEST_TIMEOUT", "grpc", {}),
    ],
)
def test_trap_17_what_a_timeout_cut_or_reached_nobody_is_a_failure_of_the_edge(
    error: str, kind: str, status: dict[str, str]
) -> None:
    answered = WEB.growing(
        "response_total",
        4,
        direction="outbound",
        classification="success",
        dst_namespace="shop",
        dst_service="cart",
    )
    taken = moments.moment(
        LINKERD,
        *WEB.itself(LINKERD),
        answered,
        routed(4, error="", kind=kind, http_status="200"),
        routed(2, error=error, kind=kind, **status),
    )
    ((_, edge),) = moments.edges(taken, CART).items()
    assert (edge.figures.success, edge.figures.failure) == (24, 12)
    assert edge.figures.without == ("timeouts", "requests that reached nobody")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("", {"http_status": "500"}),
        ("", {"http_status": "200"}),
        ("RESET", {"http_status": ""}),
        ("IO", {"http_status": ""}),
        ("UNKNOWN", {"http_status": ""}),
        ("CANCEL", {"http_status": ""}),
        ("RESPONSE_STREAM_TIMEOUT", {"http_status": "200"}),
    ],
)
def test_trap_17_what_an_endpoint_began_to_answer_counts_there_alone(
    error: str, status: dict[str, str]
) -> None:
    assert linkerd(routed(2, error=error, **status)) == (0, 0)


def test_trap_17_a_request_to_a_host_outside_that_reached_nobody_is_of_no_service() -> None:
    taken = moments.moment(
        LINKERD,
        *WEB.itself(LINKERD),
        routed(2, error="FAIL_FAST", parent="EgressNetwork", http_status=""),
    )
    assert moments.counted(taken, CLIENT) == (0, 12)
    assert not any("cart" in callee for _, callee in moments.edges(taken, objects.Inventory()))


def test_trap_17_a_timeout_of_another_cluster_is_in_its_edge() -> None:
    answered = WEB.growing(
        "response_total",
        4,
        direction="outbound",
        classification="success",
        dst_namespace="shop",
        dst_service="cart",
        dst_target_cluster="west",
    )
    timeout = routed(2, error="REQUEST_TIMEOUT", http_status="")
    taken = moments.moment(LINKERD, *WEB.itself(LINKERD), answered, timeout)
    ((ends, edge),) = moments.edges(taken, CART).items()
    assert ends[1] == "remote.cart.shop@west"
    assert (edge.figures.success, edge.figures.failure) == (24, 12)
