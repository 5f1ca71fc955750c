"""Callers and callees of a namespace. Its readers may see them, because edges name both ends."""

from __future__ import annotations

import numpy as np

from metrics_server.model import kinds
from metrics_server.ownership import graph
from metrics_server.store import store


def with_namespace(moment: store.Moment, kind: str, namespace: str) -> frozenset[kinds.Ref]:
    """Return the resources of a kind that send traffic to a namespace or receive traffic from it."""
    return moment.once(("dealings", kind, namespace), lambda: _dealing(moment, kind, namespace))


def _dealing(moment: store.Moment, kind: str, namespace: str) -> frozenset[kinds.Ref]:
    owners = moment.owners
    reporters, peers = owners.callers(kind), owners.peers(kind)
    reports_here = np.array([pod.namespace == namespace for pod in owners.reporters], dtype=bool)
    is_here = np.array([ref.namespace == namespace for ref in owners.peers(graph.WORKLOAD)], dtype=bool)
    found: set[kinds.Ref] = set()
    for calls in moment.snapshot.calls.values():
        known = np.flatnonzero(calls.peer >= 0)
        reporter, peer = calls.reporter[known], calls.peer[known]
        found.update(peers[number] for number in np.unique(peer[reports_here[reporter]]).tolist())
        found.update(reporters[number] for number in np.unique(reporter[is_here[peer]]).tolist())
    return frozenset(found)
