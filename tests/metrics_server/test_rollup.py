"""A small mesh made by hand, and random ones: what a sum over pods must be, seen as any kind."""

from __future__ import annotations

import collections
import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics_server import inventory, ownership, rollup, snapshot, words

BOUNDS = (0.001, 0.01, 0.1, math.inf)
WHOLE = snapshot.Span(since=970.0, until=999.0)
Row = tuple[int, int, float, float]
"""Reporter, peer, successes, failures."""


def pod(name: str, namespace: str = "shop", **labels: str) -> snapshot.Reporter:
    return snapshot.Reporter(namespace=namespace, pod=name, labels=labels)


def to(service: str, namespace: str = "shop") -> snapshot.Peer:
    return snapshot.Peer(namespace=namespace, service=service)


TOY = snapshot.Mesh(profile="toy", told_from_start={words.Side.CLIENT: False, words.Side.SERVER: True})


def calls(rows: Sequence[Row], *, bounds: int = len(BOUNDS)) -> snapshot.Calls:
    """Every request took between 1 and 10 ms."""
    return snapshot.Calls(
        reporter=np.array([row[0] for row in rows], dtype=np.int64),
        peer=np.array([row[1] for row in rows], dtype=np.int64),
        success=np.array([row[2] for row in rows], dtype=float),
        failure=np.array([row[3] for row in rows], dtype=float),
        buckets=np.array([[0.0] + [row[2] + row[3]] * (bounds - 1) for row in rows], dtype=float).reshape(
            len(rows), bounds
        ),
    )


def moment(
    reporters: Iterable[snapshot.Reporter],
    *,
    peers: Iterable[snapshot.Peer] = (),
    client: Sequence[Row] = (),
    server: Sequence[Row] = (),
    spans: Sequence[snapshot.Span] | None = None,
) -> snapshot.Snapshot:
    reporters = tuple(reporters)
    return snapshot.Snapshot(
        meshes=(TOY,),
        mesh=(0,) * len(reporters),
        taken=1000.0,
        timestamp=999.0,
        window=30.0,
        interval=5.0,
        reporters=reporters,
        spans=tuple(spans or [WHOLE] * len(reporters)),
        peers=tuple(peers),
        bounds=np.array(BOUNDS),
        calls={words.Side.CLIENT: calls(client), words.Side.SERVER: calls(server)},
    )


def ref(kind: str, name: str, namespace: str = "shop") -> words.Ref:
    return words.Ref(kind, namespace, name)


def things(*found: inventory.Thing) -> inventory.Inventory:
    return inventory.Inventory({thing.ref: thing for thing in found})


def service(name: str, namespace: str = "shop", **selector: str) -> inventory.Thing:
    return inventory.Thing(ref=ref("Service", name, namespace), selector=selector)


def owned(
    name: str,
    by: words.Ref | None,
    *,
    namespace: str = "shop",
    node: str = "",
    kind: str = "Pod",
    **labels: str,
) -> inventory.Thing:
    return inventory.Thing(ref=ref(kind, name, namespace), owner=by, node=node, labels=labels)


@dataclasses.dataclass(frozen=True, slots=True)
class Seen:
    """A roll-up, asked by name."""

    rows: rollup.Rollup

    def received(self, kind: str = ownership.WORKLOAD) -> dict[words.Ref, rollup.Received]:
        rows = self.rows.received(kind)
        found = {row.resource: row for row in rows}
        assert len(found) == len(rows)
        return found

    def edges(self, kind: str = ownership.WORKLOAD) -> dict[tuple[words.Ref, words.Ref], rollup.Figures]:
        edges = self.rows.edges(kind)
        found = {(edge.caller, edge.callee): edge.figures for edge in edges}
        assert len(found) == len(edges)
        return found


def seen(taken: snapshot.Snapshot, known: inventory.Inventory | None = None) -> Seen:
    return Seen(rollup.Rollup(taken, ownership.Ownership(taken, known or inventory.Inventory())))


CART = ref("Deployment", "cart")
CART_RS = ref("ReplicaSet", "cart-rs")
WEB = pod("web")
WEB_REF = ref("Pod", "web")


