"""Finds the reporter and the peer of each series from its labels, and numbers both.

Each combination of label values is read once and then looked up, because a mesh repeats a few hundred names
in hundreds of thousands of series.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import Generic, NamedTuple, TypeVar

from metrics_server.decode import endpoints as decode_endpoints
from metrics_server.decode.endpoints import Labels, first
from metrics_server.model import kinds, number_types, snapshot
from metrics_server.profiles import endpoints, schema

T = TypeVar("T", bound=Hashable)
N = TypeVar("N", bound=int)


class Identity(NamedTuple):
    """The fields that identify a reporter; `instance` is set only if pod, machine and workload are
    unknown.
    """

    namespace: str = ""
    pod: str = ""
    machine: str = ""
    instance: str = ""
    kind: str = ""
    workload: str = ""
    joined: str = ""
    anywhere: bool = False
    sanitized: bool = False


class Numbering(Generic[T, N]):
    """Distinct values, numbered from 0 in the order in which they were first seen. `N`: the type of their
    numbers, which is int at run time.
    """

    def __init__(self) -> None:
        self._numbers: dict[T, N] = {}

    def number(self, value: T) -> N:
        """Return the number of a value; a new value gets the next number."""
        return self._numbers.setdefault(value, len(self._numbers))  # type: ignore[arg-type]

    @property
    def numbers(self) -> Iterable[N]:
        """All numbers, from 0."""
        return self._numbers.values()

    def __contains__(self, value: object) -> bool:
        return value in self._numbers

    def __iter__(self) -> Iterator[T]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)


class Identities:
    """The reporters and peers of one snapshot in the making."""

    def __init__(self, mesh: schema.Profile) -> None:
        self._mesh = mesh
        self._reporter_labels = tuple(
            mesh.target.identity if view.reporter is None else view.reporter.label_names
            for view in mesh.views
        )
        self._peer_labels = tuple(view.peer.label_names if view.peer else () for view in mesh.views)
        self._identities: dict[tuple[int, tuple[str | None, ...]], Identity | None] = {}
        self._reporters = Numbering[Identity, number_types.ReporterNumber]()
        self._labels: dict[number_types.ReporterNumber, Labels] = {}
        self._peers = Numbering[snapshot.Peer, number_types.PeerNumber]()
        self._read: dict[tuple[int, tuple[str | None, ...], str], number_types.PeerNumber | None] = {}

    def identity(self, labels: Labels, view: int | None = None) -> Identity:
        """Return the reporter of a series of this view; without a view, that of a scrape target. All fields
        are empty if it is unknown or excluded.
        """
        return self._counting(labels, view) or Identity()

    def _counting(self, labels: Labels, view: int | None) -> Identity | None:
        endpoint = None if view is None else self._mesh.views[view].reporter
        label_names = self._mesh.target.identity if view is None else self._reporter_labels[view]
        key = (id(endpoint), tuple(map(labels.get, label_names)))
        if key not in self._identities:
            self._identities[key] = (
                self._of_target(labels) if endpoint is None else _from_labels(endpoint, labels)
            )
        return self._identities[key]

    def _of_target(self, labels: Labels) -> Identity:
        target = self._mesh.target
        for carried_pod, carried_namespace in endpoints.CARRIED_PODS:
            if labels.get(carried_pod):
                namespace = labels.get(carried_namespace) or first(labels, target.namespace)
                return Identity(namespace, labels[carried_pod])
        pod = first(labels, target.pod)
        # Request series of a pod may have a label that names a machine, so the pod takes precedence.
        machine = "" if pod else first(labels, target.machine)
        instance = "" if pod or machine else first(labels, ("exported_instance", "instance"))
        return Identity(first(labels, target.namespace), pod, machine, instance)

    def reporter(self, labels: Labels) -> number_types.ReporterNumber:
        """Return the number of the reporter that a scrape target is."""
        return self._reporter(self.identity(labels), labels)

    def _reporter(self, identity: Identity, labels: Labels) -> number_types.ReporterNumber:
        number = self._reporters.number(identity)
        self._labels.setdefault(number, labels)
        return number

    def ends(
        self, view: int, labels: Labels
    ) -> tuple[number_types.ReporterNumber, number_types.PeerNumber] | None:
        """Return the numbers of the reporter and the peer of a series of this view.

        The peer is -1 if the series names none. None if the profile excludes reporter or peer.
        """
        identity = self._counting(labels, view)
        peer = None if identity is None else self._peer(view, labels, identity.namespace)
        if identity is None or peer is None:
            return None
        is_target = self._mesh.views[view].reporter is None
        return self._reporter(identity, labels if is_target else {}), peer

    def known(self, labels: Labels, view: int) -> number_types.ReporterNumber | None:
        """Return the number of the reporter of a series of this view; None if it has no number yet."""
        identity = self.identity(labels, view)
        return self._reporters.number(identity) if identity in self._reporters else None

    def peer(self, view: int, labels: Labels) -> number_types.PeerNumber | None:
        """Return the number of the peer of a series of this view: -1 if it names none, None if the profile
        excludes it or the reporter.
        """
        identity = self._counting(labels, view)
        return None if identity is None else self._peer(view, labels, identity.namespace)

    def _peer(self, view: int, labels: Labels, namespace: str) -> number_types.PeerNumber | None:
        endpoint = self._mesh.views[view].peer
        if endpoint is None:
            return number_types.NO_PEER
        key = (view, tuple(map(labels.get, self._peer_labels[view])), namespace)
        if key not in self._read:
            self._read[key] = self._number(decode_endpoints.find(endpoint, labels, namespace=namespace))
        return self._read[key]

    def _number(self, peer: snapshot.Peer | None) -> number_types.PeerNumber | None:
        if peer is None:
            return None
        return number_types.NO_PEER if peer == _NAMELESS else self._peers.number(peer)

    @property
    def reporter_numbers(self) -> Iterable[number_types.ReporterNumber]:
        """The numbers of all reporters so far, from 0."""
        return self._reporters.numbers

    @property
    def peers(self) -> tuple[snapshot.Peer, ...]:
        """All peers so far, by number."""
        return tuple(self._peers)

    @property
    def reporters(self) -> tuple[snapshot.Reporter, ...]:
        """All reporters so far, by number."""
        target, apart = self._mesh.target, self._not_of_the_pod()
        return tuple(
            snapshot.Reporter(
                **identity._asdict(),
                node=first(labels, target.node),
                controller=(first(labels, target.controller_kind), first(labels, target.controller_name)),
                labels={label: value for label, value in labels.items() if label not in apart},
            )
            for identity, labels in zip(
                self._reporters, (self._labels[number] for number in self._reporters.numbers), strict=True
            )
        )

    def _not_of_the_pod(self) -> set[str]:
        """Return the labels that belong to the scrape, the request or the reporter's name, not to its pod."""
        target = self._mesh.target
        of_requests = (
            label
            for view in self._mesh.views
            for label in (*view.match, *view.outcome_labels, *(view.peer.label_names if view.peer else ()))
        )
        of_scrape = (*target.node, *target.other, *target.controller_kind, *target.controller_name)
        return {"__name__", *target.identity, *of_scrape, *of_requests}


_NAMELESS = snapshot.Peer()


def _from_labels(endpoint: endpoints.Endpoint, labels: Labels) -> Identity | None:
    """Return the reporter that the labels of a series name, all fields empty if they name none; None if the
    profile excludes it.
    """
    found = decode_endpoints.find(endpoint, labels, namespace="")
    if found is None:
        return None
    if found.pod:
        return Identity(found.namespace, found.pod, sanitized=found.sanitized)
    if found.kind == kinds.EXTERNAL_WORKLOAD:
        return Identity(found.namespace, machine=found.workload)
    workload = found.workload or found.service or found.name
    return Identity(
        found.namespace if workload else "",
        instance="" if workload else found.host or found.address,
        kind=found.kind if found.workload or not found.service else kinds.SERVICE.name,
        workload=workload,
        joined=found.joined,
        anywhere=found.anywhere,
        sanitized=found.sanitized,
    )
