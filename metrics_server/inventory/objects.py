"""The types of the inventory: an object with its owner, labels, node and addresses, and all objects. Pure."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from metrics_server.model import kinds
from metrics_server.splits import model

_SELECTABLE = frozenset({kinds.POD.name, kinds.EXTERNAL_WORKLOAD})


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    """One Kubernetes object, as far as ownership needs it."""

    ref: kinds.Ref
    labels: Mapping[str, str] = field(default_factory=dict)
    owner: kinds.Ref | None = None
    """Its controller, by the owner reference with `controller: true`."""
    node: str = ""
    """The node that a pod runs on."""
    selector: Mapping[str, str] = field(default_factory=dict)
    """The labels that a service selects; empty for every other kind."""
    addresses: tuple[str, ...] = ()
    """The IP addresses of a pod, or of a machine outside Kubernetes."""


@dataclass(frozen=True)
class Inventory:
    """The objects that exist, and those that were deleted lately."""

    objects: Mapping[kinds.Ref, Object] = field(default_factory=dict)
    gone: Mapping[kinds.Ref, Object] = field(default_factory=dict)
    """The objects that were deleted so lately that a window may still have requests of theirs. No service
    selects them.
    """
    splits: tuple[model.Split, ...] = ()
    """The splits of an inventory file. Those of a cluster are watched by `cluster.splits`."""
    routes: model.Routes = field(default_factory=dict)
    """The rules of routes, by which the proxies of gateways name services."""

    @functools.cached_property
    def known(self) -> Mapping[kinds.Ref, Object]:
        """The objects that exist and those that were deleted lately: for looking up what has traffic."""
        return {**self.gone, **self.objects} if self.gone else self.objects

    @functools.cached_property
    def services(self) -> Mapping[str, Sequence[Object]]:
        """The services by namespace."""
        return self._by_namespace(frozenset({kinds.SERVICE.name}))

    @functools.cached_property
    def selectable(self) -> Mapping[str, Sequence[Object]]:
        """The pods and machines by namespace: what a service can select."""
        return self._by_namespace(_SELECTABLE)

    @functools.cached_property
    def namespaces(self) -> frozenset[str]:
        """The namespaces that exist: by their own object, or by an object in them."""
        named = {ref.name for ref in self.objects if ref.kind == kinds.NAMESPACE.name}
        return frozenset(named | {ref.namespace for ref in self.objects if ref.namespace})

    def _by_namespace(self, kinds: frozenset[str]) -> Mapping[str, Sequence[Object]]:
        found: dict[str, list[Object]] = {}
        for ref, known in self.objects.items():
            if ref.kind in kinds:
                found.setdefault(ref.namespace, []).append(known)
        return found


def owner_of(namespace: str, *, kind: str, name: str) -> kinds.Ref | None:
    """Return the controller that an object in this namespace names; None if it is a node."""
    # The owner reference of a static pod names its node, which is no workload.
    return None if kind == kinds.NODE.name else kinds.Ref(kind, namespace, name)
