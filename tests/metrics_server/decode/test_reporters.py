from __future__ import annotations

import time

import pytest

from metrics_server.decode import endpoints as decode_endpoints
from metrics_server.decode import reporters
from metrics_server.model import snapshot
from metrics_server.profiles import endpoints, fields, loading

(ENVOY,) = [mesh for mesh in loading.shipped() if mesh.name == "envoy"]
(NAMED,) = [view.peer for view in ENVOY.views if isinstance(view.peer, endpoints.NamedEndpoint)]
CLIENT = next(number for number, view in enumerate(ENVOY.views) if view.peer)
SERVER = next(number for number, view in enumerate(ENVOY.views) if not view.peer)


def read(value: str) -> snapshot.Peer | None:
    return decode_endpoints.named(NAMED, value, namespace="shop")


def service(namespace: str, name: str) -> snapshot.Peer:
    return snapshot.Peer(namespace=namespace, service=name)


@pytest.mark.parametrize(
    ("value", "peer"),
    [
        ("outbound|8080||cart.shop.svc.cluster.local", service("shop", "cart")),
        ("outbound|8080|v1|cart.shop.svc.cluster.local", service("shop", "cart")),
        ("outbound|80||db.data.svc.corp.example", service("data", "db")),
        ("outbound|8080||cart.shop.svc.cluster.local;", service("shop", "cart")),
        ("outbound_.8080_._.cart.shop.svc.cluster.local", service("shop", "cart")),
        ("outbound_.8080_.v1_.cart.shop.svc.cluster.local", service("shop", "cart")),
        ("outbound|443||api.example.com", snapshot.Peer(host="api.example.com")),
        ("outbound|443||*.example.com", snapshot.Peer(host="*.example.com")),
        ("outbound/8080/cart.shop", service("shop", "cart")),
        ("cart.shop.svc.cluster.local", service("shop", "cart")),
        ("a.b.svc.cluster.local:80", service("b", "a")),
        ("cart.shop.svc.cluster.local_8080", service("shop", "cart")),
        ("cart.shop.svc", service("shop", "cart")),
        ("data/db", service("data", "db")),
        ("data/db/8080", service("data", "db")),
        ("data/db:http", service("data", "db")),
        ("cart", snapshot.Peer(namespace="shop", name="cart")),
        ("api.example.com", snapshot.Peer(host="api.example.com")),
        ("api.example.com:443", snapshot.Peer(host="api.example.com:443")),
        ("10.0.0.7:8080", snapshot.Peer(host="10.0.0.7:8080")),
        ("Größe & <Markup>", snapshot.Peer(host="Größe & <Markup>")),
        ("a\nb", snapshot.Peer(host="a\nb")),
    ],
)
def test_a_cluster_name_says_who_the_peer_is(value: str, peer: snapshot.Peer) -> None:
    assert read(value) == peer


@pytest.mark.parametrize(
    "value",
    [
        "",
        "inbound|8080||",
        "inbound_8080__",
        "local_app",
        "localhost_8080",
        "self_admin",
        "prometheus_stats",
        "xds-grpc",
        "xds_cluster",
        "sds-grpc",
        "agent",
        "zipkin",
        "admin",
        "InboundPassthroughClusterIpv4",
        "kuma_envoy_admin",
        "osm-controller",
        "otel_collector",
    ],
)
def test_the_clusters_of_the_proxy_itself_are_no_peers(value: str) -> None:
    assert read(value) is None


@pytest.mark.parametrize("value", ["PassthroughCluster", "BlackHoleCluster", "passthrough-outbound"])
def test_what_passes_through_to_whatever_host_is_a_peer_of_its_own(value: str) -> None:
    assert read(value) == snapshot.Peer(kind="Passthrough", workload=value)


@pytest.mark.parametrize(
    "value",
    [
        "a" * 65536,
        "a." * 32768,
        "outbound|" * 7000,
        "outbound|80||" + "a.b" * 20000,
        "/" * 65536,
        "-" * 65535 + "!",
    ],
    ids=lambda value: value[:10],
)
def test_a_name_of_64_kb_is_read_at_once_and_cut(value: str) -> None:
    begun = time.process_time()
    peer = read(value)
    assert time.process_time() - begun < 1.0
    assert peer is not None
    assert len(peer.host or peer.name or peer.service) <= fields.LONGEST_VALUE