def test_counts_of_pods_are_summed_up_to_deployment_node_and_namespace() -> None:
    known = things(
        owned("a", CART_RS, node="n1"),
        owned("b", CART_RS, node="n2"),
        owned("cart-rs", CART, kind="ReplicaSet"),
    )
    view = seen(moment([pod("a"), pod("b")], server=[(0, -1, 3, 1), (1, -1, 5, 0)]), known)
    for kind, expected in {
        "Pod": {ref("Pod", "a"): (3, 1), ref("Pod", "b"): (5, 0)},
        "ReplicaSet": {CART_RS: (8, 1)},
        "Deployment": {CART: (8, 1)},
        "": {CART: (8, 1)},
        "Namespace": {ref("Namespace", "shop", ""): (8, 1)},
        "Node": {ref("Node", "n1", ""): (3, 1), ref("Node", "n2", ""): (5, 0)},
        "StatefulSet": {},
        "Service": {},
    }.items():
        rows = view.received(kind)
        assert {one: (row.figures.success, row.figures.failure) for one, row in rows.items()} == expected, (
            kind
        )


def test_an_idle_resource_has_counts_of_zero_and_no_latency() -> None:
    figures = seen(moment([pod("a")], server=[(0, -1, 0, 0)])).received()[ref("Pod", "a")].figures
    assert (figures.success, figures.failure, figures.latency) == (0, 0, (None, None, None))
    assert not any(figures.clamped)


def test_where_series_are_there_from_the_start_none_means_not_known() -> None:
    row = seen(moment([pod("a")])).received()[ref("Pod", "a")]
    assert (row.figures.success, row.figures.failure, row.sent) == (None, None, 0)


def test_a_resource_that_nobody_scrapes_is_absent() -> None:
    view = seen(moment([pod("a")], server=[(0, -1, 1, 0)]), things(owned("a", None), owned("silent", None)))
    assert set(view.received("Pod")) == {ref("Pod", "a")}


def test_latency_is_the_quantile_of_summed_buckets() -> None:
    figures = seen(moment([pod("a")], server=[(0, -1, 60, 40)])).received()[ref("Pod", "a")].figures
    assert figures.latency == pytest.approx((0.0055, 0.0091, 0.00991))


def test_what_a_resource_sends_is_counted_beside_what_it_receives() -> None:
    taken = moment(
        [pod("a"), pod("b")], peers=[to("db", "data")], client=[(0, 0, 7, 1)], server=[(1, -1, 1, 0)]
    )
    view = seen(taken).received()
    assert (view[ref("Pod", "a")].sent, view[ref("Pod", "b")].sent) == (8, 0)


# Owners


def test_without_an_inventory_owners_are_read_off_the_labels() -> None:
    template = {"pod_template_hash": "rs"}
    taken = moment(
        [pod("cart-rs-1", **template, app="cart"), pod("cart-rs-2", **template, app="cart", zone="x")],
        server=[(0, -1, 3, 0), (1, -1, 4, 0)],
    )
    owners = ownership.Ownership(taken, inventory.Inventory())
    (row,) = rollup.Rollup(taken, owners).received(ownership.WORKLOAD)
    assert (row.resource, row.figures.success) == (CART, 7)
    assert owners.labels(CART) == {"app": "cart"}
    assert owners.labels(ref("Pod", "cart-rs-2")) == {**template, "app": "cart", "zone": "x"}
    assert owners.labels(ref("Pod", "unheard-of")) == {}


def test_a_deleted_pod_that_the_inventory_no_longer_knows_still_has_an_owner() -> None:
    known = things(owned("cart-rs-1", CART_RS), owned("cart-rs", CART, kind="ReplicaSet"))
    reporters = [pod("cart-rs-1"), pod("cart-rs-2", pod_template_hash="rs")]
    view = seen(moment(reporters, server=[(0, -1, 3, 0), (1, -1, 4, 0)]), known)
    assert view.received()[CART].figures.success == 7


def test_the_labels_of_a_known_resource_are_its_own() -> None:
    known = things(owned("a", CART, app="cart"), inventory.Thing(ref=CART, labels={"team": "checkout"}))
    owners = ownership.Ownership(moment([pod("a", app="scraped")]), known)
    assert owners.labels(CART) == {"team": "checkout"}
    assert owners.labels(ref("Pod", "a")) == {"app": "cart"}


