"""What a reporter is, and what could be a workload: before anything is known of owners. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from metrics_server import inventory, snapshot, words

_NO_WORKLOADS = frozenset({words.POD.name, words.SERVICE.name, words.NODE.name, words.NAMESPACE.name})


def labels(
    things: Mapping[words.Ref, inventory.Thing],
    reporters: Mapping[words.Ref, snapshot.Reporter],
    ref: words.Ref,
) -> Mapping[str, str]:
    """Return what the inventory, or else the scrape, says of one thing."""
    return things[ref].labels if ref in things else reporters[ref].labels


def of(reporter: snapshot.Reporter) -> words.Ref:
    """Return what a reporter is, by its own word; words.UNKNOWN for one that nobody names."""
    if reporter.pod:
        return words.Ref(words.POD.name, reporter.namespace, reporter.pod)
    if reporter.machine:
        return words.Ref(words.EXTERNAL_WORKLOAD, reporter.namespace, reporter.machine)
    if reporter.workload:
        return words.Ref(reporter.kind or words.WORKLOAD, reporter.namespace, reporter.workload)
    return words.Ref(words.HOST, "", reporter.instance) if reporter.instance else words.UNKNOWN


def alone(things: Mapping[words.Ref, inventory.Thing]) -> Mapping[tuple[str, str], frozenset[words.Ref]]:
    """Return what could be a workload, by namespace and name: whatever nothing owns."""
    found: dict[tuple[str, str], set[words.Ref]] = {}
    for ref, thing in things.items():
        if thing.owner is None and ref.kind not in _NO_WORKLOADS:
            found.setdefault((ref.namespace, ref.name), set()).add(ref)
    return {key: frozenset(refs) for key, refs in found.items()}
