"""Finds the chain of owners of one resource: its controllers, node and namespace, one for each kind.

Services are not in a chain, as several may select a pod. Computed when first asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from metrics_server.inventory import objects
from metrics_server.model import kinds, snapshot
from metrics_server.ownership import pod_labels, service_selectors

WORKLOAD = ""
"""As a kind: the top controller of a resource, or the resource itself if it has none."""
_OF_ONE = frozenset({kinds.POD.name, kinds.NODE.name})
"""Owners of a single pod, which the pods behind a service do not share."""


class Chains:
    """The owners of each resource by kind, with the resource itself."""

    def __init__(
        self,
        known: Mapping[kinds.Ref, objects.Object],
        reporters: Mapping[kinds.Ref, snapshot.Reporter],
        selection: service_selectors.SelectorMatches,
    ) -> None:
        """`reporters`: those of the snapshot, by the resource that each is."""
        self._objects = known
        self._reporters = reporters
        self._selection = selection
        self._made: dict[kinds.Ref, dict[str, kinds.Ref]] = {}

    def of(self, ref: kinds.Ref) -> Mapping[str, kinds.Ref]:
        """Return the owners of a resource by kind, with `WORKLOAD`; the resource itself for its own kind."""
        if ref not in self._made:
            self._made[ref] = self._chain(ref)
        return self._made[ref]

    def shared(self, refs: Iterable[kinds.Ref], kind: str) -> kinds.Ref | None:
        """Return the owner of a kind that all these resources share; None if there is none."""
        found = {self.of(ref).get(kind) for ref in refs}
        return found.pop() if len(found) == 1 else None

    def _chain(self, ref: kinds.Ref) -> dict[str, kinds.Ref]:
        if ref == kinds.UNKNOWN:
            return {WORKLOAD: ref}
        if ref.kind == kinds.SERVICE.name:
            return self._chain_of_service(ref)
        owners = controllers(ref, self._objects, self._reporters)
        above = {one.kind: one for one in (ref, *owners)}
        above[WORKLOAD] = owners[-1] if owners else ref
        if ref.namespace:
            above[kinds.NAMESPACE.name] = kinds.Ref(kinds.NAMESPACE.name, "", ref.namespace)
        node = self._objects[ref].node if ref in self._objects else ""
        reporter = self._reporters.get(ref)
        if node := node or (reporter.node if reporter else ""):
            above[kinds.NODE.name] = kinds.Ref(kinds.NODE.name, "", node)
        return above

    def _chain_of_service(self, service: kinds.Ref) -> dict[str, kinds.Ref]:
        """Return the owners that all pods and machines behind a service share; never a pod or a node."""
        chains = [self.of(ref) for ref in self._selection.selected(service) or ()]
        shared = set(chains[0].items()).intersection(*(chain.items() for chain in chains)) if chains else ()
        above = {kind: ref for kind, ref in shared if kind not in _OF_ONE}
        namespace = kinds.Ref(kinds.NAMESPACE.name, "", service.namespace)
        return {WORKLOAD: service, kinds.NAMESPACE.name: namespace, **above, kinds.SERVICE.name: service}


def controllers(
    ref: kinds.Ref,
    known: Mapping[kinds.Ref, objects.Object],
    reporters: Mapping[kinds.Ref, snapshot.Reporter],
) -> list[kinds.Ref]:
    """Return the controllers of a resource, the nearest first: by owner references, else by the labels of its
    scrape target.
    """
    found, owners = known.get(ref), []
    while found and found.owner and found.owner not in owners:
        owners.append(found.owner)
        found = known.get(found.owner)
    reporter = reporters.get(ref)
    if not owners and ref.kind == kinds.POD.name and reporter is not None:
        if reporter.workload and reporter.kind:
            return [kinds.Ref(reporter.kind, reporter.namespace, reporter.workload)]
        return pod_labels.controllers(reporter)
    return owners
