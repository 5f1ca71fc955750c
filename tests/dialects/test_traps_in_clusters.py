"""Trap 13 of the list: a peer in another cluster is never the object of this one that has its name."""

from __future__ import annotations

import pytest

from metrics_server.inventory import objects
from metrics_server.model import kinds
from tests.dialects import moments
from tests.dialects.moments import MESHES

Labels = dict[str, str]
XX = "envoy_cluster_upstream_rq_xx"
_HERE = {kinds.Ref(kind, "shop", name) for kind in ("Deployment", "Service") for name in ("cart", "web")}
_KNOWN = objects.Inventory({ref: objects.Object(ref=ref) for ref in _HERE})
"""This cluster has workloads and services of the names that the other cluster has."""


def callees(mesh: str, metric: str, **labels: str) -> list[str]:
    """Return the callees of the edges that `web` reports in one series."""
    profile, web = MESHES[mesh], moments.pod("shop", "web-1")
    fixed = {"consul_source_service": "web"} if mesh == "consul" else {}
    fixed |= {"mesh": "default"} if mesh == "kuma" else {}
    job = "linkerd-proxy" if mesh == "linkerd" else "mesh"
    web = moments.Target(web.labels, job=job)
    series = web.growing(metric, 3, **labels, **fixed)
    taken = moments.moment(profile, *web.itself(profile, **fixed), series)
    return [callee for _, callee in moments.edges(taken, _KNOWN)]


def istio(here: str, there: str) -> Labels:
    """Return what a caller's proxy reports."""
    callee = {"destination_workload": "cart", "destination_workload_namespace": "shop"}
    service = {"destination_service_name": "cart", "destination_service_namespace": "shop"}
    clusters = {"source_cluster": here, "destination_cluster": there}
    return {"reporter": "source", "response_code": "200", **callee, **service, **clusters}


def consul(**labels: str) -> Labels:
    """Return what a caller's proxy reports; labels without their `consul_`."""
    callee = {"destination_service": "cart", "destination_namespace": "shop"}
    own = {"source_datacenter": "dc1", "source_partition": "default"}
    tags = {f"consul_{name}": value for name, value in {**callee, **own, **labels}.items()}
    return {**tags, "envoy_response_code_class": "2"}


def linkerd(**labels: str) -> Labels:
    """Return what a caller's proxy reports; labels without their `dst_`."""
    dst = {f"dst_{name}": value for name, value in {"namespace": "shop", **labels}.items()}
    return {"direction": "outbound", "classification": "success", "status_code": "200", **dst}


def kuma(cluster: str, *, zone: str = "east") -> Labels:
    """Return what a proxy in a zone reports of a cluster of Envoy."""
    return {"envoy_cluster_name": cluster, "envoy_response_code_class": "2", "kuma_io_zone": zone}


def csm(here: str, there: str) -> Labels:
    """Return what a caller reports."""
    remote = {"workload_name": "cart", "workload_namespace_name": "shop", "workload_cluster_name": there}
    labels = {f"csm_remote_{name}": value for name, value in remote.items()}
    return {"grpc_status": "OK", "k8s_cluster_name": here, **labels}


@pytest.mark.parametrize(
    ("mesh", "metric", "labels", "callee"),
    [
        ("istio", "istio_requests_total", istio("one", "two"), "remote.cart.shop@two"),
        ("istio", "istio_requests_total", istio("one", "one"), "deployment.cart"),
        ("istio", "istio_requests_total", istio("one", "unknown"), "deployment.cart"),
        ("istio", "istio_requests_total", istio("", "two"), "deployment.cart"),
        ("consul", XX, consul(destination_datacenter="dc2"), "remote.cart.shop@dc2"),
        ("consul", XX, consul(destination_datacenter="dc1"), "service.cart"),
        ("consul", XX, consul(destination_peer="bank"), "remote.cart.shop@bank"),
        ("consul", XX, consul(destination_partition="red"), "remote.cart.shop@red"),
        ("consul", XX, consul(destination_partition=""), "service.cart"),
        ("consul", XX, consul(destination_peer="bank", destination_namespace=""), "remote.cart@bank"),
        ("linkerd", "response_total", linkerd(service="cart-west", target_cluster="west"),
         "remote.cart-west.shop@west"),
        ("linkerd", "response_total",
         linkerd(service="cart-west", target_cluster="west", deployment="cart", pod="cart-1"),
         "remote.cart.shop@west"),
        ("linkerd", "response_total", linkerd(service="cart", deployment="cart"), "deployment.cart"),
        ("kuma", XX, kuma("kri_msvc_default_west_shop_cart_8080"), "remote.cart.shop@west"),
        ("kuma", XX, kuma("kri_msvc_default_east_shop_cart_8080"), "service.cart"),
        ("kuma", XX, kuma("kri_msvc_default_west__cart_8080"), "remote.cart@west"),
        ("kuma", XX, kuma("kri_msvc_default_west_shop_cart_8080", zone=""), "service.cart"),
        ("kuma", XX, kuma("kri_mzsvc_default___cart_8080"), "service.cart"),
        ("kuma", XX, kuma("default_cart_shop_west_msvc_8080"), "remote.cart.shop@west"),
        ("kuma", XX, kuma("default_cart__west_msvc_8080"), "remote.cart@west"),
        ("kuma", XX, kuma("default_cart_shop_east_msvc_8080"), "service.cart"),
        ("csm", "grpc_client_attempt_duration_seconds_count", csm("one", "two"), "remote.cart.shop@two"),
        ("csm", "grpc_client_attempt_duration_seconds_count", csm("", "two"), "deployment.cart"),
    ],
)  # fmt: skip
def test_trap_13_a_callee_in_another_cluster_is_not_its_namesake_here(
    mesh: str, metric: str, labels: Labels, callee: str
) -> None:
    assert callees(mesh, metric, **labels) == [callee]


def test_trap_13_a_caller_in_another_cluster_is_not_its_namesake_here() -> None:
    mesh, cart = MESHES["istio"], moments.pod("shop", "cart-1")
    caller = {"source_workload": "web", "source_workload_namespace": "shop", "source_cluster": "two"}
    labels = {"reporter": "destination", "response_code": "200", "destination_cluster": "one", **caller}
    taken = moments.moment(mesh, *cart.itself(mesh), cart.growing("istio_requests_total", 3, **labels))
    assert [*moments.edges(taken, _KNOWN)] == [("remote.web.shop@two", "pod.cart-1")]
    assert moments.received(taken, _KNOWN)["pod.cart-1"].figures.success == 18


def test_latency_of_a_callee_in_another_cluster_is_not_mixed_with_that_of_its_namesake() -> None:
    mesh, web = MESHES["istio"], moments.pod("shop", "web-1")
    series = []
    for there, bound in (("one", "5"), ("two", "500")):
        timed = {**istio("one", there)}
        series.append(web.growing("istio_requests_total", 3, **timed))
        for le in ("1", "5", "500", "+Inf"):
            by = 3 if float(le) >= float(bound) else 0
            series.append(web.growing("istio_request_duration_milliseconds_bucket", by, **timed, le=le))
    edges = moments.edges(moments.moment(mesh, *web.itself(mesh), *series), _KNOWN)
    median = {callee: edge.figures.latency[0] or 0.0 for (_, callee), edge in edges.items()}
    assert median["deployment.cart"] < 0.005 < median["remote.cart.shop@two"]
