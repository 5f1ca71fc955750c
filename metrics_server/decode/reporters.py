"""Finds the reporter and the peer of each series from its labels, and numbers both.

Each combination of label values is read once and then looked up, because a mesh repeats a few hundred names
in hundreds of thousands of series.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable
from typing import NamedTuple

from metrics_server.decode import endpoints as decode_endpoints
from metrics_server.decode import numbering
from metrics_server.decode.endpoints import Labels, first
from metrics_server.model import kinds, number_types, snapshot
from metrics_server.profiles import endpoints, loading, schema


class Identity(NamedTuple):
    """The fields that identify a reporter; `instance` is set only if pod and workload are unknown, and `mesh`
    only with it.
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
    route: snapshot.RouteName | None = None
    mesh: snapshot.MeshName = snapshot.NO_MESH


class _Origin(NamedTuple):
    """The reporter of a series, and where the names that it reports are looked up."""

    identity: Identity
    scope: snapshot.NameScope
    names: int
    """The same for all reporters whose equal names are one peer: those of one namespace and scope."""


class Identities:
    """The reporters and peers of one snapshot in the making."""

    def __init__(self, mesh: schema.Profile) -> None:
        self._mesh = mesh
        self._reporter_labels = tuple(
            mesh.target.identity if view.reporter is None else view.reporter.label_names
            for view in mesh.views
        )
        self._peer_labels = tuple(view.peer.label_names if view.peer else () for view in mesh.views)
        self._naming_labels = tuple(
            view.peer.naming_labels if isinstance(view.peer, endpoints.Labelled) else ()
            for view in mesh.views
        )
        self._omitting: set[tuple[number_types.ReporterNumber, kinds.Side]] = set()
        self._settled: dict[str, _Origin | None] = {}
        """By `instance`, the origin of all series of a target that is a pod."""
        self._origins: dict[tuple[int, tuple[str | None, ...]], _Origin | None] = {}
        self._reporters = numbering.Numbering[Identity, number_types.ReporterNumber]()
        self._labels: dict[number_types.ReporterNumber, Labels] = {}
        self._targets: dict[number_types.ReporterNumber, dict[int, Labels]] = {}
        """The labels of each reporter's targets, by their `id`: they are hashed once, at the end."""
        self._peers = numbering.Numbering[snapshot.Peer, number_types.PeerNumber]()
        self._names: dict[tuple[str, snapshot.NameScope], int] = {}
        self._read: dict[tuple[int, tuple[str | None, ...], int], number_types.PeerNumber | None] = {}

    def identity(self, labels: Labels, view: int | None = None) -> Identity:
        """Return the reporter of a series of this view; without a view, that of a scrape target. All fields
        are empty if it is unknown or excluded.
        """
        origin = self._origin(labels, view)
        return Identity() if origin is None else origin.identity

    def settle(self, targets: Iterable[Labels]) -> None:
        """Note the labels of all targets, whose series need not be read one by one to find their pod. Two
        targets with one `instance` are left out.
        """
        for labels in targets:
            instance = labels.get("instance", "")
            origin = self._origin(labels, None)
            is_first = instance not in self._settled
            self._settled[instance] = origin if origin and origin.identity.pod and is_first else None

    def _origin(self, labels: Labels, view: int | None) -> _Origin | None:
        endpoint = None if view is None else self._mesh.views[view].reporter
        if endpoint is None and (settled := self._settled.get(labels.get("instance", ""))) is not None:
            return settled
        label_names = self._mesh.target.identity if view is None else self._reporter_labels[view]
        key = (id(endpoint), tuple(map(labels.get, label_names)))
        if key not in self._origins:
            found = self._of_target(labels) if endpoint is None else _from_labels(endpoint, labels)
            mesh = self._mesh_name(labels if endpoint is None else {})
            self._origins[key] = None if found is None else self._origin_of(found, mesh)
        return self._origins[key]

    def _origin_of(self, identity: Identity, mesh: snapshot.MeshName) -> _Origin:
        scope = snapshot.NameScope(mesh, bool(identity.machine))
        return _Origin(identity, scope, self._names.setdefault((identity.namespace, scope), len(self._names)))

    def _mesh_name(self, labels: Labels) -> snapshot.MeshName:
        """Return the mesh of a target. A proxy that another shipped profile recognises is one of its mesh."""
        mesh, is_known = self._mesh, not self._mesh.finds_other_meshes
        if not is_known:
            mesh = next((one for one in _recognising() if one.recognises(labels)), mesh)
            is_known = mesh is not self._mesh
        parts = tuple(labels.get(label, "") for label in mesh.target.mesh)
        return snapshot.MeshName(mesh.name if is_known else "", parts if any(parts) else ())

    def _of_target(self, labels: Labels) -> Identity:
        target = self._mesh.target
        for carried_pod, carried_namespace in endpoints.CARRIED_PODS:
            if labels.get(carried_pod):
                namespace = labels.get(carried_namespace) or first(labels, target.namespace)
                return Identity(namespace, labels[carried_pod])
        pod = first(labels, target.pod)
        # Request series of a pod may have a label that names a machine, so the pod takes precedence.
        machine = "" if pod else first(labels, target.machine)
        namespace = first(labels, target.namespace)
        if pod:
            return Identity(namespace, pod)
        return Identity(
            namespace,
            machine=machine,
            instance=first(labels, ("exported_instance", "instance")),
            mesh=self._mesh_name(labels),
        )

    def reporter(self, labels: Labels) -> number_types.ReporterNumber:
        """Return the number of the reporter that a scrape target is."""
        number = self._reporter(self.identity(labels), labels)
        self._targets.setdefault(number, {})[id(labels)] = labels
        return number

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
        origin = self._origin(labels, view)
        peer = None if origin is None else self._peer(view, labels, origin)
        if origin is None or peer is None:
            return None
        is_target = self._mesh.views[view].reporter is None
        reporter = self._reporter(origin.identity, labels if is_target else {})
        naming = self._naming_labels[view]
        if peer == number_types.NO_PEER and naming and not any(map(labels.get, naming)):
            self._omitting.add((reporter, self._mesh.views[view].side))
        return reporter, peer

    def known_ends(
        self, view: int, labels: Labels
    ) -> tuple[number_types.ReporterNumber, number_types.PeerNumber] | None:
        """Return the same as `ends`; None also if the reporter has no number yet."""
        origin = self._origin(labels, view)
        if origin is None or origin.identity not in self._reporters:
            return None
        peer = self._peer(view, labels, origin)
        return None if peer is None else (self._reporters.number(origin.identity), peer)

    def _peer(self, view: int, labels: Labels, origin: _Origin) -> number_types.PeerNumber | None:
        endpoint = self._mesh.views[view].peer
        if endpoint is None:
            return number_types.NO_PEER
        key = (view, tuple(map(labels.get, self._peer_labels[view])), origin.names)
        if key not in self._read:
            found = decode_endpoints.find(endpoint, labels, namespace=origin.identity.namespace)
            self._read[key] = self._number(found and _in_scope(found, origin.scope))
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
                **{**identity._asdict(), "mesh": self._mesh_name(labels)},
                node=first(labels, target.node),
                controller=(first(labels, target.controller_kind), first(labels, target.controller_name)),
                labels={label: value for label, value in labels.items() if label not in apart},
                omits_peers=frozenset(side for side in kinds.SIDES if (number, side) in self._omitting),
                targets=frozenset(map(self._target, self._targets.get(number, {}).values())),
            )
            for identity, number, labels in (
                (identity, number, self._labels[number])
                for identity, number in zip(self._reporters, self._reporters.numbers, strict=True)
            )
        )

    def _target(self, labels: Labels) -> snapshot.Target:
        """Return the scrape target with these labels: those of its process or, where the profile does not
        know its process, of `up` or of some requests.
        """
        job, instance, metric = (labels.get(label, "") for label in ("job", "instance", "__name__"))
        if self._mesh.process is None or metric != self._mesh.process.metric:
            return snapshot.Target(job, instance)
        return snapshot.Target(job, instance, metric, hash(frozenset(labels.items())))

    def _not_of_the_pod(self) -> set[str]:
        """Return the labels that belong to the scrape, the request or the reporter's name, not to its pod."""
        target = self._mesh.target
        of_requests = (
            label
            for view in self._mesh.views
            for label in (*view.deciding_labels, *(view.peer.label_names if view.peer else ()))
        )
        of_scrape = (*target.node, *target.other, *target.controller_kind, *target.controller_name)
        return {"__name__", *target.identity, *of_scrape, *of_requests}


@functools.cache
def _recognising() -> tuple[schema.Profile, ...]:
    """Return the shipped profiles that recognise the proxies of their mesh."""
    return tuple(one for one in loading.shipped() if one.recognises_proxies)


_NAMELESS = snapshot.Peer()
_NOT_IN_NAMES = frozenset(".:/*")
"""Characters that a host has and the name of a machine has not."""


def _in_scope(peer: snapshot.Peer, scope: snapshot.NameScope) -> snapshot.Peer:
    """Return a peer with the scope of its name, if that may be the name of a machine of its mesh."""
    if (
        peer.route
        or peer.cluster
        or peer.pod
        or peer.kind
        or peer.address
        or peer.joined
        or peer == _NAMELESS
    ):
        return peer
    if peer.host:
        may_be = not _NOT_IN_NAMES.intersection(peer.host)
    else:
        may_be = scope.is_machine or peer.anywhere or bool(peer.name) or not peer.namespace
    return dataclasses.replace(peer, scope=scope) if may_be else peer


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
        route=found.route,
    )
