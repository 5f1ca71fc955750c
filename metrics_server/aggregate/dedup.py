"""Drops rows that repeat better rows of the same pod, machine or workload, so that a request counts once.
Pure.

The same requests may be reported twice: by the sidecar of each pod, and for the whole workload by a
collector, an agent on the node or a waypoint. On each side, rows of pods and of scraped machines are kept if
they have any request. Where several meshes report a pod, or a workload or machine from outside, the rows of
the first mesh of the snapshot with any request are kept. `collect.merge` did the same for proxies of equal
names; here their names are resolved.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from metrics_server.model import kinds, number_types, snapshot
from metrics_server.ownership import graph

_OUTSIDE = frozenset({kinds.EXTERNAL_WORKLOAD, kinds.HOST})
"""The kinds of reporters outside Kubernetes."""
_OWN = -1
"""In place of a mesh: the rows of pods and of scraped machines."""


def once(moment: snapshot.Snapshot, owners: graph.Ownership) -> snapshot.Snapshot:
    """Return the snapshot without rows that repeat better rows of the same resource."""
    doubtful = _Doubtful.of(moment, owners)
    if not doubtful.coarse and not doubtful.pods:
        return moment
    calls = {side: doubtful.kept(calls) for side, calls in moment.calls.items()}
    return dataclasses.replace(moment, calls=calls)


@dataclasses.dataclass(frozen=True, slots=True)
class _Doubtful:
    """The reporters that may repeat others."""

    moment: snapshot.Snapshot
    owners: graph.Ownership
    coarse: list[number_types.ReporterNumber]
    """Those of whole workloads, and of machines that another process reports."""
    pods: list[number_types.ReporterNumber]
    """Those of pods, if there are several meshes: one may write the name of a pod in another way."""

    @classmethod
    def of(cls, moment: snapshot.Snapshot, owners: graph.Ownership) -> _Doubtful:
        """Return those of a snapshot."""
        numbers = number_types.all_of(number_types.ReporterNumber, len(owners.reporters))
        members = owners.reporters
        several = len(set(moment.mesh)) > 1
        return cls(
            moment,
            owners,
            coarse=[
                number
                for number in numbers
                if members[number] != kinds.UNKNOWN and not _is_own(moment, members[number], number)
            ],
            pods=[number for number in numbers if several and members[number].kind == kinds.POD.name],
        )

    def kept(self, calls: snapshot.Calls) -> snapshot.Calls:
        """Return the rows of one side to keep."""
        mesh, members = self.moment.mesh, self.owners.reporters
        requests = np.bincount(calls.reporter, weights=calls.total, minlength=len(self.moment.reporters))
        of_pod: dict[kinds.Ref, int] = {}
        of_workload: dict[kinds.Ref, int] = {}
        """The number of the mesh whose rows are kept; `_OWN` if there are better rows."""
        for number in np.flatnonzero(requests).tolist():
            member, workload = members[number], self._workload(number)
            rank = _OWN if _is_own(self.moment, member, number) else mesh[number]
            of_workload[workload] = min(of_workload.get(workload, rank), rank)
            of_pod[member] = min(of_pod.get(member, mesh[number]), mesh[number])
        dropped = [
            number
            for number in self.coarse
            if of_workload.get(self._workload(number), mesh[number]) != mesh[number]
        ]
        dropped += [
            number for number in self.pods if of_pod.get(members[number], mesh[number]) != mesh[number]
        ]
        if not dropped:
            return calls
        return calls.only(~np.isin(calls.reporter, np.array(dropped, dtype=np.int64)))

    def _workload(self, number: int) -> kinds.Ref:
        member = self.owners.reporters[number]
        return self.owners.above(member, graph.WORKLOAD) or member


def _is_own(moment: snapshot.Snapshot, member: kinds.Ref, number: int) -> bool:
    """Return whether a reporter, by its number, is a pod, or a machine whose own proxy is scraped. A pod that
    a fallback reports without being scraped is not.
    """
    is_scraped = bool(moment.reporters[number].targets)
    if member.kind == kinds.POD.name:
        return is_scraped or not moment.meshes[moment.mesh[number]].fallback
    return member.kind in _OUTSIDE and is_scraped
