"""Who owns whom: from reporters and peers to resources of any kind. Immutable once made.

A unit is what carries a proxy: a pod, a machine outside Kubernetes, or (where only its address is known) a
host. Above a unit stand its controllers by owner references, its node and its namespace, and the services
that select it.

A peer is a service by the mesh's word. Seen as a kind it is the one resource of that kind behind the
service, if there is exactly one; else the one workload behind it; else it stays the service. Nothing is
guessed from names.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

from metrics_server import evidence, inventory, selection, snapshot, words

WORKLOAD = ""
"""The kind that stands for "the top controller of each unit, or the unit itself"."""


class Ownership:
    """The resources above the reporters of one snapshot, and behind its peers."""

    def __init__(self, moment: snapshot.Snapshot, things: inventory.Inventory) -> None:
        self._inventory = things
        self._things = things.known
        self._moment = moment
        self.units: tuple[words.Ref, ...] = tuple(_unit(reporter) for reporter in moment.reporters)
        """One per reporter, in the snapshot's order."""
        self._reporter = dict(zip(self.units, moment.reporters, strict=True))
        self._chains: dict[words.Ref, dict[str, words.Ref]] = {}
        self._selection = selection.Selection(things, scraped=self.units, labels=self._unit_labels)

    # What stands above a unit

    def _above(self, unit: words.Ref) -> dict[str, words.Ref]:
        """Return the resource of each kind above a unit, itself among them."""
        if unit not in self._chains:
            self._chains[unit] = self._chain(unit)
        return self._chains[unit]

    def _chain(self, unit: words.Ref) -> dict[str, words.Ref]:
        owners = self._owners(unit)
        above = {ref.kind: ref for ref in (unit, *owners)}
        above[WORKLOAD] = owners[-1] if owners else unit
        if unit.namespace:
            above[words.NAMESPACE.name] = words.Ref(words.NAMESPACE.name, "", unit.namespace)
        node = self._things[unit].node if unit in self._things else ""
        reporter = self._reporter.get(unit)
        if node := node or (reporter.node if reporter else ""):
            above[words.NODE.name] = words.Ref(words.NODE.name, "", node)
        return above

    def _owners(self, unit: words.Ref) -> list[words.Ref]:
        """Return the controllers of a unit, nearest first: by owner references, else by its scrape labels."""
        thing, owners = self._things.get(unit), []
        while thing and thing.owner and thing.owner not in owners:
            owners.append(thing.owner)
            thing = self._things.get(thing.owner)
        reporter = self._reporter.get(unit)
        if not owners and unit.kind == words.POD.name and reporter is not None:
            return evidence.controllers(reporter)
        return owners

    # Questions

    def groups(self, kind: str) -> list[tuple[words.Ref, ...]]:
        """Return, for each reporter, its resources of a kind: one, none, or several services."""
        if kind == words.SERVICE.name:
            return [tuple(self._selection.services(unit)) for unit in self.units]
        chains = (self._above(unit) for unit in self.units)
        return [(chain[kind],) if kind in chain else () for chain in chains]

    def callers(self, kind: str) -> list[words.Ref]:
        """Return, for each reporter, what it is as a caller: its resource of the kind, else its workload."""
        groups = self.groups(kind)
        return [
            group[0] if len(group) == 1 else self._above(unit)[WORKLOAD]
            for unit, group in zip(self.units, groups, strict=True)
        ]

    def callees(self, kind: str) -> list[words.Ref]:
        """Return, for each peer, what it is as a callee seen as this kind."""
        return [self._callee(self.service(peer), kind) for peer in self._moment.peers]

    def service(self, peer: snapshot.Peer) -> words.Ref:
        """Return the service a peer is, or the host where it is none."""
        if peer.host:
            return words.Ref(words.HOST, "", peer.host)
        ref = words.Ref(words.SERVICE.name, peer.namespace, peer.service or peer.name)
        return words.Ref(words.HOST, "", peer.name) if peer.name and ref not in self._things else ref

    def _callee(self, service: words.Ref, kind: str) -> words.Ref:
        units = self._selection.units(service) or ()
        if kind == words.SERVICE.name or service.kind == words.HOST:
            return service
        if kind == words.NAMESPACE.name:
            return words.Ref(words.NAMESPACE.name, "", service.namespace)
        for wanted in (kind, WORKLOAD):
            found = {self._above(unit).get(wanted) for unit in units}
            if len(found) == 1 and (only := found.pop()) is not None:
                return only
        return service

    def maybe_behind(self, service: words.Ref) -> Sequence[words.Ref]:
        """Return the units behind a service; all of its namespace where nobody knows what it selects."""
        units = self._selection.units(service)
        if units is not None or service.kind == words.HOST:
            return units or ()
        return [unit for unit in self.units if unit.namespace == service.namespace]

    def above(self, unit: words.Ref, kind: str) -> words.Ref | None:
        """Return the resource of a kind above a unit."""
        return self._above(unit).get(kind)

    def is_gone(self, ref: words.Ref) -> bool:
        """Return whether a resource is known to have been deleted."""
        return ref in self._inventory.gone

    @functools.cached_property
    def namespaces(self) -> frozenset[str]:
        """All namespaces of which anything is known."""
        return self._inventory.namespaces | {unit.namespace for unit in self.units if unit.namespace}

    def labels(self, ref: words.Ref) -> Mapping[str, str]:
        """Return the labels of a resource: its own, or, where only its pods are known, what they share."""
        if ref in self._things or ref in self._reporter:
            return self._unit_labels(ref)
        return self._shared_labels.get(ref, {})

    def _unit_labels(self, ref: words.Ref) -> Mapping[str, str]:
        """Return what the inventory, or else the scrape, says of one thing."""
        return self._things[ref].labels if ref in self._things else self._reporter[ref].labels

    @functools.cached_property
    def _shared_labels(self) -> dict[words.Ref, dict[str, str]]:
        shared: dict[words.Ref, dict[str, str]] = {}
        for unit in self.units:
            own = {k: v for k, v in self.labels(unit).items() if k not in evidence.OF_THE_MACHINERY}
            for ref in set(self._above(unit).values()) - {unit}:
                before = shared.get(ref)
                shared[ref] = own if before is None else dict(before.items() & own.items())
        return shared


def _unit(reporter: snapshot.Reporter) -> words.Ref:
    if reporter.pod:
        return words.Ref(words.POD.name, reporter.namespace, reporter.pod)
    if reporter.machine:
        return words.Ref(words.EXTERNAL_WORKLOAD, reporter.namespace, reporter.machine)
    return words.Ref(words.HOST, "", reporter.instance)
