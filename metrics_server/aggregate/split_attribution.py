"""Decides to which backend of a split a request went, from the peer's names and the inventory's pods. Pure.

* If the mesh reports the called service or host, the backend is the one with that name.
* If it reports only a pod or a workload, or if a split divides traffic among subsets of one service, the pods
  decide: the backend is the one to which all pods in question belong.
* If several backends are possible, or the pods of a backend are not known, the request is not attributed and
  the possible backends are unclear: they have no figures.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from metrics_server.model import kinds, snapshot
from metrics_server.ownership import graph
from metrics_server.splits import model

Place = tuple[int, int]
"""The index of a split, and of a backend in it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The backends to which a peer or a pod belongs, and those to which it may belong."""

    certain: tuple[Place, ...] = ()
    unclear: tuple[Place, ...] = ()


_NONE = Verdict()
_WITH_LABELS = frozenset({kinds.POD.name, kinds.EXTERNAL_WORKLOAD})
"""The kinds to which the labels of a subset apply."""


class Attribution:
    """Attributes peers and pods to the backends of some splits."""

    def __init__(self, splits: Sequence[model.Split], owners: graph.Ownership) -> None:
        self._owners = owners
        self._backends: dict[Place, model.Backend] = {
            (number, place): backend
            for number, split in enumerate(splits)
            for place, backend in enumerate(split.backends)
        }
        self._of: dict[kinds.Ref, list[Place]] = collections.defaultdict(list)
        """The backends that are a service or a host, or a subset of it."""
        self._within: dict[str, list[Place]] = collections.defaultdict(list)
        """The backends that are services, by namespace."""
        for place, backend in self._backends.items():
            self._of[backend.service].append(place)
            if backend.service.kind == kinds.SERVICE.name:
                self._within[backend.service.namespace].append(place)
        self._known: dict[str, Mapping[tuple[str, str], Sequence[kinds.Ref]]] = {}
        """What `_below` has returned, by kind."""

    def peer(self, reported: snapshot.Peer) -> Verdict:
        """Return the backends to which a peer belongs. `reported`: the peer as the mesh reports it."""
        peer = self._owners.spelled(reported)
        if (reported.address or reported.joined or reported.anywhere) and (
            nearly := self._nearly(reported, peer)
        ):
            return Verdict(unclear=nearly)
        called = self._called(peer)
        if called is not None:
            places = self._of.get(called, ())
            alone = _apart(places)
            whole = [place for place in places if place in alone and not self._backends[place].subset]
            parts = [place for place in places if place not in whole]
            # A service that answers has pods: if none are known, they are unknown, not absent.
            judged = self._judge(parts, self._members(peer) or None) if parts else _NONE
            return Verdict((*whole, *judged.certain), judged.unclear)
        if (peer.pod or peer.workload) and not peer.cluster:
            return self._judge(self._within.get(peer.namespace, ()), self._members(peer))
        return _NONE

    def member(self, member: kinds.Ref) -> Verdict:
        """Return the backends to which a pod or a machine belongs."""
        return self._judge(self._within.get(member.namespace, ()), [member])

    def _called(self, peer: snapshot.Peer) -> kinds.Ref | None:
        """Return the service or host that was called; None where the mesh does not report it."""
        if not (peer.service or peer.name or peer.host):
            return None
        if peer.cluster:  # who answers elsewhere was called by the service of that name here
            namespace = peer.service_namespace or peer.namespace
            return kinds.Ref(kinds.SERVICE.name, namespace, peer.service or peer.name)
        named = kinds.Ref(kinds.SERVICE.name, peer.namespace, peer.name)
        return named if named in self._of else self._owners.service(peer)

    def _nearly(self, reported: snapshot.Peer, peer: snapshot.Peer) -> tuple[Place, ...]:
        """Return the backends that a peer may be whose reported name could not be resolved with the
        inventory; none if it was resolved. `peer`: the result.
        """
        services = [place for places in self._within.values() for place in places]
        if reported.address and not peer.pod:
            return tuple(services)
        if reported.joined and not peer.service:
            return tuple(place for place in services if self._joined(place) == reported.joined)
        if reported.anywhere and not peer.namespace:
            name = peer.service or peer.name
            return tuple(place for place in services if self._backends[place].service.name == name)
        return ()

    def _joined(self, place: Place) -> str:
        service = self._backends[place].service
        return f"{service.namespace}-{service.name}"

    def _judge(self, places: Iterable[Place], members: Sequence[kinds.Ref] | None) -> Verdict:
        """Return to which of these backends all pods or machines belong, each split for itself.

        `members`: the pods or machines; None where they are not known.
        """
        certain: list[Place] = []
        unclear: list[Place] = []
        by_split: dict[int, list[Place]] = collections.defaultdict(list)
        for place in places:
            by_split[place[0]].append(place)
        for several in by_split.values():
            has = {place: [self._has(place, member) for member in members or ()] for place in several}
            if members is None:
                possible = several
            elif not members:
                possible = [place for place in several if not self._has_known_pods(place)]
            else:
                possible = [place for place in several if any(one is not False for one in has[place])]
            sure = len(possible) == 1 and members and all(has[possible[0]])
            (certain if sure else unclear).extend(possible)
        return Verdict(tuple(certain), tuple(unclear))

    def _has(self, place: Place, member: kinds.Ref) -> bool | None:
        """Return whether a pod or machine belongs to a backend; None where that is not known."""
        backend = self._backends[place]
        selects = self._owners.selects(backend.service, member)
        if selects is not True or not backend.subset:
            return selects
        if backend.labels is None or member.kind not in _WITH_LABELS:
            return None
        return backend.labels.items() <= self._owners.labels(member).items()

    def _has_known_pods(self, place: Place) -> bool:
        return self._owners.selected(self._backends[place].service) is not None

    def _members(self, peer: snapshot.Peer) -> Sequence[kinds.Ref] | None:
        """Return the pods or machines that a peer may be, empty if no backend selects one; None where they
        are not known.
        """
        if peer.cluster:
            return None
        if peer.pod:
            return [kinds.Ref(kinds.POD.name, peer.namespace, peer.pod)]
        if not peer.workload:
            return None
        return self._below(peer.kind or graph.WORKLOAD).get((peer.namespace, peer.workload), ())

    def _below(self, kind: str) -> Mapping[tuple[str, str], Sequence[kinds.Ref]]:
        """Return the pods and machines that report or that a backend selects, by namespace and name of their
        owner of a kind.
        """
        if kind not in self._known:
            backends = (self._owners.selected(service) or () for service in self._of)
            found: dict[tuple[str, str], list[kinds.Ref]] = collections.defaultdict(list)
            for member in dict.fromkeys(
                (*self._owners.reporters, *(member for members in backends for member in members))
            ):
                if above := self._owners.above(member, kind):
                    found[above.namespace, above.name].append(member)
            self._known[kind] = found
        return self._known[kind]


def _apart(places: Iterable[Place]) -> set[Place]:
    """Return the places whose split has no other of these places."""
    count = collections.Counter(split for split, _ in places)
    return {place for place in places if count[place[0]] == 1}
