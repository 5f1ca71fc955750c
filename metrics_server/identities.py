"""Whose proxy reports, and whom it called: label values to numbered reporters and peers.

A name is read once and looked up after, since a mesh repeats a few hundred names over hundreds of thousands
of series.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping
from typing import Generic, TypeVar

from metrics_server import profile, snapshot

Labels = Mapping[str, str]
Identity = tuple[str, str, str, str]
"""Namespace, pod, machine, and the instance where neither pod nor machine is told."""
T = TypeVar("T", bound=Hashable)


class Numbered(Generic[T]):
    """Distinct values in the order in which they were first seen."""

    def __init__(self) -> None:
        self._numbers: dict[T, int] = {}

    def number(self, value: T) -> int:
        """Return the number of a value, a new one if it was not seen before."""
        return self._numbers.setdefault(value, len(self._numbers))

    def __contains__(self, value: object) -> bool:
        return value in self._numbers

    def __iter__(self) -> Iterator[T]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)


class Identities:
    """The reporters and peers of one snapshot in the making."""

    def __init__(self, mesh: profile.Profile) -> None:
        self._mesh = mesh
        self._told_by = mesh.target.identity
        self._identities: dict[tuple[str | None, ...], Identity] = {}
        self._reporters = Numbered[Identity]()
        self._labels: dict[int, Labels] = {}
        self._peers = Numbered[snapshot.Peer]()
        self._read: dict[tuple[int, str, str], int | None] = {}

    def identity(self, labels: Labels) -> Identity:
        """Return who a scrape target is."""
        told = tuple(map(labels.get, self._told_by))
        if told not in self._identities:
            self._identities[told] = self._read_identity(labels)
        return self._identities[told]

    def _read_identity(self, labels: Labels) -> Identity:
        target = self._mesh.target
        pod, machine = first(labels, target.pod), first(labels, target.machine)
        instance = "" if pod or machine else labels.get("instance", "")
        return first(labels, target.namespace), pod, machine, instance

    def reporter(self, labels: Labels) -> int:
        """Return the number of the proxy with these target labels."""
        number = self._reporters.number(self.identity(labels))
        self._labels.setdefault(number, labels)
        return number

    def known(self, labels: Labels) -> int | None:
        """Return the number of the proxy with these identity labels, None if it was not scraped."""
        identity = self.identity(labels)
        return self._reporters.number(identity) if identity in self._reporters else None

    def peer(self, view: int, labels: Labels) -> int | None:
        """Return the number of the peer a view names: -1 if it tells none, None if it does not count."""
        named = self._mesh.views[view].peer
        if named is None:
            return -1
        key = (view, labels.get(named.label, ""), self.identity(labels)[0])
        if key not in self._read:
            peer = read_peer(named, key[1], caller_namespace=key[2])
            self._read[key] = None if peer is None else self._peers.number(peer)
        return self._read[key]

    @property
    def peers(self) -> tuple[snapshot.Peer, ...]:
        return tuple(self._peers)

    @property
    def reporters(self) -> tuple[snapshot.Reporter, ...]:
        target, apart = self._mesh.target, self._not_of_the_pod()
        return tuple(
            snapshot.Reporter(
                namespace=namespace,
                pod=pod,
                machine=machine,
                instance=instance,
                node=first(labels, target.node),
                controller=(first(labels, target.controller_kind), first(labels, target.controller_name)),
                labels={label: value for label, value in labels.items() if label not in apart},
            )
            for (namespace, pod, machine, instance), labels in zip(
                self._reporters, (self._labels[number] for number in range(len(self._reporters))), strict=True
            )
        )

    def _not_of_the_pod(self) -> set[str]:
        target = self._mesh.target
        of_requests = (
            label
            for view in self._mesh.views
            for label in (*view.match, *(rule.label for rule in view.outcome), view.peer and view.peer.label)
            if label
        )
        of_scrape = (*target.node, *target.other, *target.controller_kind, *target.controller_name)
        return {"__name__", *target.identity, *of_scrape, *of_requests}


def first(labels: Labels, names: tuple[str, ...]) -> str:
    """Return the value of the first of these labels that is set."""
    return next((labels[name] for name in names if labels.get(name)), "")


def read_peer(named: profile.Peer, value: str, *, caller_namespace: str) -> snapshot.Peer | None:
    """Return the peer that a label value names, None for one that does not count as a peer."""
    value = value[: profile.LONGEST_VALUE]
    if not value or (named.excluded and re.fullmatch(named.excluded, value)):
        return None
    for pattern in named.patterns:
        if found := re.fullmatch(pattern, value):
            part = {group: text or "" for group, text in found.groupdict().items()}
            if part.get("name"):
                return snapshot.Peer(namespace=caller_namespace, name=part["name"])
            if part.get("service"):
                return snapshot.Peer(
                    namespace=part.get("namespace") or caller_namespace, service=part["service"]
                )
            return snapshot.Peer(host=part["host"])
    return snapshot.Peer(host=value)
