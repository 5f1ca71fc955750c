"""Proxies of gateways name the rule of a route; the inventory knows the services behind it."""

from __future__ import annotations

import pytest

from metrics_server.decode import endpoints as decode_endpoints
from metrics_server.inventory import file_source, objects
from metrics_server.model import kinds, snapshot
from metrics_server.ownership import graph
from metrics_server.profiles import endpoints, schema
from tests.dialects import moments

_ENVOY, _TRAEFIK = moments.MESHES["envoy"], moments.MESHES["traefik"]
_KNOWN = """
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: shop}
spec:
  rules:
  - backendRefs: [{name: cart}]
  - backendRefs: [{name: cart}, {name: db, namespace: data}]
  - backendRefs: [{name: elsewhere, kind: ServiceImport, group: multicluster.x-k8s.io}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {name: web, namespace: shop}
spec:
  rules: [{backendRefs: [{name: db, namespace: data}]}]
---
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: test.route, namespace: default}
spec:
  routes:
  - match: Host(`foo.com`) && PathPrefix(`/bar`)
    kind: Rule
    services: [{name: whoami, port: 80}]
  - match: Host(`foo.com`)
    kind: Rule
    services: [{name: one, port: 80}, {name: two, port: 80}]
"""


def _inventory(text: str = _KNOWN) -> objects.Inventory:
    return file_source.read(text, source="things.yaml")


def _peer(mesh: schema.Profile, endpoint: endpoints.Endpoint | None, value: str) -> snapshot.Peer:
    assert isinstance(endpoint, endpoints.NamedEndpoint), mesh.name
    found = decode_endpoints.named(endpoint, value, namespace="edge")
    assert found is not None
    return found


def _callee(cluster: str, known: objects.Inventory) -> kinds.Ref:
    """Return what the proxy of a gateway calls by a cluster of Envoy."""
    gateway = moments.pod("edge", "gateway-1")
    series = gateway.growing("envoy_cluster_upstream_rq_xx", 3, envoy_cluster_name=cluster)
    taken = moments.moment(_ENVOY, *gateway.itself(_ENVOY), series)
    (found,) = graph.Ownership(taken, known).peers(kinds.SERVICE.name)
    return found


@pytest.mark.parametrize(
    ("cluster", "callee"),
    [
        ("httproute/shop/web/rule/0", "service.cart"),
        ("httproute/shop/web/rule/1/backend/0", "service.cart"),
        ("httproute/shop/web/rule/1/backend/1", "service.db"),
        ("grpcroute/shop/web/rule/0", "service.db"),
        ("grpcroute/shop/web/rule/7", "service.db"),  # a rule of a later version of the object
    ],
)
def test_a_rule_is_the_service_behind_it(cluster: str, callee: str) -> None:
    assert str(_callee(cluster, _inventory())) == callee


@pytest.mark.parametrize(
    "cluster",
    [
        "httproute/shop/web/rule/1",  # two services
        "httproute/shop/web/rule/2",  # no Service
        "httproute/shop/web/rule/1/backend/9",
        "httproute/shop/web/rule/9",  # the rules lead to several
        "httproute/data/web/rule/0",  # another namespace
        "tcproute/shop/web/rule/-1",
        "securitypolicy/shop/cart/abc",
    ],
)
def test_a_rule_whose_service_is_not_known_keeps_its_name_and_charges_no_service(cluster: str) -> None:
    assert _callee(cluster, _inventory()) == kinds.Ref(kinds.HOST, "", cluster)
    assert _callee(cluster, objects.Inventory()) == kinds.Ref(kinds.HOST, "", cluster)


@pytest.mark.parametrize(
    ("service", "resource"),
    [
        ("default-test.route-6b204d94623b3df4370c@kubernetescrd", "service.whoami"),
        ("default-test.route-6f97418635c7e18853da@kubernetescrd", ""),  # two services
        ("default-test.route-0123456789abcdef0123@kubernetescrd", ""),
        ("default-whoami-80@docker", ""),
        ("whoami@file", ""),
    ],
)
def test_a_rule_of_an_ingress_route_is_known_by_its_hash(service: str, resource: str) -> None:
    gateway = moments.pod("edge", "traefik-1")
    series = gateway.growing("traefik_service_requests_total", 3, service=service, code="200")
    taken = moments.moment(_TRAEFIK, *gateway.itself(_TRAEFIK), series)
    expected = resource or f"host.{service}"
    assert [str(one) for one in graph.Ownership(taken, _inventory()).reporters] == [expected]


@pytest.mark.parametrize(
    ("cluster", "service"),
    [
        ("default_kuard_80", ("default", "kuard")),
        ("kube_httpbin_http-bin_8000", ("httpbin", "http-bin")),
        ("kube-svc_httpbin-httpbin-8000_gloo-system_httpbin_httpbin_8000", ("httpbin", "httpbin")),
        ("shop/cilium-gateway-web/data:db:5432", ("data", "db")),
        ("default/kuard/80/da39a3ee5e", ("default", "kuard")),
    ],
)
def test_the_clusters_of_other_gateways_name_services(cluster: str, service: tuple[str, str]) -> None:
    client = next(view for view in _ENVOY.views if view.side is kinds.Side.CLIENT)
    found = _peer(_ENVOY, client.peer, cluster)
    assert (found.namespace, found.service) == service


@pytest.mark.parametrize("cluster", ["egress-cluster", "ingress-cluster-tls"])
def test_the_way_out_of_a_node_with_cilium_is_no_callee(cluster: str) -> None:
    client = next(view for view in _ENVOY.views if view.side is kinds.Side.CLIENT)
    assert isinstance(client.peer, endpoints.NamedEndpoint)
    assert decode_endpoints.named(client.peer, cluster, namespace="edge") is None