def test_owners_that_own_each_other_end_somewhere() -> None:
    a, b = ref("Pod", "a"), ref("ReplicaSet", "b")
    known = things(owned("a", b), owned("b", a, kind="ReplicaSet"))
    assert set(seen(moment([pod("a")]), known).received()) <= {a, b}


def test_an_owner_of_any_kind_is_a_workload() -> None:
    rollout = ref("Rollout", "cart")
    assert set(seen(moment([pod("a")]), things(owned("a", rollout))).received()) == {rollout}


def test_machines_and_bare_addresses_are_shown() -> None:
    taken = moment(
        [
            snapshot.Reporter(namespace="shop", machine="vm", labels={}),
            snapshot.Reporter(instance="127.0.0.1:1", labels={}),
        ],
        server=[(0, -1, 1, 0), (1, -1, 2, 0)],
    )
    assert {one: row.figures.success for one, row in seen(taken).received().items()} == {
        ref("ExternalWorkload", "vm"): 1,
        words.Ref("Host", "", "127.0.0.1:1"): 2,
    }


def test_a_node_is_known_from_the_scrape_where_no_inventory_tells() -> None:
    reporter = dataclasses.replace(pod("a"), node="n9")
    assert set(seen(moment([reporter])).received("Node")) == {ref("Node", "n9", "")}


def test_namespaces_are_known_by_their_resources_and_by_themselves() -> None:
    known = things(inventory.Thing(ref=ref("Namespace", "empty", "")), service("db", "data"))
    assert ownership.Ownership(moment([pod("a")]), known).namespaces == {"shop", "data", "empty"}


# Services as peers


def of_one_workload(*, second: words.Ref = CART) -> inventory.Inventory:
    return things(owned("c1", CART, app="cart"), owned("c2", second, app="cart"), service("cart", app="cart"))


ONE_CALL = moment([WEB], peers=[to("cart")], client=[(0, 0, 5, 1)])


def test_a_service_with_one_workload_is_that_workload() -> None:
    assert set(seen(ONE_CALL, of_one_workload()).edges()) == {(WEB_REF, CART)}


def test_a_service_behind_two_workloads_stays_a_service() -> None:
    known = of_one_workload(second=ref("Deployment", "cart-canary"))
    assert set(seen(ONE_CALL, known).edges()) == {(WEB_REF, ref("Service", "cart"))}


def test_pods_that_nobody_scrapes_count_when_a_workload_must_be_the_only_one() -> None:
    taken = moment([WEB, pod("c1")], peers=[to("cart")], client=[(0, 0, 5, 1)], server=[(1, -1, 5, 1)])
    known = of_one_workload(second=ref("Deployment", "cart-canary"))
    assert (WEB_REF, ref("Service", "cart")) in seen(taken, known).edges()


@pytest.mark.parametrize(
    "known", [inventory.Inventory(), things(service("cart", app="gone")), things(service("cart"))]
)
def test_a_service_that_selects_nothing_known_stays_a_service(known: inventory.Inventory) -> None:
    assert set(seen(ONE_CALL, known).edges()) == {(WEB_REF, ref("Service", "cart"))}


def test_a_service_selects_in_its_own_namespace_only() -> None:
    known = things(owned("c1", None, namespace="data", app="cart"), service("cart", app="cart"))
    assert set(seen(ONE_CALL, known).edges()) == {(WEB_REF, ref("Service", "cart"))}


def test_a_service_of_two_pods_seen_as_pods_is_their_workload() -> None:
    assert set(seen(ONE_CALL, of_one_workload()).edges("Pod")) == {(WEB_REF, CART)}


def test_seen_as_services_or_namespaces_a_peer_is_what_the_mesh_calls_it() -> None:
    view = seen(ONE_CALL, of_one_workload())
    assert set(view.edges("Service")) == {(WEB_REF, ref("Service", "cart"))}
    assert set(view.edges("Namespace")) == {(ref("Namespace", "shop", ""), ref("Namespace", "shop", ""))}


