"""Drops workload-level rows where pod-level rows of the same workload exist, so that a request counts once.
Pure.

The same requests may be reported twice: by the sidecar of each pod, and for the whole workload by a
collector, an agent on the node or a waypoint. On each side, the pod-level rows are kept if they have any
request. Where several meshes report a workload as a whole, the rows of the first mesh of the snapshot with
any request are kept.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from metrics_server.model import kinds, number_types, snapshot
from metrics_server.ownership import graph

_FINE = frozenset({kinds.POD.name, kinds.EXTERNAL_WORKLOAD, kinds.HOST})


def once(moment: snapshot.Snapshot, owners: graph.Ownership) -> snapshot.Snapshot:
    """Return the snapshot without workload-level rows that repeat better rows of the same workload."""
    coarse = [
        number
        for number, member in zip(
            number_types.all_of(number_types.ReporterNumber, len(owners.reporters)),
            owners.reporters,
            strict=True,
        )
        if member.kind not in _FINE and member != kinds.UNKNOWN
    ]
    if not coarse:
        return moment
    calls = {side: _kept(moment, owners, calls, coarse) for side, calls in moment.calls.items()}
    return dataclasses.replace(moment, calls=calls)


def _kept(
    moment: snapshot.Snapshot,
    owners: graph.Ownership,
    calls: snapshot.Calls,
    coarse: list[number_types.ReporterNumber],
) -> snapshot.Calls:
    """Return the rows of one side to keep. `coarse`: the numbers of the workload-level reporters."""
    requests = np.bincount(calls.reporter, weights=calls.total, minlength=len(moment.reporters))
    best: dict[kinds.Ref, int] = {}
    """The number of the mesh whose rows are kept for each workload; -1 for the pod-level rows."""
    for number in np.flatnonzero(requests).tolist():
        member = owners.reporters[number]
        workload = owners.above(member, graph.WORKLOAD) or member
        mesh = -1 if member.kind in _FINE else moment.mesh[number]
        best[workload] = min(best.get(workload, mesh), mesh)
    better = (
        (
            number,
            best.get(owners.above(owners.reporters[number], graph.WORKLOAD) or owners.reporters[number]),
        )
        for number in coarse
    )
    dropped = [number for number, of in better if of is not None and of != moment.mesh[number]]
    if not dropped:
        return calls
    return calls.only(~np.isin(calls.reporter, np.array(dropped, dtype=np.int64)))
