"""One workload told twice, by its pods' own proxies and by somebody who does not tell its pods, counts once.

A tracer's collector, an agent of the node or a waypoint may tell of a workload whose sidecars tell of every
pod, too. On each side the finer is kept if it saw any request; of several that tell whole workloads, the
mesh that is believed first. Pure.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from metrics_server.model import kinds, snapshot
from metrics_server.ownership import graph

_FINE = frozenset({kinds.POD.name, kinds.EXTERNAL_WORKLOAD, kinds.HOST})


def once(moment: snapshot.Snapshot, owners: graph.Ownership) -> snapshot.Snapshot:
    """Return the moment without the rows of workloads of which somebody else tells better."""
    coarse = [
        number for number, unit in enumerate(owners.units) if unit.kind not in _FINE and unit != kinds.UNKNOWN
    ]
    if not coarse:
        return moment
    calls = {side: _kept(moment, owners, calls, coarse) for side, calls in moment.calls.items()}
    return dataclasses.replace(moment, calls=calls)


def _kept(
    moment: snapshot.Snapshot, owners: graph.Ownership, calls: snapshot.Calls, coarse: list[int]
) -> snapshot.Calls:
    requests = np.bincount(
        calls.reporter, weights=calls.success + calls.failure, minlength=len(moment.reporters)
    )
    best: dict[kinds.Ref, int] = {}
    """The mesh that tells of each workload; -1 is its own pods."""
    for number in np.flatnonzero(requests).tolist():
        unit = owners.units[number]
        workload = owners.above(unit, graph.WORKLOAD) or unit
        mesh = -1 if unit.kind in _FINE else moment.mesh[number]
        best[workload] = min(best.get(workload, mesh), mesh)
    better = (
        (number, best.get(owners.above(owners.units[number], graph.WORKLOAD) or owners.units[number]))
        for number in coarse
    )
    dropped = [number for number, of in better if of is not None and of != moment.mesh[number]]
    if not dropped:
        return calls
    return calls.only(~np.isin(calls.reporter, np.array(dropped, dtype=np.int64)))