def test_a_bare_name_is_a_service_if_there_is_one_and_else_a_host() -> None:
    taken = moment([WEB], peers=[snapshot.Peer(namespace="shop", name="cart")], client=[(0, 0, 5, 1)])
    assert set(seen(taken, of_one_workload()).edges()) == {(WEB_REF, CART)}
    assert set(seen(taken).edges()) == {(WEB_REF, words.Ref("Host", "", "cart"))}


def test_a_host_stays_a_host_seen_as_anything() -> None:
    taken = moment([WEB], peers=[snapshot.Peer(host="api.example.com")], client=[(0, 0, 5, 1)])
    host = words.Ref("Host", "", "api.example.com")
    for kind in ("", *words.KIND_BY_NAME):
        assert [edge[1] for edge in seen(taken).edges(kind)] == [host]


def test_several_services_of_one_pod_each_receive_all_it_receives() -> None:
    known = things(
        owned("c1", CART, app="cart", v="1"), service("cart", app="cart"), service("cart-v1", v="1")
    )
    taken = moment([pod("c1")], server=[(0, -1, 5, 1)])
    view = seen(taken, known)
    assert {one: row.figures.success for one, row in view.received("Service").items()} == {
        ref("Service", "cart"): 5,
        ref("Service", "cart-v1"): 5,
    }


def test_a_caller_behind_several_services_calls_as_its_workload() -> None:
    known = things(owned("web", CART, app="web"), service("one", app="web"), service("two", app="web"))
    assert set(seen(ONE_CALL, known).edges("Service")) == {(CART, ref("Service", "cart"))}


def test_a_service_without_scraped_proxies_is_told_by_its_callers() -> None:
    row = seen(ONE_CALL, of_one_workload()).received("Service")[ref("Service", "cart")]
    assert (row.figures.side, row.figures.success, row.figures.failure, row.sent) == ("client", 5, 1, None)


def test_a_service_with_a_scraped_proxy_is_told_by_it() -> None:
    taken = moment([WEB, pod("c1")], peers=[to("cart")], client=[(0, 0, 5, 1)], server=[(1, -1, 4, 0)])
    row = seen(taken, of_one_workload()).received("Service")[ref("Service", "cart")]
    assert (row.figures.side, row.figures.success) == ("server", 4)


# Nobody known


def test_traffic_of_which_nobody_reports_a_call_comes_from_nobody_known() -> None:
    edges = seen(moment([WEB], server=[(0, -1, 9, 1)])).edges()
    figures = edges[words.UNKNOWN, WEB_REF]
    assert (figures.side, figures.success, figures.failure) == ("server", 9, 1)


@pytest.mark.parametrize("known", [of_one_workload(), of_one_workload(second=ref("Deployment", "canary"))])
def test_traffic_of_which_somebody_reports_a_call_does_not(known: inventory.Inventory) -> None:
    taken = moment([WEB, pod("c1")], peers=[to("cart")], client=[(0, 0, 5, 1)], server=[(1, -1, 9, 1)])
    for kind in ("", "Pod", "Deployment", "Service"):
        assert not [edge for edge in seen(taken, known).edges(kind) if edge[0] == words.UNKNOWN], kind


def test_who_tells_only_what_it_received_is_known_as_a_caller_by_those_it_called() -> None:
    knowing = dataclasses.replace(TOY, callers_told=True)
    told = moment(
        [pod("cart-a"), pod("db-0", "data")],
        peers=[snapshot.Peer(namespace="shop", pod="cart-a")],
        server=[(0, -1, 9, 0), (1, 0, 5, 1)],
    )
    found = seen(dataclasses.replace(told, meshes=(knowing,)))
    assert found.rows.tells([0]) is False
    edge = found.edges("Pod")[ref("Pod", "cart-a"), ref("Pod", "db-0", "data")]
    assert (edge.side, edge.success, edge.failure) == (words.Side.SERVER, 5, 1)


def test_an_idle_resource_is_called_by_nobody_at_all() -> None:
    assert seen(moment([WEB], server=[(0, -1, 0, 0)])).edges() == {}


def test_a_call_to_a_peer_that_is_not_told_goes_to_nobody_known() -> None:
    assert set(seen(moment([WEB], client=[(0, -1, 3, 0)])).edges()) == {(WEB_REF, words.UNKNOWN)}


