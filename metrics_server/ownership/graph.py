"""Finds the resources of any kind to which the reporters and peers of a snapshot belong. Immutable once made.

A reporter is one resource: a pod, a machine outside Kubernetes, or a host where only its address is known; or
a workload or a service, where a mesh reports for it without naming its pods. The owners of a resource are its
controllers by owner references, its node, its namespace, and the services that select it.

A mesh reports a peer as a pod, a workload or a service. For another kind, a service is replaced by the
resource of that kind behind it if there is exactly one, else by the workload behind it if there is exactly
one; else it stays the service. A workload of unknown kind is the only one of that name in the inventory or
among the reporters; else its kind stays unknown. Nothing is guessed from names.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

from metrics_server.inventory import objects
from metrics_server.model import kinds, snapshot
from metrics_server.ownership import (
    chains,
    machines,
    mirrors,
    names,
    peers,
    placed_reporters,
    pod_labels,
    reporter_resource,
    service_selectors,
)

WORKLOAD = chains.WORKLOAD
"""As a kind: the top controller of a resource, or the resource itself if it has none."""
_SELECTED = frozenset({kinds.POD.name, kinds.EXTERNAL_WORKLOAD})
"""What a service can select."""


class Ownership:
    """The owners of the reporters of one snapshot, and the resources behind its peers.

    `kind` is the name of a kind, such as "Pod" or "Service", or `WORKLOAD`. Lists have one entry per reporter
    or per peer, in the snapshot's order.
    """

    def __init__(self, moment: snapshot.Snapshot, inventory: objects.Inventory) -> None:
        self._inventory = inventory
        self._objects = inventory.known
        self._snapshot = moment
        resolver = names.NameResolver(inventory)
        alone = reporter_resource.alone(self._objects)
        reporters = [resolver.reporter(one) for one in moment.reporters]
        known = machines.Machines(reporters, inventory)
        placed = placed_reporters.place(reporters, machines=known, known=self._objects, alone=alone)
        self.reporters: tuple[kinds.Ref, ...] = placed.resources
        """One per reporter: what it is; kinds.UNKNOWN for one without a name."""
        self._reporter = placed.by_resource
        mirrored = mirrors.of(moment.peers)
        self._peers = {peer: mirrored.get(peer) or resolver.peer(peer, known) for peer in moment.peers}
        # A bound method of this object would be a reference cycle: its memory would be freed only by the
        # garbage collector, which runs seldom.
        self._member_labels = functools.partial(reporter_resource.labels, self._objects, self._reporter)
        self._selection = service_selectors.SelectorMatches(
            inventory, scraped=self.reporters, labels=self._member_labels
        )
        self._chains = chains.Chains(self._objects, self._reporter, self._selection)
        self._behind = peers.Peers(
            self._objects,
            alone=alone,
            reporting=self.reporters,
            selection=self._selection,
            owners=self._chains,
            between=frozenset(
                self._chains.of(member)[WORKLOAD]
                for member, reporter in zip(self.reporters, moment.reporters, strict=True)
                if reporter.is_between
            ),
        )

    # Owners of reporters

    def groups(self, kind: str) -> list[tuple[kinds.Ref, ...]]:
        """Return the owners of a kind for each reporter: none, one, or several services."""
        if kind == kinds.SERVICE.name:
            return [tuple(self._services(member)) for member in self.reporters]
        owners = (self._chains.of(member) if member != kinds.UNKNOWN else {} for member in self.reporters)
        return [(above[kind],) if kind in above else () for above in owners]

    def _services(self, member: kinds.Ref) -> Sequence[kinds.Ref]:
        """Return the services that select a pod or machine or, for a workload, one of its pods."""
        if member.kind in _SELECTED:
            return self._selection.services(member)
        if member.kind == kinds.SERVICE.name:
            return (member,)
        pods = self._pods_of.get(member, ())
        return tuple(dict.fromkeys(ref for pod in pods for ref in self._selection.services(pod)))

    @functools.cached_property
    def _pods_of(self) -> dict[kinds.Ref, list[kinds.Ref]]:
        """The pods of the inventory by their workload."""
        found: dict[kinds.Ref, list[kinds.Ref]] = {}
        for ref in self._inventory.objects:
            if ref.kind == kinds.POD.name:
                found.setdefault(self._chains.of(ref)[WORKLOAD], []).append(ref)
        return found

    def callers(self, kind: str) -> list[kinds.Ref]:
        """Return the resource that stands for each reporter in an edge: its only owner of a kind, else its
        workload.
        """
        groups = self.groups(kind)
        return [
            group[0] if len(group) == 1 else self._chains.of(member)[WORKLOAD]
            for member, group in zip(self.reporters, groups, strict=True)
        ]

    # Resources behind peers

    def peers(self, kind: str) -> list[kinds.Ref]:
        """Return the resource of a kind for each peer, else its workload, service or host."""
        return [self._behind.resource(self.spelled(peer), kind) for peer in self._snapshot.peers]

    def spelled(self, peer: snapshot.Peer) -> snapshot.Peer:
        """Return a peer with the names of Kubernetes, as far as they can be resolved (see `names`)."""
        return self._peers.get(peer, peer)

    def service(self, reported: snapshot.Peer) -> kinds.Ref:
        """Return the service that a caller called to reach a peer, or the host if it is no service;
        kinds.UNKNOWN where the mesh reports only the pod or the workload.
        """
        return self._behind.service(self.spelled(reported))

    def maybe_behind(self, service: kinds.Ref) -> Sequence[kinds.Ref]:
        """Return what may be behind a service: the pods and machines that it selects; where its selector is
        not known, all reporters of its namespace.
        """
        members = self._selection.selected(service)
        if members is not None or service.kind in (kinds.HOST, kinds.REMOTE):
            return members or ()
        return [member for member in self.reporters if member.namespace == service.namespace]

    # Single objects

    def above(self, member: kinds.Ref, kind: str) -> kinds.Ref | None:
        """Return the owner of a kind of a resource, the resource itself for its own kind; None if none."""
        return self._chains.of(member).get(kind)

    def is_gone(self, ref: kinds.Ref) -> bool:
        """Return whether the inventory has a resource among those that were deleted lately."""
        return ref in self._inventory.gone

    def selected(self, service: kinds.Ref) -> Sequence[kinds.Ref] | None:
        """Return the pods and machines that a service selects; None where its selector is not known."""
        return self._selection.selected(service)

    def selects(self, service: kinds.Ref, member: kinds.Ref) -> bool | None:
        """Return whether a service selects a pod or machine, also a deleted one, or all known pods of a
        workload; None where that is not known.
        """
        if member.kind not in _SELECTED:
            found = {self.selects(service, pod) for pod in self._pods_of.get(member, ())}
            return found.pop() if len(found) == 1 else None
        known = self._inventory.objects.get(service)
        if not known or not known.selector or not (member in self._objects or member in self._reporter):
            return None
        return (
            member.namespace == service.namespace
            and known.selector.items() <= self._member_labels(member).items()
        )

    @functools.cached_property
    def namespaces(self) -> frozenset[str]:
        """The namespaces of the inventory and of the reporters."""
        return self._inventory.namespaces | {
            member.namespace for member in self.reporters if member.namespace
        }

    def labels(self, ref: kinds.Ref) -> Mapping[str, str]:
        """Return the labels of a resource; those that its pods share where only its pods are known."""
        if ref in self._objects or ref in self._reporter:
            return self._member_labels(ref)
        return self._shared_labels.get(ref, {})

    @functools.cached_property
    def _shared_labels(self) -> dict[kinds.Ref, dict[str, str]]:
        """The labels that all reporting pods and machines of a resource have, by the resource."""
        shared: dict[kinds.Ref, dict[str, str]] = {}
        for member in self.reporters:
            own = {k: v for k, v in self.labels(member).items() if k not in pod_labels.OF_THE_MACHINERY}
            for ref in set(self._chains.of(member).values()) - {member}:
                before = shared.get(ref)
                shared[ref] = own if before is None else dict(before.items() & own.items())
        return shared
