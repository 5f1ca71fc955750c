"""Who owns whom: from reporters and peers to resources of any kind. Immutable once made.

A unit is what carries a proxy: a pod, a machine outside Kubernetes, or (where only its address is known) a
host; or a workload, or the service before it, where others report for it and do not tell its pods. Above a
unit stand its controllers by owner references, its node and its namespace, and the services that select it.

A peer is a pod, a workload or a service by the mesh's word. A service, seen as a kind, is the one resource of
that kind behind it, if there is exactly one; else the one workload behind it; else it stays the service. A
workload whose kind the mesh does not tell is the one of that name which Kubernetes knows, or which reports
itself; else its kind stays unknown. Nothing is guessed from names.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

from metrics_server.inventory import objects
from metrics_server.model import kinds, snapshot
from metrics_server.ownership import names, pod_labels, service_selectors, units

WORKLOAD = ""
"""The kind that stands for "the top controller of each unit, or the unit itself"."""
_SELECTED = frozenset({kinds.POD.name, kinds.EXTERNAL_WORKLOAD})
_OF_ONE = frozenset({kinds.POD.name, kinds.NODE.name})


class Ownership:
    """The resources above the reporters of one snapshot, and behind its peers."""

    def __init__(self, moment: snapshot.Snapshot, things: objects.Inventory) -> None:
        self._inventory = things
        self._things = things.known
        self._snapshot = moment
        self._spelling = names.Spelling(things)
        self._alone = units.alone(self._things)
        reporters = [self._spelling.reporter(one) for one in moment.reporters]
        self._reporter: dict[kinds.Ref, snapshot.Reporter] = {}
        self._chains: dict[kinds.Ref, dict[str, kinds.Ref]] = {}
        self.units: tuple[kinds.Ref, ...] = self._placed(reporters)
        """One per reporter, in the snapshot's order; words.UNKNOWN for one that nobody names."""
        self._peers = {peer: self._spelling.peer(peer) for peer in moment.peers}
        # Not a method of this: what refers to itself waits for the garbage collector, which seldom comes.
        self._unit_labels = functools.partial(units.labels, self._things, self._reporter)
        self._selection = service_selectors.Selection(things, scraped=self.units, labels=self._unit_labels)

    def _placed(self, reporters: Sequence[snapshot.Reporter]) -> tuple[kinds.Ref, ...]:
        """Return what each reporter is: first those that say it, and by them those of whom only a workload's
        name is told.
        """
        told_by_all = [units.of(reporter) for reporter in reporters]
        self._reporter.update(zip(told_by_all, reporters, strict=True))
        told = {ref: self._above(ref)[WORKLOAD] for ref in told_by_all if ref.kind == kinds.POD.name}
        workloads = {(ref.namespace, ref.name): ref for ref in told.values()}
        found = []
        for unit, reporter in zip(told_by_all, reporters, strict=True):
            if unit.kind == kinds.WORKLOAD:
                place = (unit.namespace, unit.name)
                known = self._alone.get(place, frozenset())
                unit = next(iter(known)) if len(known) == 1 else workloads.get(place, unit)
                self._reporter.setdefault(unit, reporter)
            found.append(unit)
        return tuple(found)

    # What stands above a unit

    def _above(self, unit: kinds.Ref) -> dict[str, kinds.Ref]:
        """Return the resource of each kind above a unit, itself among them."""
        if unit not in self._chains:
            self._chains[unit] = self._chain(unit)
        return self._chains[unit]

    def _chain(self, unit: kinds.Ref) -> dict[str, kinds.Ref]:
        owners = self._owners(unit)
        if unit == kinds.UNKNOWN:
            return {WORKLOAD: unit}
        if unit.kind == kinds.SERVICE.name:
            return self._chain_of_service(unit)
        above = {ref.kind: ref for ref in (unit, *owners)}
        above[WORKLOAD] = owners[-1] if owners else unit
        if unit.namespace:
            above[kinds.NAMESPACE.name] = kinds.Ref(kinds.NAMESPACE.name, "", unit.namespace)
        node = self._things[unit].node if unit in self._things else ""
        reporter = self._reporter.get(unit)
        if node := node or (reporter.node if reporter else ""):
            above[kinds.NODE.name] = kinds.Ref(kinds.NODE.name, "", node)
        return above

    def _chain_of_service(self, service: kinds.Ref) -> dict[str, kinds.Ref]:
        """What is one and the same above all units behind it; of several pods nobody knows which it was."""
        chains = [self._above(unit) for unit in self._selection.units(service) or ()]
        shared = set(chains[0].items()).intersection(*(chain.items() for chain in chains)) if chains else ()
        above = {kind: ref for kind, ref in shared if kind not in _OF_ONE}
        namespace = kinds.Ref(kinds.NAMESPACE.name, "", service.namespace)
        return {WORKLOAD: service, kinds.NAMESPACE.name: namespace, **above, kinds.SERVICE.name: service}

    def _owners(self, unit: kinds.Ref) -> list[kinds.Ref]:
        """Return the controllers of a unit, nearest first: by owner references, else by its scrape labels."""
        thing, owners = self._things.get(unit), []
        while thing and thing.owner and thing.owner not in owners:
            owners.append(thing.owner)
            thing = self._things.get(thing.owner)
        reporter = self._reporter.get(unit)
        if not owners and unit.kind == kinds.POD.name and reporter is not None:
            if reporter.workload and reporter.kind:
                return [kinds.Ref(reporter.kind, reporter.namespace, reporter.workload)]
            return pod_labels.controllers(reporter)
        return owners

    # Questions

    def groups(self, kind: str) -> list[tuple[kinds.Ref, ...]]:
        """Return, for each reporter, its resources of a kind: one, none, or several services."""
        if kind == kinds.SERVICE.name:
            return [tuple(self._services(unit)) for unit in self.units]
        chains = (self._above(unit) if unit != kinds.UNKNOWN else {} for unit in self.units)
        return [(chain[kind],) if kind in chain else () for chain in chains]

    def _services(self, unit: kinds.Ref) -> Sequence[kinds.Ref]:
        """Return the services that select a unit; of a workload, those that select a pod of it."""
        if unit.kind in _SELECTED:
            return self._selection.services(unit)
        if unit.kind == kinds.SERVICE.name:
            return (unit,)
        pods = self._pods_of.get(unit, ())
        return tuple(dict.fromkeys(ref for pod in pods for ref in self._selection.services(pod)))

    @functools.cached_property
    def _pods_of(self) -> dict[kinds.Ref, list[kinds.Ref]]:
        """The pods that Kubernetes knows, by their workload."""
        found: dict[kinds.Ref, list[kinds.Ref]] = {}
        for ref in self._inventory.things:
            if ref.kind == kinds.POD.name:
                found.setdefault(self._above(ref)[WORKLOAD], []).append(ref)
        return found

    def callers(self, kind: str) -> list[kinds.Ref]:
        """Return, for each reporter, what it is as a caller: its resource of the kind, else its workload."""
        groups = self.groups(kind)
        return [
            group[0] if len(group) == 1 else self._above(unit)[WORKLOAD]
            for unit, group in zip(self.units, groups, strict=True)
        ]

    def peers(self, kind: str) -> list[kinds.Ref]:
        """Return, for each peer, what it is seen as this kind."""
        return [self._peer(peer, kind) for peer in self._snapshot.peers]

    def _peer(self, told: snapshot.Peer, kind: str) -> kinds.Ref:
        peer = self.spelled(told)
        if kind == kinds.SERVICE.name and peer.service:
            return self.service(peer)
        if peer.pod:
            return self._seen_as(peer, kind)
        if peer.workload:
            return self._workload_as(self._workload(peer), kind)
        return self._callee(self.service(peer), kind)

    def spelled(self, peer: snapshot.Peer) -> snapshot.Peer:
        """Return a peer by its proper names, as far as Kubernetes knows them."""
        return self._peers.get(peer, peer)

    def _seen_as(self, peer: snapshot.Peer, kind: str) -> kinds.Ref:
        unit = kinds.Ref(kinds.POD.name, peer.namespace, peer.pod)
        above = self._above(unit)
        if kind != WORKLOAD and kind in above:
            return above[kind]
        return self._workload(peer) if above[WORKLOAD] == unit and peer.workload else above[WORKLOAD]

    def _workload_as(self, workload: kinds.Ref, kind: str) -> kinds.Ref:
        if kind == kinds.NAMESPACE.name and workload.namespace:
            return kinds.Ref(kinds.NAMESPACE.name, "", workload.namespace)
        if only := self._only_one(self._units_of.get(workload, ()), kind):
            return only
        service = kinds.Ref(kinds.SERVICE.name, workload.namespace, workload.name)
        if workload.kind == kinds.WORKLOAD and service in self._things:
            return self._callee(service, kind)
        return workload

    def _workload(self, peer: snapshot.Peer) -> kinds.Ref:
        if peer.kind:
            return kinds.Ref(peer.kind, peer.namespace, peer.workload)
        place = (peer.namespace, peer.workload)
        known = self._workloads.get(place) or self._alone.get(place, frozenset())
        return (
            next(iter(known)) if len(known) == 1 else kinds.Ref(kinds.WORKLOAD, peer.namespace, peer.workload)
        )

    @functools.cached_property
    def _workloads(self) -> dict[tuple[str, str], frozenset[kinds.Ref]]:
        """The resources that are a workload, or could be one: reporters' own, and what nothing owns."""
        found: dict[tuple[str, str], set[kinds.Ref]] = {}
        reporting = (self._above(unit)[WORKLOAD] for unit in self.units)
        for ref in (ref for ref in reporting if ref.kind != kinds.SERVICE.name):
            found.setdefault((ref.namespace, ref.name), set()).add(ref)
        return {key: frozenset(refs) | self._alone.get(key, frozenset()) for key, refs in found.items()}

    @functools.cached_property
    def _units_of(self) -> dict[kinds.Ref, list[kinds.Ref]]:
        """The units that report, by their workload."""
        found: dict[kinds.Ref, list[kinds.Ref]] = {}
        for unit in self.units:
            found.setdefault(self._above(unit)[WORKLOAD], []).append(unit)
        return found

    def _only_one(self, units: Sequence[kinds.Ref], kind: str) -> kinds.Ref | None:
        """Return the one resource of a kind above all units."""
        found = {self._above(unit).get(kind) for unit in units}
        return found.pop() if len(found) == 1 else None

    def service(self, told: snapshot.Peer) -> kinds.Ref:
        """Return the service a peer is or was called by, or the host where it is none; words.UNKNOWN where
        only the pod or the workload is told.
        """
        peer = self.spelled(told)
        if peer.host:
            return kinds.Ref(kinds.HOST, "", peer.host)
        if not (peer.service or peer.name):
            return kinds.UNKNOWN
        namespace = peer.service_namespace or peer.namespace
        ref = kinds.Ref(kinds.SERVICE.name, namespace, peer.service or peer.name)
        return kinds.Ref(kinds.HOST, "", peer.name) if peer.name and ref not in self._things else ref

    def _callee(self, service: kinds.Ref, kind: str) -> kinds.Ref:
        units = self._selection.units(service) or ()
        if kind == kinds.SERVICE.name or service.kind == kinds.HOST:
            return service
        if kind == kinds.NAMESPACE.name:
            return kinds.Ref(kinds.NAMESPACE.name, "", service.namespace)
        return self._only_one(units, kind) or self._only_one(units, WORKLOAD) or service

    def maybe_behind(self, service: kinds.Ref) -> Sequence[kinds.Ref]:
        """Return the units behind a service; all of its namespace where nobody knows what it selects."""
        units = self._selection.units(service)
        if units is not None or service.kind == kinds.HOST:
            return units or ()
        return [unit for unit in self.units if unit.namespace == service.namespace]

    def above(self, unit: kinds.Ref, kind: str) -> kinds.Ref | None:
        """Return the resource of a kind above a unit."""
        return self._above(unit).get(kind)

    def is_gone(self, ref: kinds.Ref) -> bool:
        """Return whether a resource is known to have been deleted."""
        return ref in self._inventory.gone

    def selected(self, service: kinds.Ref) -> Sequence[kinds.Ref] | None:
        """Return the units that a service selects; None where nobody knows."""
        return self._selection.units(service)

    def selects(self, service: kinds.Ref, unit: kinds.Ref) -> bool | None:
        """Return whether a service selects a unit, even one that is gone; None where nobody knows."""
        if unit.kind not in _SELECTED:
            found = {self.selects(service, pod) for pod in self._pods_of.get(unit, ())}
            return found.pop() if len(found) == 1 else None
        thing = self._inventory.things.get(service)
        if not thing or not thing.selector or not (unit in self._things or unit in self._reporter):
            return None
        return (
            unit.namespace == service.namespace and thing.selector.items() <= self._unit_labels(unit).items()
        )

    @functools.cached_property
    def namespaces(self) -> frozenset[str]:
        """All namespaces of which anything is known."""
        return self._inventory.namespaces | {unit.namespace for unit in self.units if unit.namespace}

    def labels(self, ref: kinds.Ref) -> Mapping[str, str]:
        """Return the labels of a resource: its own, or, where only its pods are known, what they share."""
        if ref in self._things or ref in self._reporter:
            return self._unit_labels(ref)
        return self._shared_labels.get(ref, {})

    @functools.cached_property
    def _shared_labels(self) -> dict[kinds.Ref, dict[str, str]]:
        shared: dict[kinds.Ref, dict[str, str]] = {}
        for unit in self.units:
            own = {k: v for k, v in self.labels(unit).items() if k not in pod_labels.OF_THE_MACHINERY}
            for ref in set(self._above(unit).values()) - {unit}:
                before = shared.get(ref)
                shared[ref] = own if before is None else dict(before.items() & own.items())
        return shared