def test_an_empty_moment_has_no_rows() -> None:
    for kind in ("", *words.KIND_BY_NAME):
        assert seen(moment([])).received(kind) == {}
        assert seen(moment([])).edges(kind) == {}


# Any mesh

COUNTS = st.integers(0, 1000)


@st.composite
def meshes(draw: st.DrawFn) -> tuple[snapshot.Snapshot, inventory.Inventory]:
    pods = draw(
        st.lists(
            st.tuples(st.sampled_from(["shop", "data"]), st.integers(0, 3), st.integers(0, 9)),
            min_size=1,
            max_size=8,
            unique=True,
        )
    )
    found, reporters = [], []
    for namespace, app, number in pods:
        name = f"p{app}-{number}"
        owner = ref("Deployment", f"d{app}", namespace) if app else None
        found.append(owned(name, owner, namespace=namespace, node=f"n{number % 2}", app=f"a{app}"))
        if draw(st.booleans()):
            reporters.append(pod(name, namespace))
    found += [
        service(f"s{app}", namespace, app=f"a{app}") for namespace in ("shop", "data") for app in range(3)
    ]
    peers = [to(f"s{app}", namespace) for namespace in ("shop", "data") for app in range(5)]
    peers.append(snapshot.Peer(host="example.com"))
    pairs = [(one, peer) for one in range(len(reporters)) for peer in range(len(peers))]
    chosen = draw(st.lists(st.sampled_from(pairs), max_size=12, unique=True)) if pairs else []
    client = [(one, peer, draw(COUNTS), draw(COUNTS)) for one, peer in chosen]
    server = [(one, -1, draw(COUNTS), draw(COUNTS)) for one in range(len(reporters)) if draw(st.booleans())]
    return moment(reporters, peers=peers, client=client, server=server), things(*found)


def total(figures: Iterable[rollup.Figures]) -> tuple[float, float]:
    every = list(figures)
    return sum(one.success or 0 for one in every), sum(one.failure or 0 for one in every)


@settings(deadline=None, max_examples=60)
@given(meshes())
def test_pods_workloads_nodes_and_namespaces_add_up_to_the_same(
    mesh: tuple[snapshot.Snapshot, inventory.Inventory],
) -> None:
    taken, known = mesh
    view = seen(taken, known)
    server = taken.calls[words.Side.SERVER]
    for kind in ("Pod", "", "Node", "Namespace"):
        rows = view.received(kind).values()
        assert total(row.figures for row in rows) == (server.success.sum(), server.failure.sum()), kind
        client = taken.calls[words.Side.CLIENT]
        assert sum(row.sent or 0 for row in rows) == (client.success + client.failure).sum(), kind
    by_workload: Mapping[words.Ref, float] = collections.Counter(
        {one: row.figures.success or 0 for one, row in view.received("").items() if one.kind == "Deployment"}
    )
    deployments = {one: row.figures.success or 0 for one, row in view.received("Deployment").items()}
    assert deployments == dict(by_workload)


@settings(deadline=None, max_examples=60)
@given(meshes(), st.sampled_from(["", *words.KIND_BY_NAME]))
def test_edges_of_any_kind_lose_and_double_nothing(
    mesh: tuple[snapshot.Snapshot, inventory.Inventory], kind: str
) -> None:
    taken, known = mesh
    edges = seen(taken, known).edges(kind)
    client = taken.calls[words.Side.CLIENT]
    called = [figures for (caller, _), figures in edges.items() if caller != words.UNKNOWN]
    assert total(called) == (client.success.sum(), client.failure.sum())
    assert {figures.side for figures in called} <= {words.Side.CLIENT}
    reached = {callee for caller, callee in edges if caller != words.UNKNOWN}
    assert not {callee for caller, callee in edges if caller == words.UNKNOWN} & reached


@settings(deadline=None, max_examples=60)
@given(meshes())
def test_latency_is_known_exactly_where_something_was_counted(
    mesh: tuple[snapshot.Snapshot, inventory.Inventory],
) -> None:
    view = seen(*mesh)
    figures = [*(row.figures for row in view.received().values()), *view.edges().values()]
    for one in figures:
        known = [value is not None for value in one.latency]
        assert known == [(one.success or 0) + (one.failure or 0) > 0] * 3
