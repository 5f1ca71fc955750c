"""Says what a reporter is (a pod, a workload or a host), without looking at owners. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from metrics_server.inventory import objects
from metrics_server.model import kinds, snapshot

_NO_WORKLOADS = frozenset({kinds.POD.name, kinds.SERVICE.name, kinds.NODE.name, kinds.NAMESPACE.name})


def labels(
    known: Mapping[kinds.Ref, objects.Object],
    reporters: Mapping[kinds.Ref, snapshot.Reporter],
    ref: kinds.Ref,
) -> Mapping[str, str]:
    """Return the labels of a pod or machine: those of the inventory, else those of its scrape target.

    Raises KeyError for one that is in neither.
    """
    return known[ref].labels if ref in known else reporters[ref].labels


def of(reporter: snapshot.Reporter) -> kinds.Ref:
    """Return the resource that the labels of a reporter other than a machine name; kinds.UNKNOWN if they name
    none.
    """
    if reporter.pod:
        return kinds.Ref(kinds.POD.name, reporter.namespace, reporter.pod)
    if reporter.workload:
        return kinds.Ref(reporter.kind or kinds.WORKLOAD, reporter.namespace, reporter.workload)
    return kinds.Ref(kinds.HOST, "", reporter.instance) if reporter.instance else kinds.UNKNOWN


def alone(known: Mapping[kinds.Ref, objects.Object]) -> Mapping[tuple[str, str], frozenset[kinds.Ref]]:
    """Return the objects that can be workloads, by namespace and name: those without an owner."""
    found: dict[tuple[str, str], set[kinds.Ref]] = {}
    for ref, one in known.items():
        if one.owner is None and ref.kind not in _NO_WORKLOADS:
            found.setdefault((ref.namespace, ref.name), set()).add(ref)
    return {key: frozenset(refs) for key, refs in found.items()}
