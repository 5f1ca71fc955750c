"""Finds the machines of each mesh by their names, and gives those of different meshes different names. Pure.

A machine belongs to its mesh: a name that a proxy of the mesh reports is that of a machine of the same mesh
before it is that of any Kubernetes object. Where machines of several meshes have one name, each is named
`NAME.MESH`, so that none is taken for another.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping, Sequence, Set

from metrics_server.inventory import objects
from metrics_server.model import kinds, snapshot

_ANY_MESH = "envoy"
"""What stands for the mesh of proxies that only profiles for the proxies of any mesh report."""


class Machines:
    """The machines among the reporters of one snapshot."""

    def __init__(self, reporters: Sequence[snapshot.Reporter], inventory: objects.Inventory) -> None:
        """`reporters`: those of the snapshot, with the names of Kubernetes as far as they can be resolved."""
        self._inventory = inventory
        self._machines = [one for one in reporters if one.machine]
        self._with_pods = {one.mesh for one in reporters if one.pod} if self._machines else frozenset()
        self._meshes: dict[tuple[str, str], list[snapshot.MeshName]] = {}
        """The meshes that have a machine of a name, by its namespace and name."""
        self._named: dict[tuple[snapshot.MeshName, str], dict[str, snapshot.Reporter]] = {}
        """By mesh and name, and by namespace."""
        for one in self._machines:
            meshes = self._meshes.setdefault((one.namespace, one.machine), [])
            if one.mesh not in meshes:
                meshes.append(one.mesh)
            self._named.setdefault((one.mesh, one.machine), {})[one.namespace] = one

    def ref(self, machine: snapshot.Reporter) -> kinds.Ref:
        """Return the resource that a machine among the reporters is."""
        meshes = self._meshes[machine.namespace, machine.machine]
        qualified = (machine.machine, *_qualifiers(machine.mesh, meshes))
        return kinds.Ref(kinds.EXTERNAL_WORKLOAD, machine.namespace, ".".join(qualified))

    def called(self, name: str, peer: snapshot.Peer) -> kinds.Ref | None:
        """Return the machine of the peer's mesh that has this name; None if there is none, or several.

        A name that was reported with a namespace is that of a machine there. Any other may be in any
        namespace, first in that of its caller.
        """
        found = self._named.get((peer.scope.mesh, name), {}) if peer.scope else {}
        if peer.namespace in found:
            return self.ref(found[peer.namespace])
        if len(found) != 1 or (peer.namespace and not peer.anywhere and not peer.name):
            return None
        (only,) = found.values()
        return self.ref(only)

    def is_apart(self, scope: snapshot.NameScope) -> bool:
        """Return whether names of this scope are no names of Kubernetes: a machine reports them, and its mesh
        has no pods.
        """
        return scope.is_machine and scope.mesh not in self._with_pods

    @functools.cached_property
    def homes(self) -> Mapping[str, Set[str]]:
        """The namespaces whose objects describe machines, by the name of the object: a machine, or a service
        that selects one.
        """
        homes: dict[str, set[str]] = {}
        for ref, one in self._inventory.objects.items():
            if ref.kind == kinds.EXTERNAL_WORKLOAD or (one.selector and self._selects(one)):
                homes.setdefault(ref.name, set()).add(ref.namespace)
        return homes

    def _selects(self, service: objects.Object) -> bool:
        namespace = service.ref.namespace
        known = self._inventory.selectable.get(namespace, ())
        labels = itertools.chain(
            (one.labels for one in known if one.ref.kind == kinds.EXTERNAL_WORKLOAD),
            (one.labels for one in self._machines if one.namespace == namespace),
        )
        return any(service.selector.items() <= each.items() for each in labels)


def _qualifiers(mesh: snapshot.MeshName, meshes: Sequence[snapshot.MeshName]) -> list[str]:
    """Return what distinguishes a mesh from others: its profile, and the parts of its name that differ."""
    if len(meshes) == 1:
        return []
    found = [mesh.profile or _ANY_MESH] if len({other.profile for other in meshes}) > 1 else []
    alike = [other.parts for other in meshes if other.profile == mesh.profile]
    columns = itertools.zip_longest(*alike, fillvalue="")
    differ = [len(set(column)) > 1 for column in columns]
    parts = [part for part, differs in zip(mesh.parts, differ, strict=False) if part and differs]
    return [*found, "-".join(parts)] if parts else found
