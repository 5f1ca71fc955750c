"""No two rows of a list share a namespace and a name, whatever meshes report."""

from __future__ import annotations

import dataclasses
from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metrics_server.api.smi import rows
from metrics_server.inventory import objects
from metrics_server.model import kinds, snapshot
from metrics_server.ownership import graph
from metrics_server.store import store
from tests.metrics_server import meshes

_NAMES = st.sampled_from(["cart", "db", "user", "unknown"])
_SPACES = st.sampled_from(["shop", "data"])
_REPORTERS = st.one_of(
    st.builds(snapshot.Reporter, namespace=_SPACES, pod=_NAMES),
    st.builds(
        snapshot.Reporter, namespace=_SPACES, workload=_NAMES, kind=st.sampled_from(["", "Deployment"])
    ),
    st.builds(snapshot.Reporter, namespace=_SPACES, machine=_NAMES),
    st.builds(snapshot.Reporter, instance=st.sampled_from(["10.0.0.1:80", "cart"])),
    st.just(snapshot.Reporter()),
    st.just(snapshot.Reporter(namespace="shop", pod="cart", omits_peers=frozenset(kinds.SIDES))),
)
_PEERS = st.one_of(
    st.builds(snapshot.Peer, namespace=_SPACES, pod=_NAMES),
    st.builds(snapshot.Peer, namespace=_SPACES, workload=_NAMES, service=_NAMES),
    st.builds(snapshot.Peer, namespace=_SPACES, service=_NAMES),
    st.builds(snapshot.Peer, namespace=_SPACES, name=_NAMES),
    st.builds(snapshot.Peer, host=_NAMES),
    st.builds(snapshot.Peer, address=st.sampled_from(["10.0.0.1", "10.0.0.2"])),
    st.builds(snapshot.Peer, kind=st.just(kinds.PASSTHROUGH), workload=_NAMES),
    st.builds(snapshot.Peer, cluster=st.just("west"), namespace=_SPACES, service=_NAMES),
)


@st.composite
def _moments(draw: st.DrawFn) -> store.Moment:
    reporters = draw(st.lists(_REPORTERS, min_size=1, max_size=5, unique_by=repr))
    peers = draw(st.lists(_PEERS, max_size=5, unique=True))
    row = st.tuples(
        st.integers(0, len(reporters) - 1),
        st.integers(-1, len(peers) - 1),
        st.sampled_from([0.0, 3.0]),
        st.sampled_from([0.0, 2.0]),
    )
    of_side = st.lists(row, max_size=6, unique_by=lambda one: one[:2])
    taken = meshes.moment(reporters, peers=peers, client=draw(of_side), server=draw(of_side))
    several = tuple(
        dataclasses.replace(meshes.TOY, profile=name, names_callers=names, fallback=not names)
        for name, names in (("one", True), ("two", False))
    )
    mesh = tuple(draw(st.integers(0, 1)) for _ in reporters)
    known = meshes.inventory(
        *draw(st.sampled_from([(), (objects.Object(ref=meshes.ref("Deployment", "cart")),)]))
    )
    return store.Moment(dataclasses.replace(taken, meshes=several, mesh=mesh), known, arrived=0.0)


def _repeated(index: rows.Index) -> list[str]:
    found = Counter(
        (row.object["metadata"].get("namespace"), row.object["metadata"]["name"])
        for row in index.within(None)
    )
    return [f"{name} {times} times" for name, times in found.items() if times > 1]


@settings(deadline=None, max_examples=200, suppress_health_check=list(HealthCheck))
@given(_moments())
def test_no_two_rows_of_a_list_share_a_name(moment: store.Moment) -> None:
    for kind in (graph.WORKLOAD, kinds.POD.name, kinds.SERVICE.name, kinds.NAMESPACE.name):
        assert not _repeated(rows.edges(moment, kind, None)), f"edges of {kind}"
        assert not _repeated(rows.received(moment, kind, prefixed=kind == graph.WORKLOAD)), kind
