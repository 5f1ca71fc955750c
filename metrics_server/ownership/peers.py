"""Finds the resource of a kind behind a peer, whose names are already those of Kubernetes (see `names`).

The rules are those of `graph`. Computed when first asked for. A peer in another cluster is no object of this
one, and stays what the mesh names.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence, Set

from metrics_server.inventory import objects
from metrics_server.model import kinds, snapshot
from metrics_server.ownership import chains, service_selectors


class Peers:
    """The resources behind the peers of one snapshot."""

    def __init__(
        self,
        known: Mapping[kinds.Ref, objects.Object],
        *,
        alone: Mapping[tuple[str, str], frozenset[kinds.Ref]],
        reporting: Sequence[kinds.Ref],
        selection: service_selectors.SelectorMatches,
        owners: chains.Chains,
        between: Set[kinds.Ref] = frozenset(),
    ) -> None:
        """`alone`: the objects that can be workloads, by namespace and name. `reporting`: the resource that
        each reporter is. `between`: the workloads that stand between callers and callees: a request to one
        of them is a request to the service that it is for.
        """
        self._objects = known
        self._alone = alone
        self._reporting = reporting
        self._selection = selection
        self._owners = owners
        self._between = between

    def resource(self, peer: snapshot.Peer, kind: str) -> kinds.Ref:
        """Return the resource of a kind behind a peer, else its workload, service or host; what the mesh
        names of another cluster if it is there.
        """
        if peer.cluster and not (kind == kinds.SERVICE.name and peer.mirrored):
            return _elsewhere(peer, kind)
        if kind == kinds.SERVICE.name and peer.service:
            return self.service(peer)
        if peer.pod:
            return self._pod_as(peer, kind)
        if peer.workload:
            workload = self._workload(peer)
            if not (peer.service and workload in self._between):
                return self._workload_as(workload, kind)
        return self._callee(self.service(peer), kind)

    def service(self, peer: snapshot.Peer) -> kinds.Ref:
        """Return the service that a caller called to reach a peer, or the host if it is no service;
        kinds.UNKNOWN where the mesh reports only the pod or the workload. A service of another cluster is
        that cluster's, unless a Service of this one mirrors it.
        """
        if peer.cluster and not peer.mirrored:
            return _elsewhere(peer, kinds.SERVICE.name) if peer.service or peer.name else kinds.UNKNOWN
        if peer.host:
            return kinds.Ref(kinds.HOST, "", peer.host)
        if not (peer.service or peer.name):
            return kinds.UNKNOWN
        namespace = peer.service_namespace or peer.namespace
        ref = kinds.Ref(kinds.SERVICE.name, namespace, peer.service or peer.name)
        return kinds.Ref(kinds.HOST, "", peer.name) if peer.name and ref not in self._objects else ref

    def _pod_as(self, peer: snapshot.Peer, kind: str) -> kinds.Ref:
        member = kinds.Ref(kinds.POD.name, peer.namespace, peer.pod)
        above = self._owners.of(member)
        if kind != chains.WORKLOAD and kind in above:
            return above[kind]
        return (
            self._workload(peer)
            if above[chains.WORKLOAD] == member and peer.workload
            else above[chains.WORKLOAD]
        )

    def _workload_as(self, workload: kinds.Ref, kind: str) -> kinds.Ref:
        if kind == kinds.NAMESPACE.name and workload.namespace:
            return kinds.Ref(kinds.NAMESPACE.name, "", workload.namespace)
        if only := self._owners.shared(self._reporting_of.get(workload, ()), kind):
            return only
        service = kinds.Ref(kinds.SERVICE.name, workload.namespace, workload.name)
        if workload.kind == kinds.WORKLOAD and service in self._objects:
            return self._callee(service, kind)
        return workload

    def _workload(self, peer: snapshot.Peer) -> kinds.Ref:
        """Return the workload of a peer that has one; its kind is kinds.WORKLOAD if that is not known."""
        if peer.kind:
            return kinds.Ref(peer.kind, peer.namespace, peer.workload)
        place = (peer.namespace, peer.workload)
        known = self._workloads.get(place) or self._alone.get(place, frozenset())
        return (
            next(iter(known)) if len(known) == 1 else kinds.Ref(kinds.WORKLOAD, peer.namespace, peer.workload)
        )

    @functools.cached_property
    def _workloads(self) -> dict[tuple[str, str], frozenset[kinds.Ref]]:
        """The workloads of reporters, with the objects that may be a workload of that name, by namespace and
        name.
        """
        found: dict[tuple[str, str], set[kinds.Ref]] = {}
        reporting = (self._owners.of(member)[chains.WORKLOAD] for member in self._reporting)
        for ref in (ref for ref in reporting if ref.kind != kinds.SERVICE.name):
            found.setdefault((ref.namespace, ref.name), set()).add(ref)
        return {key: frozenset(refs) | self._alone.get(key, frozenset()) for key, refs in found.items()}

    @functools.cached_property
    def _reporting_of(self) -> dict[kinds.Ref, list[kinds.Ref]]:
        """The resources that report, by their workload."""
        found: dict[kinds.Ref, list[kinds.Ref]] = {}
        for member in self._reporting:
            found.setdefault(self._owners.of(member)[chains.WORKLOAD], []).append(member)
        return found

    def _callee(self, service: kinds.Ref, kind: str) -> kinds.Ref:
        """Return the only resource of a kind behind a service, else the only workload, else the service."""
        members = self._selection.selected(service) or ()
        if kind == kinds.SERVICE.name or service.kind == kinds.HOST:
            return service
        if kind == kinds.NAMESPACE.name and service.namespace:
            return kinds.Ref(kinds.NAMESPACE.name, "", service.namespace)
        return self._owners.shared(members, kind) or self._owners.shared(members, chains.WORKLOAD) or service


def _elsewhere(peer: snapshot.Peer, kind: str) -> kinds.Ref:
    """Return a peer in another cluster as `NAME.NAMESPACE@CLUSTER`; for a Namespace `NAMESPACE@CLUSTER`."""
    named = {kinds.POD.name: peer.pod, kinds.SERVICE.name: peer.service}
    name = named.get(kind) or peer.workload or peer.service or peer.name or peer.pod
    namespace = peer.namespace
    if kind == kinds.SERVICE.name and peer.service:
        namespace = peer.service_namespace or namespace
    parts = (namespace,) if kind == kinds.NAMESPACE.name and namespace else (name, namespace)
    return kinds.Ref(kinds.REMOTE, "", f"{'.'.join(filter(None, parts))}@{peer.cluster}")
