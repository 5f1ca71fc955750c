"""Which backend of a split a request went to: by what the mesh tells of the called, and Kubernetes of pods.

A called service is a backend by its name. Where only a pod or a workload is told, or where a split sends to
subsets of one service, the pods decide: what every pod in question belongs to. Whatever may belong to several
backends, or to a backend of which nobody knows the pods, is laid at no one's door: its backends are unclear.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from metrics_server.model import kinds, snapshot
from metrics_server.ownership import graph
from metrics_server.splits import model

Place = tuple[int, int]
"""The number of a split, and of a backend of it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The backends that something belongs to, and those it may belong to."""

    certain: tuple[Place, ...] = ()
    unclear: tuple[Place, ...] = ()


_NONE = Verdict()
_WITH_LABELS = frozenset({kinds.POD.name, kinds.EXTERNAL_WORKLOAD})
"""What a subset's labels are meant for."""


class Attribution:
    """The backends of some splits, and who is one of them."""

    def __init__(self, splits: Sequence[model.Split], owners: graph.Ownership) -> None:
        self._owners = owners
        self._backends: dict[Place, model.Backend] = {
            (number, place): backend
            for number, split in enumerate(splits)
            for place, backend in enumerate(split.backends)
        }
        self._of: dict[kinds.Ref, list[Place]] = collections.defaultdict(list)
        """The backends that are (a part of) a service or a host."""
        self._within: dict[str, list[Place]] = collections.defaultdict(list)
        for place, backend in self._backends.items():
            self._of[backend.service].append(place)
            if backend.service.kind == kinds.SERVICE.name:
                self._within[backend.service.namespace].append(place)
        self._known: dict[str, Mapping[tuple[str, str], Sequence[kinds.Ref]]] = {}

    def peer(self, told: snapshot.Peer) -> Verdict:
        """Return what a called one is."""
        peer = self._owners.spelled(told)
        if (told.address or told.joined or told.anywhere) and (nearly := self._nearly(told, peer)):
            return Verdict(unclear=nearly)
        called = self._called(peer)
        if called is not None:
            places = self._of.get(called, ())
            alone = _apart(places)
            whole = [place for place in places if place in alone and not self._backends[place].subset]
            parts = [place for place in places if place not in whole]
            # Whoever answers for the service has pods, known or not.
            judged = self._judge(parts, self._units(peer) or None) if parts else _NONE
            return Verdict((*whole, *judged.certain), judged.unclear)
        if peer.pod or peer.workload:
            return self._judge(self._within.get(peer.namespace, ()), self._units(peer))
        return _NONE

    def unit(self, unit: kinds.Ref) -> Verdict:
        """Return what a pod is, or a machine."""
        return self._judge(self._within.get(unit.namespace, ()), [unit])

    def _called(self, peer: snapshot.Peer) -> kinds.Ref | None:
        """Return the service or host by which somebody was called; None where that is not told."""
        if not (peer.service or peer.name or peer.host):
            return None
        named = kinds.Ref(kinds.SERVICE.name, peer.namespace, peer.name)
        return named if named in self._of else self._owners.service(peer)

    def _nearly(self, told: snapshot.Peer, peer: snapshot.Peer) -> tuple[Place, ...]:
        """Return the backends that somebody may be of whom Kubernetes does not know who is meant."""
        services = [place for places in self._within.values() for place in places]
        if told.address and not peer.pod:
            return tuple(services)
        if told.joined and not peer.service:
            return tuple(place for place in services if self._joined(place) == told.joined)
        if told.anywhere and not peer.namespace:
            name = peer.service or peer.name
            return tuple(place for place in services if self._backends[place].service.name == name)
        return ()

    def _joined(self, place: Place) -> str:
        service = self._backends[place].service
        return f"{service.namespace}-{service.name}"

    def _judge(self, places: Iterable[Place], units: Sequence[kinds.Ref] | None) -> Verdict:
        """Return to which of these backends all the units belong, each split by itself."""
        certain: list[Place] = []
        unclear: list[Place] = []
        by_split: dict[int, list[Place]] = collections.defaultdict(list)
        for place in places:
            by_split[place[0]].append(place)
        for several in by_split.values():
            has = {place: [self._has(place, unit) for unit in units or ()] for place in several}
            if units is None:
                possible = several
            elif not units:
                possible = [place for place in several if not self._tells_its_pods(place)]
            else:
                possible = [place for place in several if any(one is not False for one in has[place])]
            sure = len(possible) == 1 and units and all(has[possible[0]])
            (certain if sure else unclear).extend(possible)
        return Verdict(tuple(certain), tuple(unclear))

    def _has(self, place: Place, unit: kinds.Ref) -> bool | None:
        """Return whether a unit is one of a backend's; None where nobody knows."""
        backend = self._backends[place]
        selects = self._owners.selects(backend.service, unit)
        if selects is not True or not backend.subset:
            return selects
        if backend.labels is None or unit.kind not in _WITH_LABELS:
            return None
        return backend.labels.items() <= self._owners.labels(unit).items()

    def _tells_its_pods(self, place: Place) -> bool:
        return self._owners.selected(self._backends[place].service) is not None

    def _units(self, peer: snapshot.Peer) -> Sequence[kinds.Ref] | None:
        """Return the units that a peer may be, none if it is nothing that a backend selects; None where
        nobody knows.
        """
        if peer.pod:
            return [kinds.Ref(kinds.POD.name, peer.namespace, peer.pod)]
        if not peer.workload:
            return None
        return self._below(peer.kind or graph.WORKLOAD).get((peer.namespace, peer.workload), ())

    def _below(self, kind: str) -> Mapping[tuple[str, str], Sequence[kinds.Ref]]:
        """Return the units that report or that a backend selects, by the resource of a kind above them."""
        if kind not in self._known:
            backends = (self._owners.selected(service) or () for service in self._of)
            found: dict[tuple[str, str], list[kinds.Ref]] = collections.defaultdict(list)
            for unit in dict.fromkeys((*self._owners.units, *(unit for units in backends for unit in units))):
                if above := self._owners.above(unit, kind):
                    found[above.namespace, above.name].append(unit)
            self._known[kind] = found
        return self._known[kind]


def _apart(places: Iterable[Place]) -> set[Place]:
    """Return those that stand alone in their split."""
    count = collections.Counter(split for split, _ in places)
    return {place for place in places if count[place[0]] == 1}
