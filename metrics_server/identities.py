"""Whose proxy reports, and whom it called: label values to numbered reporters and peers.

A name is read once and looked up after, since a mesh repeats a few hundred names over hundreds of thousands
of series.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping
from typing import Generic, TypeVar

from metrics_server import profile, snapshot, words

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
        self._read: dict[tuple[int, tuple[str, ...], str], int | None] = {}

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
        told = tuple(labels.get(label, "") for label in named.told_by)
        key = (view, told, self.identity(labels)[0])
        if key not in self._read:
            self._read[key] = self._number(named, told, reporter_namespace=key[2])
        return self._read[key]

    def _number(self, named: profile.Peer, told: tuple[str, ...], *, reporter_namespace: str) -> int | None:
        if isinstance(named, profile.Labelled):
            found = told_peer(named, dict(zip(named.told_by, told, strict=True)))
            return -1 if found is None else self._peers.number(found)
        peer = read_peer(named, told[0], caller_namespace=reporter_namespace)
        return None if peer is None else self._peers.number(peer)

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
            for label in (
                *view.match,
                *(rule.label for rule in view.outcome),
                *(view.peer.told_by if view.peer else ()),
            )
            if label
        )
        of_scrape = (*target.node, *target.other, *target.controller_kind, *target.controller_name)
        return {"__name__", *target.identity, *of_scrape, *of_requests}


def first(labels: Labels, names: tuple[str, ...]) -> str:
    """Return the value of the first of these labels that is set."""
    return next((labels[name] for name in names if labels.get(name)), "")


def told_peer(named: profile.Labelled, labels: Labels) -> snapshot.Peer | None:
    """Return the peer that labels tell, None if they tell none."""
    known = {
        label: value[: profile.LONGEST_VALUE]
        for label, value in labels.items()
        if value and not re.fullmatch(named.unknown, value[: profile.LONGEST_VALUE])
    }
    namespace, service = first(known, named.namespace), first(known, named.service)
    kind, workload = _workload(named, known)
    elsewhere = first(known, named.service_namespace)
    peer = snapshot.Peer(
        namespace=namespace or (elsewhere if service else ""),
        service=service,
        service_namespace=elsewhere if service and elsewhere != namespace and namespace else "",
        pod=first(known, named.pod),
        kind=kind,
        workload=workload,
    )
    return peer if peer.pod or peer.workload or peer.service else None


def _workload(named: profile.Labelled, known: Labels) -> tuple[str, str]:
    """Return kind and name of a workload; the kind is empty where only its name is told."""
    if machine := first(known, named.machine):
        return words.EXTERNAL_WORKLOAD, machine
    for label, kind in named.kinds.items():
        if label in known:
            return kind, known[label]
    return "", first(known, named.workload)


def read_peer(named: profile.Named, value: str, *, caller_namespace: str) -> snapshot.Peer | None:
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
