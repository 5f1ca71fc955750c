"""Traps in the names of metrics, labels and endpoints: numbers 3, 6, 9 and 13 of the list of traps.

`tests/metrics_server/query/test_promql.py` and `test_plan.py` test 14, a hostile name in a query.
"""

from __future__ import annotations

import pytest

from metrics_server.decode import endpoints as decode_endpoints
from metrics_server.model import kinds, snapshot
from metrics_server.profiles import endpoints, schema
from tests.dialects import moments
from tests.dialects.moments import MESHES

CLIENT, SERVER = kinds.Side.CLIENT, kinds.Side.SERVER
XX = "envoy_cluster_upstream_rq_xx"
_CLUSTER = {
    "app-mesh": "cds_egress_mesh_cart_shop_http_8080",
    "envoy": "outbound|8080||cart.shop.svc.cluster.local",
    "kuma": "cart_shop_svc_8080",
    "traffic-director": "/projects/1/global/backendServices/cart",
}
_FIXED = {"mesh": "default"}
"""The label that distinguishes the Envoys of Kuma from others."""
_CONSUL = {"consul_source_service": "web", "consul_destination_service": "cart"}


def named(mesh: str, value: str, *, namespace: str = "shop") -> snapshot.Peer | None:
    """The endpoint that a mesh names by a label value."""
    reply = [view.reporter or view.peer for view in MESHES[mesh].views]
    endpoint = next(one for one in reply if isinstance(one, endpoints.NamedEndpoint))
    return decode_endpoints.named(endpoint, value, namespace=namespace)


@pytest.mark.parametrize("mesh", _CLUSTER)
@pytest.mark.parametrize("failed", ["5", "5xx"])
def test_trap_3_a_class_of_answers_is_a_digit_or_the_whole_class(mesh: str, failed: str) -> None:
    web = moments.pod("shop", "web-1")
    cluster = {"envoy_cluster_name": _CLUSTER[mesh], **_FIXED}
    taken = moments.moment(
        MESHES[mesh],
        *web.itself(MESHES[mesh], **_FIXED),
        web.growing(XX, 3, **cluster, envoy_response_code_class=failed.replace("5", "2")),
        web.growing(XX, 2, **cluster, envoy_response_code_class=failed),
    )
    assert moments.counted(taken, CLIENT) == (18, 12)


@pytest.mark.parametrize("ending", ["", "_total"])
def test_trap_3_a_counter_of_kuma_counts_with_and_without_its_ending(ending: str) -> None:
    mesh, cart = MESHES["kuma"], moments.pod("shop", "cart-1")
    inbound = {"envoy_http_conn_manager_prefix": "self_inbound_dp_http", "envoy_response_code_class": "2"}
    taken = moments.moment(
        mesh,
        *cart.itself(mesh, **_FIXED),
        cart.growing(f"envoy_http_downstream_rq_xx{ending}", 4, **inbound, **_FIXED),
    )
    assert moments.counted(taken, SERVER) == (24, 0)


def test_trap_3_labels_without_their_prefix_tell_of_nobody_and_nobody_is_counted_wrongly() -> None:
    """The raw statistics of Istio's proxies have Istio's own tags like this."""
    mesh, web = MESHES["envoy"], moments.pod("shop", "web-1")
    raw = {"cluster_name": "outbound|80||cart.shop.svc.cluster.local", "response_code_class": "5xx"}
    taken = moments.moment(mesh, *web.itself(mesh), web.growing(XX, 3, **raw))
    assert len(taken.calls[CLIENT]) == 0


def test_trap_6_a_name_with_dashes_is_parted_where_kubernetes_knows_it() -> None:
    """Traefik joins namespace, service and port."""
    mesh, proxy = MESHES["traefik"], moments.pod("traefik", "traefik-1")
    reply = proxy.growing(
        "traefik_service_requests_total", 3, service="shop-a-cart-v2-8080@kubernetes", code="200"
    )
    taken = moments.moment(mesh, *proxy.itself(mesh), reply)
    known = moments.services(("shop-a", "cart-v2"), ("shop", "cart"))
    assert [*moments.received(taken, known)] == ["service.cart-v2"]


