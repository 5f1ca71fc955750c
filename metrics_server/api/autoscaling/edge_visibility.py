"""Who deals with a namespace: what its readers may be told of others, as edges name both their ends."""

from __future__ import annotations

import numpy as np

from metrics_server.model import kinds
from metrics_server.ownership import graph
from metrics_server.store import store


def with_namespace(moment: store.Moment, kind: str, namespace: str) -> frozenset[kinds.Ref]:
    """Return whatever calls a namespace or is called from it, seen as a kind. Made once per moment."""
    return moment.once(("dealings", kind, namespace), lambda: _dealing(moment, kind, namespace))


def _dealing(moment: store.Moment, kind: str, namespace: str) -> frozenset[kinds.Ref]:
    owners = moment.owners
    reporters, peers = owners.callers(kind), owners.peers(kind)
    reports_here = np.array([unit.namespace == namespace for unit in owners.units], dtype=bool)
    is_here = np.array([ref.namespace == namespace for ref in owners.peers(graph.WORKLOAD)], dtype=bool)
    found: set[kinds.Ref] = set()
    for calls in moment.snapshot.calls.values():
        told = np.flatnonzero(calls.peer >= 0)
        reporter, peer = calls.reporter[told], calls.peer[told]
        found.update(peers[number] for number in np.unique(peer[reports_here[reporter]]).tolist())
        found.update(reporters[number] for number in np.unique(reporter[is_here[peer]]).tolist())
    return frozenset(found)