def test_what_no_pattern_reads_is_a_host() -> None:
    named = endpoints.NamedEndpoint(label="dst", patterns=("(?P<service>[a-z]+)",))
    assert decode_endpoints.named(named, "A1", namespace="shop") == snapshot.Peer(host="A1")
    assert decode_endpoints.named(named, "a", namespace="shop") == service("shop", "a")


def test_the_first_label_that_is_set_counts() -> None:
    labels = {"a": "", "b": "2", "c": "3"}
    assert decode_endpoints.first(labels, ("x", "a", "b", "c")) == "2"
    assert decode_endpoints.first(labels, ("x",)) == ""


def test_a_target_is_a_pod_a_machine_or_else_its_address() -> None:
    who = reporters.Identities(ENVOY)
    of_all = {"namespace": "shop", "instance": "127.0.0.1:1"}
    assert who.identity(of_all | {"pod": "a"}) == reporters.Identity("shop", "a")
    vm = reporters.Identity("shop", machine="vm", instance="127.0.0.1:1")
    assert who.identity(of_all | {"external_workload": "vm"}) == vm
    assert who.identity(of_all) == reporters.Identity("shop", instance="127.0.0.1:1")
    other = {"kubernetes_namespace": "x", "kubernetes_pod_name": "y"}
    assert who.identity(other) == reporters.Identity("x", "y")


def test_a_machine_is_one_of_the_mesh_whose_profile_recognises_it() -> None:
    """Envoy's own profile finds the proxies of every mesh."""
    vm = {"service": "db", "instance": "db-1", "__name__": "envoy_server_uptime"}
    consul = {"consul_source_service": "db", "consul_source_datacenter": "dc1"}
    meshes = {
        "": (vm, ()),
        "kuma": (vm | {"mesh": "default"}, ("default", "")),
        "consul": (vm | consul, ("dc1", "", "")),
    }
    who = reporters.Identities(ENVOY)
    for profile, (labels, parts) in meshes.items():
        assert who.identity(labels).mesh == snapshot.MeshName(profile, parts)
    assert len({who.reporter(labels) for labels, _ in meshes.values()}) == 3
    assert {one.machine for one in who.reporters} == {"db"}


def test_a_target_is_its_process_with_all_labels() -> None:
    who = reporters.Identities(ENVOY)
    shared = {"job": "federation", "instance": "prometheus:9090", "__name__": "envoy_server_uptime"}
    both = [shared | {"external_workload": name} for name in ("cart", "db")]
    for labels in (*both, both[0]):
        who.reporter(labels)
    cart, db = (one.targets for one in who.reporters)
    assert len(cart) == len(db) == 1
    assert not cart & db
    who.reporter(up := both[0] | {"__name__": "up"})
    assert snapshot.Target(up["job"], up["instance"]) in who.reporters[0].targets


def test_a_pod_is_the_same_whatever_else_its_requests_tell_of_it() -> None:
    """For example, only the series of requests have a label with the name of a virtual node."""
    who = reporters.Identities(ENVOY)
    pod = {"namespace": "shop", "pod": "a"}
    assert who.identity(pod | {"external_workload": "vm"}) == who.identity(pod)


GATEWAY = loading.read(
    """
name: gateway
about: A proxy that tells of the services behind it
views:
  - side: server
    requests: gateway_requests_total
    appears: with first request
    outcome: [{is: success}]
    reporter: {label: to, exclude: [".+@internal"], patterns: ["(?P<joined>.+)@web", "(?P<service>.+)"]}
""",
    source="test",
)


def test_a_service_that_others_report_for_is_one_of_its_own() -> None:
    who = reporters.Identities(GATEWAY)
    assert who.identity({"to": "cart"}, 0) == reporters.Identity(kind="Service", workload="cart")
    assert who.identity({"to": "shop-cart@web"}, 0) == reporters.Identity(joined="shop-cart")


def test_what_is_told_of_somebody_who_does_not_count_does_not_count() -> None:
    who = reporters.Identities(GATEWAY)
    assert who.ends(0, {"to": "cart"}) == (0, -1)
    assert who.ends(0, {"to": "ping@internal"}) is None


def test_two_scrapes_of_one_pod_are_one_reporter_with_the_labels_first_seen() -> None:
    who = reporters.Identities(ENVOY)
    pod = {"namespace": "shop", "pod": "a", "app": "cart", "__name__": "m", "envoy_cluster_name": "x"}
    assert who.reporter(pod | {"job": "one", "instance": "1", "node": "n", "controller_kind": "Job"}) == 0
    assert who.reporter(pod | {"job": "two", "instance": "2"}) == 0
    assert who.reporter({"namespace": "shop", "pod": "b"}) == 1
    first, second = who.reporters
    assert (first.pod, first.node, first.controller, first.labels) == ("a", "n", ("Job", ""), {"app": "cart"})
    assert (second.pod, second.labels) == ("b", {})


