"""The verdict of `check`, per kind of resource: what the server will show, what it will not show, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from metrics_server.aggregate import rollup
from metrics_server.check import report
from metrics_server.inventory import objects
from metrics_server.model import kinds, snapshot
from metrics_server.ownership import graph
from metrics_server.profiles import schema
from metrics_server.store import store

_BY_LABELS = frozenset({kinds.POD.name, kinds.NAMESPACE.name})
"""Kinds whose resources are known from labels alone."""
_OF_PODS = frozenset({kinds.POD.name, kinds.NODE.name, "ReplicaSet"})
"""Kinds whose resources are known only if the mesh names pods."""
_MOST_EDGES = 10
"""Edges that are shown."""
_WAYS = ("pod", "workload", "service", "address", "host", "joined", "name")
"""How a mesh may name a peer: attributes of `snapshot.Peer`, the most exact first."""
_SAID = {"address": "address of a pod", "joined": "joined name", "name": "bare name"}


def peers(moment: store.Moment, inventory: objects.Inventory, found: report.CheckReport) -> None:
    """Report how the mesh names peers, and which of them are no known object."""
    ways = Counter(_way(peer) for peer in moment.snapshot.peers)
    found.note(f"peers: {', '.join(f'{count} by {way}' for way, count in sorted(ways.items())) or 'none'}")
    ends = {end for edge in moment.rollup.edges(graph.WORKLOAD) for end in (edge.caller, edge.callee)}
    hosts = sorted(end.name for end in ends if end.kind == kinds.HOST and end.name)
    if hosts:
        found.note(
            f"not recognised as Kubernetes objects, shown as hosts: {report.some(hosts)}; a `pattern` of a "
            "profile reads such names"
        )
    kindless = sorted(f"{end.namespace}/{end.name}" for end in ends if end.kind == kinds.WORKLOAD)
    if kindless:
        found.note(
            f"workloads whose kind is not known, for lack of an inventory: {report.some(kindless)}"
            if not inventory.objects
            else f"workloads that are not in the inventory: {report.some(kindless)}"
        )


def unknown(meshes: Sequence[schema.Profile], found: report.CheckReport) -> None:
    """Report what each mesh cannot show, as its profile says."""
    for mesh in meshes:
        for side in dict.fromkeys(view.side for view in mesh.views):
            words = dict.fromkeys(word for view in mesh.views if view.side is side for word in view.unknown)
            if words:
                found.note(f"{mesh.name}, {side} side, cannot show: {'; '.join(words)}")


def edges(taken: snapshot.Snapshot, inventory: objects.Inventory, found: report.CheckReport) -> None:
    """Report the edges between workloads that have the most requests."""
    rollup = store.Moment(taken, inventory, arrived=taken.taken).rollup
    counted = [
        (one.figures.total, one) for one in rollup.edges(graph.WORKLOAD) if one.figures.total is not None
    ]
    counted.sort(key=lambda each: -each[0])
    for total, one in counted[:_MOST_EDGES]:
        ends = " -> ".join(
            f"{end.namespace}/{end}" if end.namespace else str(end) for end in (one.caller, one.callee)
        )
        found.note(f"{ends}: {total:.0f} requests, {one.figures.failure or 0:.0f} of them failed")
    if len(counted) > _MOST_EDGES:
        found.note(f"and {len(counted) - _MOST_EDGES} more edges")


def give(
    taken: snapshot.Snapshot, inventory: objects.Inventory, namespace: str | None, found: report.CheckReport
) -> None:
    """Report for each kind which resources will be seen, and why others will not.

    `namespace`: the only one that is reported; None is all.
    """
    moment = store.Moment(taken, inventory, arrived=taken.taken)
    unknown: list[str] = []
    has_pods = any(one.pod for one in taken.reporters)
    for kind in kinds.KINDS:
        seen = [
            one
            for one in moment.rollup.received(kind.name)
            if not kind.namespaced or namespace in (None, one.resource.namespace)
        ]
        known = {
            ref
            for ref in inventory.objects
            if ref.kind == kind.name and (not kind.namespaced or namespace in (None, ref.namespace))
        }
        if seen:
            found.good(f"{kind.name}: {_summary(seen)}")
        elif not inventory.objects and kind.name not in _BY_LABELS:
            unknown.append(kind.name)
        elif kind.name == kinds.POD.name and taken.reporters and not has_pods:
            found.note("Pod: none, because the mesh names workloads and not pods")
        missing = known - {one.resource for one in seen}
        if missing and (has_pods or kind.name not in _OF_PODS):
            callees = {edge.callee for edge in moment.rollup.edges(kind.name)} & missing
            _not_seen(kind, missing - callees, "no proxy of theirs is scraped, and none calls them", found)
            _not_seen(
                kind, callees, "only their callers see them, because no proxy of theirs is scraped", found
            )
    if unknown:
        found.note(
            f"{', '.join(unknown)}: none is known from labels. For owners and selectors give --inventory "
            "(serve: --inventory or --cluster)."
        )
    _machines(taken, found)


def _not_seen(kind: kinds.Kind, refs: Collection[kinds.Ref], why: str, found: report.CheckReport) -> None:
    if refs:
        names = (f"{ref.namespace}/{ref.name}" if ref.namespace else ref.name for ref in sorted(refs))
        found.note(f"{kind.name}: {len(refs)} not listed, as {why}: {report.some(names)}")


def _machines(taken: snapshot.Snapshot, found: report.CheckReport) -> None:
    machines = sorted({one.machine for one in taken.reporters if one.machine})
    if machines:
        found.good(f"{kinds.EXTERNAL_WORKLOAD}: {len(machines)} machines seen: {report.some(machines)}")


def _summary(seen: Sequence[rollup.Received]) -> str:
    known = [one for one in seen if one.figures.total is not None]
    timed = [one for one in seen if any(value is not None for value in one.figures.latency)]
    by_callers = [one for one in seen if one.sent is None]
    parts = [f"{len(seen)} seen", f"received requests of {len(known)}", f"latencies of {len(timed)}"]
    if by_callers:
        parts.append(f"{len(by_callers)} only as their callers see them")
    return ", ".join(parts)


def _way(peer: snapshot.Peer) -> str:
    way = next((way for way in _WAYS if getattr(peer, way)), "nothing")
    return _SAID.get(way, way)
