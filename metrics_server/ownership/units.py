"""What a reporter is, and what could be a workload: before anything is known of owners. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from metrics_server.inventory import objects
from metrics_server.model import kinds, snapshot

_NO_WORKLOADS = frozenset({kinds.POD.name, kinds.SERVICE.name, kinds.NODE.name, kinds.NAMESPACE.name})


def labels(
    things: Mapping[kinds.Ref, objects.Thing],
    reporters: Mapping[kinds.Ref, snapshot.Reporter],
    ref: kinds.Ref,
) -> Mapping[str, str]:
    """Return what the inventory, or else the scrape, says of one thing."""
    return things[ref].labels if ref in things else reporters[ref].labels


def of(reporter: snapshot.Reporter) -> kinds.Ref:
    """Return what a reporter is, by its own word; words.UNKNOWN for one that nobody names."""
    if reporter.pod:
        return kinds.Ref(kinds.POD.name, reporter.namespace, reporter.pod)
    if reporter.machine:
        return kinds.Ref(kinds.EXTERNAL_WORKLOAD, reporter.namespace, reporter.machine)
    if reporter.workload:
        return kinds.Ref(reporter.kind or kinds.WORKLOAD, reporter.namespace, reporter.workload)
    return kinds.Ref(kinds.HOST, "", reporter.instance) if reporter.instance else kinds.UNKNOWN


def alone(things: Mapping[kinds.Ref, objects.Thing]) -> Mapping[tuple[str, str], frozenset[kinds.Ref]]:
    """Return what could be a workload, by namespace and name: whatever nothing owns."""
    found: dict[tuple[str, str], set[kinds.Ref]] = {}
    for ref, thing in things.items():
        if thing.owner is None and ref.kind not in _NO_WORKLOADS:
            found.setdefault((ref.namespace, ref.name), set()).add(ref)
    return {key: frozenset(refs) for key, refs in found.items()}