def test_series_of_a_settled_target_are_of_its_pod_and_shared_instances_are_not_settled() -> None:
    who = reporters.Identities(ENVOY)
    a, b = ({"namespace": "shop", "pod": name, "instance": f"{name}:1"} for name in "ab")
    shared = [{"namespace": "shop", "pod": name, "instance": "node-1"} for name in ("c", "d")]
    who.settle([a, b, *shared])
    for labels in (a, b, *shared):
        assert who.identity({**labels, "envoy_cluster_name": "x"}).pod == labels["pod"]
    assert who.identity({"instance": "a:1"}).pod == "a"
    assert who.identity({"instance": "node-1"}).pod == ""


def test_only_a_scraped_proxy_is_known() -> None:
    who = reporters.Identities(ENVOY)
    assert who.known_ends(SERVER, {"namespace": "shop", "pod": "a"}) is None
    who.reporter({"namespace": "shop", "pod": "a"})
    assert who.known_ends(SERVER, {"namespace": "shop", "pod": "a", "le": "1"}) == (0, -1)
    assert len(who.reporters) == 1


def test_peers_are_numbered_once_and_bare_names_belong_to_their_callers_namespace() -> None:
    who = reporters.Identities(ENVOY)

    def number(namespace: str, name: str) -> int | None:
        ends = who.ends(CLIENT, {"namespace": namespace, "envoy_cluster_name": name})
        return None if ends is None else ends[1]

    assert number("shop", "data/db") == number("data", "db.data.svc.cluster.local") == 0
    assert number("shop", "cart") == 1
    assert number("data", "cart") == 2
    assert number("shop", "prometheus_stats") is None
    assert number("shop", "") is None
    assert who.ends(SERVER, {"namespace": "shop"}) == (0, -1)
    scope = snapshot.NameScope(snapshot.NO_MESH, False)
    assert who.peers == (
        service("data", "db"),
        snapshot.Peer(namespace="shop", name="cart", scope=scope),
        snapshot.Peer(namespace="data", name="cart", scope=scope),
    )


LABELLED = endpoints.Labelled(
    namespace=("ns",),
    pod=("pod",),
    machine=("vm",),
    workload=("workload",),
    kinds={"deployment": "Deployment", "replicaset": "ReplicaSet"},
    service=("service",),
    service_namespace=("service_ns",),
)


@pytest.mark.parametrize(
    ("labels", "peer"),
    [
        ({"ns": "a", "workload": "w"}, snapshot.Peer(namespace="a", workload="w")),
        (
            {"ns": "a", "replicaset": "w-1", "deployment": "w"},
            snapshot.Peer(namespace="a", kind="Deployment", workload="w"),
        ),
        ({"ns": "a", "pod": "p"}, snapshot.Peer(namespace="a", pod="p")),
        ({"ns": "a", "vm": "v"}, snapshot.Peer(namespace="a", kind="ExternalWorkload", workload="v")),
        (
            {"ns": "a", "workload": "w", "service": "s", "service_ns": "a"},
            snapshot.Peer(namespace="a", workload="w", service="s"),
        ),
        (
            {"ns": "a", "workload": "w", "service": "s", "service_ns": "b"},
            snapshot.Peer(namespace="a", workload="w", service="s", service_namespace="b"),
        ),
        (
            {"ns": "unknown", "workload": "unknown", "service": "s", "service_ns": "b"},
            snapshot.Peer(namespace="b", service="s"),
        ),
        ({"ns": "a"}, snapshot.Peer()),
        ({"ns": "unknown", "workload": "unknown"}, snapshot.Peer()),
        ({}, snapshot.Peer()),
    ],
)
def test_a_peer_is_told_by_labels_and_unknown_tells_nothing(
    labels: dict[str, str], peer: snapshot.Peer
) -> None:
    assert decode_endpoints.labelled(LABELLED, labels) == peer


def test_labels_of_64_kb_are_cut() -> None:
    peer = decode_endpoints.labelled(LABELLED, {"ns": "a", "workload": "w" * 65536})
    assert len(peer.workload) == fields.LONGEST_VALUE
