"""Random meshes, for every kind: no request is lost or counted twice, and counted requests have a latency."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from metrics_server.aggregate import rollup
from metrics_server.inventory import objects
from metrics_server.model import kinds, snapshot
from tests.metrics_server import meshes

COUNTS = st.integers(0, 1000)


@st.composite
def any_mesh(draw: st.DrawFn) -> tuple[snapshot.Snapshot, objects.Inventory]:
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
        owner = meshes.ref("Deployment", f"d{app}", namespace) if app else None
        found.append(meshes.owned(name, owner, namespace=namespace, node=f"n{number % 2}", app=f"a{app}"))
        if draw(st.booleans()):
            reporters.append(meshes.pod(name, namespace))
    found += [
        meshes.service(f"s{app}", namespace, app=f"a{app}")
        for namespace in ("shop", "data")
        for app in range(3)
    ]
    peers = [meshes.to(f"s{app}", namespace) for namespace in ("shop", "data") for app in range(5)]
    peers.append(snapshot.Peer(host="example.com"))
    pairs = [(one, peer) for one in range(len(reporters)) for peer in range(len(peers))]
    chosen = draw(st.lists(st.sampled_from(pairs), max_size=12, unique=True)) if pairs else []
    client = [(one, peer, draw(COUNTS), draw(COUNTS)) for one, peer in chosen]
    server = [(one, -1, draw(COUNTS), draw(COUNTS)) for one in range(len(reporters)) if draw(st.booleans())]
    return meshes.moment(reporters, peers=peers, client=client, server=server), meshes.inventory(*found)


def total(figures: Iterable[rollup.Figures]) -> tuple[float, float]:
    every = list(figures)
    return sum(one.success or 0 for one in every), sum(one.failure or 0 for one in every)


@settings(deadline=None, max_examples=60)
@given(any_mesh())
def test_pods_workloads_nodes_and_namespaces_add_up_to_the_same(
    mesh: tuple[snapshot.Snapshot, objects.Inventory],
) -> None:
    taken, known = mesh
    view = meshes.seen(taken, known)
    server = taken.calls[kinds.Side.SERVER]
    for kind in ("Pod", "", "Node", "Namespace"):
        rows = view.received(kind).values()
        assert total(row.figures for row in rows) == (server.success.sum(), server.failure.sum()), kind
        client = taken.calls[kinds.Side.CLIENT]
        assert (
            sum((row.sent and row.sent.total) or 0 for row in rows) == (client.success + client.failure).sum()
        ), kind
    by_workload: Mapping[kinds.Ref, float] = collections.Counter(
        {one: row.figures.success or 0 for one, row in view.received("").items() if one.kind == "Deployment"}
    )
    deployments = {one: row.figures.success or 0 for one, row in view.received("Deployment").items()}
    assert deployments == dict(by_workload)


@settings(deadline=None, max_examples=60)
@given(any_mesh(), st.sampled_from(["", *kinds.KIND_BY_NAME]))
def test_edges_of_any_kind_lose_and_double_nothing(
    mesh: tuple[snapshot.Snapshot, objects.Inventory], kind: str
) -> None:
    taken, known = mesh
    edges = meshes.seen(taken, known).edges(kind)
    client = taken.calls[kinds.Side.CLIENT]
    called = [figures for (caller, _), figures in edges.items() if caller != kinds.UNKNOWN]
    assert total(called) == (client.success.sum(), client.failure.sum())
    assert {figures.side for figures in called} <= {kinds.Side.CLIENT}
    reached = {callee for caller, callee in edges if caller != kinds.UNKNOWN}
    assert not {callee for caller, callee in edges if caller == kinds.UNKNOWN} & reached


@settings(deadline=None, max_examples=60)
@given(any_mesh())
def test_latency_is_known_exactly_where_something_was_counted(
    mesh: tuple[snapshot.Snapshot, objects.Inventory],
) -> None:
    view = meshes.seen(*mesh)
    figures = [*(row.figures for row in view.received().values()), *view.edges().values()]
    for one in figures:
        known = [value is not None for value in one.latency]
        assert known == [(one.success or 0) + (one.failure or 0) > 0] * 3