def test_trap_6_a_name_that_fits_two_services_is_not_guessed() -> None:
    mesh, proxy = MESHES["traefik"], moments.pod("traefik", "traefik-1")
    reply = proxy.growing("traefik_service_requests_total", 3, service="shop-a-cart-80@http", code="200")
    taken = moments.moment(mesh, *proxy.itself(mesh), reply)
    known = moments.services(("shop-a", "cart"), ("shop", "a-cart"))
    assert [*moments.received(taken, known)] == ["host.shop-a-cart"]


@pytest.mark.parametrize(
    ("value", "peer"),
    [
        ("cds_egress_mesh_cart_shop_http_8080", snapshot.Peer(namespace="shop", workload="cart")),
        # Outside Kubernetes a virtual node may have any number of underscores.
        ("cds_egress_mesh_till_http2_8080", snapshot.Peer(host="till")),
        ("cds_egress_mesh_my_old_till_grpc_8080", snapshot.Peer(host="my_old_till")),
        (
            "cds_egress_mesh_amazonaws",
            snapshot.Peer(kind=kinds.PASSTHROUGH, workload="cds_egress_mesh_amazonaws"),
        ),
        ("cds_egress_mesh_cart_shop_self_redirect_http_8080", None),
    ],
)
def test_trap_6_a_virtual_node_is_parted_only_where_there_is_one_way(
    value: str, peer: snapshot.Peer | None
) -> None:
    assert named("app-mesh", value) == peer


def test_trap_6_a_cluster_whose_name_ends_at_its_first_dot_is_read_by_its_tags() -> None:
    """Consul calls this cluster v1.cart.default.dc1.internal.….consul; Envoy keeps v1 of it."""
    mesh, web = MESHES["consul"], moments.pod("shop", "web-1")
    reply = web.growing(
        XX, 3, **_CONSUL, envoy_cluster_name="v1", consul_destination_service_subset="v1",
        consul_destination_namespace="default", envoy_response_code_class="2",
    )  # fmt: skip
    taken = moments.moment(mesh, *web.itself(mesh, consul_source_service="web"), reply)
    known = moments.services(("shop", "cart"), ("shop", "v1"))
    assert [*moments.edges(taken, known)] == [("pod.web-1", "service.cart")]


@pytest.mark.parametrize("sign", [":", "_"])
def test_trap_6_a_colon_may_have_become_an_underscore(sign: str) -> None:
    assert named("traffic-director", f"cloud-internal-istio{sign}cloud_mp_12_34") == snapshot.Peer(
        host="cloud_mp_12_34"
    )
    through = named("kuma", f"outbound{sign}passthrough{sign}ipv4")
    assert through is not None
    assert through.kind == kinds.PASSTHROUGH
    assert named("kuma", f"inbound{sign}passthrough{sign}ipv4") is None


@pytest.mark.parametrize(
    ("value", "peer"),
    [
        ("cart_shop_svc_8080", snapshot.Peer(namespace="shop", service="cart")),
        ("cart_shop_svc_8080-154693772bc47249", snapshot.Peer(namespace="shop", service="cart")),
        ("default_cart_shop_east_msvc_8080", snapshot.Peer(namespace="shop", service="cart")),
        (
            "default_backend-v1__default_msvc_8080",
            snapshot.Peer(namespace="data", name="backend-v1", anywhere=True),
        ),
        ("kri_msvc_default_east_shop_cart_http", snapshot.Peer(namespace="shop", service="cart")),
        (
            "kri_msvc_default_default__backend-v1_8080",
            snapshot.Peer(namespace="data", name="backend-v1", anywhere=True),
        ),
        ("kri_mzsvc_default___cart_8080", snapshot.Peer(namespace="data", name="cart", anywhere=True)),
        ("kri_extsvc_default_east_shop_bank_443", snapshot.Peer(host="bank")),
        ("default_bank_shop_east_extsvc_443", snapshot.Peer(host="bank")),
        ("backend-154693772bc47249", snapshot.Peer(namespace="data", name="backend", anywhere=True)),
        ("db", snapshot.Peer(namespace="data", name="db", anywhere=True)),
        ("localhost_8080", None),
        ("self_inbound_dp_http", None),
        ("kuma_envoy_admin", None),
        ("ads_cluster", None),
    ],
)
def test_trap_6_kuma_has_four_forms_of_a_name(value: str, peer: snapshot.Peer | None) -> None:
    assert named("kuma", value, namespace="data") == peer


