"""Finds the resource that each reporter of a snapshot is. Pure.

A workload of unknown kind is resolved with the inventory, and then with the workloads of the pods that
report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from metrics_server.inventory import objects
from metrics_server.model import kinds, snapshot
from metrics_server.ownership import chains, reporter_resource
from metrics_server.ownership import machines as ownership_machines


class PlacedReporters(NamedTuple):
    """The reporters of a snapshot as resources."""

    resources: tuple[kinds.Ref, ...]
    """One per reporter: what it is; kinds.UNKNOWN for one without a name."""
    by_resource: Mapping[kinds.Ref, snapshot.Reporter]
    """The reporters by the resource that each is; a workload whose kind was resolved is also there with its
    unknown kind.
    """


def place(
    reporters: Sequence[snapshot.Reporter],
    *,
    machines: ownership_machines.Machines,
    known: Mapping[kinds.Ref, objects.Object],
    alone: Mapping[tuple[str, str], frozenset[kinds.Ref]],
) -> PlacedReporters:
    """Return the resource that each reporter is. `machines`: those among the reporters. `known`: the objects
    of the inventory. `alone`: those that can be workloads, by namespace and name.
    """
    named = [machines.ref(one) if one.machine else reporter_resource.of(one) for one in reporters]
    by_resource = dict(zip(named, reporters, strict=True))
    workloads = {(ref.namespace, ref.name): ref for ref in _workloads_of_pods(named, known, by_resource)}
    found = []
    for member, reporter in zip(named, reporters, strict=True):
        if member.kind == kinds.WORKLOAD:
            at = (member.namespace, member.name)
            fitting = alone.get(at, frozenset())
            member = next(iter(fitting)) if len(fitting) == 1 else workloads.get(at, member)
            by_resource.setdefault(member, reporter)
        found.append(member)
    return PlacedReporters(tuple(found), by_resource)


def _workloads_of_pods(
    named: Sequence[kinds.Ref],
    known: Mapping[kinds.Ref, objects.Object],
    by_resource: Mapping[kinds.Ref, snapshot.Reporter],
) -> list[kinds.Ref]:
    """Return the workloads of reporting pods; none if no workload of unknown kind is to be resolved."""
    if not any(ref.kind == kinds.WORKLOAD for ref in named):
        return []
    pods = dict.fromkeys(ref for ref in named if ref.kind == kinds.POD.name)
    return [(chains.controllers(pod, known, by_resource) or [pod])[-1] for pod in pods]