@pytest.mark.parametrize(
    ("value", "peer"),
    [
        ("/#/io.l5d.k8s/shop/http/cart", snapshot.Peer(namespace="shop", service="cart")),
        (
            "/%/io.l5d.k8s.localnode/10.1.1.1/#/io.l5d.k8s/shop/http/cart",
            snapshot.Peer(namespace="shop", service="cart"),
        ),
        ("/%/io.l5d.k8s.daemonset/linkerd/incoming/l5d/#/io.l5d.k8s/shop/http/cart", None),
        ("/#/io.l5d.consul/dc1/cart", snapshot.Peer(host="cart")),
        ("/$/inet/10.0.0.7/8080", snapshot.Peer(host="10.0.0.7")),
    ],
)
def test_trap_6_linkerd_1_puts_transformers_before_the_name_of_a_service(
    value: str, peer: snapshot.Peer | None
) -> None:
    assert named("linkerd1", value, namespace="") == peer


def test_trap_9_a_machine_is_known_by_its_service_and_its_calls_are_listed() -> None:
    """All workloads run on machines, as Consul allows: Kubernetes has no objects, and there are no owners."""
    mesh, machine = MESHES["consul"], moments.Target({})
    fixed = {"consul_source_service": "till"}
    reply = machine.growing(XX, 3, **fixed, consul_destination_service="bank", envoy_response_code_class="2")
    taken = moments.moment(mesh, *machine.itself(mesh, **fixed), reply)
    ((caller, callee),) = moments.edges(taken)
    assert (caller, callee.partition(".")[2]) == ("externalworkload.till", "bank")
    assert [*moments.received(taken)] == ["externalworkload.till"]


def test_trap_13_of_two_clusters_with_the_same_names_a_profile_reads_the_one_it_is_told() -> None:
    mesh = MESHES["envoy"]
    east = {"cluster": "east"}
    views = [{**view.model_dump(by_alias=True), "match": {**view.match, **east}} for view in mesh.views]
    process = {"metric": "envoy_server_uptime", "tells": "age", "match": east}
    alone = schema.Profile.model_validate(
        {**mesh.model_dump(by_alias=True), "name": "east", "process": process, "views": views}
    )
    series = []
    for number, cluster in enumerate(("east", "west")):
        web = moments.Target({"namespace": "shop", "pod": "web-1", "cluster": cluster}, job=cluster)
        labels = {"envoy_cluster_name": _CLUSTER["envoy"], "envoy_response_code_class": "2"}
        series += [*web.itself(mesh), web.growing(XX, 3 + number, **labels)]
    assert moments.counted(moments.moment(alone, *series), CLIENT) == (18, 0)


def test_a_host_that_dapr_tells_by_its_url_is_no_workload_of_that_name() -> None:
    mesh, web = MESHES["dapr"], moments.pod("shop", "web-1")
    reply = {"app_id": "web", "src_app_id": "https://api.bank.example", "status": "200", "type": "unary"}
    taken = moments.moment(
        mesh,
        *web.itself(mesh),
        web.growing("dapr_runtime_service_invocation_res_recv_total", 3, **reply),
    )
    assert moments.counted(taken, CLIENT) == (18, 0)
    ((_, callee),) = moments.edges(taken)
    assert callee == "unknown"
