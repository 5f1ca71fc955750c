"""The Kubernetes objects that are known: owners, labels, nodes, and what a service selects. Pure."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from metrics_server.model import kinds
from metrics_server.splits import model

_UNITS = frozenset({kinds.POD.name, kinds.EXTERNAL_WORKLOAD})


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """One object of the cluster."""

    ref: kinds.Ref
    labels: Mapping[str, str] = field(default_factory=dict)
    owner: kinds.Ref | None = None
    """Its controller."""
    node: str = ""
    selector: Mapping[str, str] = field(default_factory=dict)
    """What a service selects; empty for everything else."""
    addresses: tuple[str, ...] = ()
    """Of a pod, or of a machine outside Kubernetes."""


@dataclass(frozen=True)
class Inventory:
    """All that is known to exist, and what existed lately."""

    things: Mapping[kinds.Ref, Thing] = field(default_factory=dict)
    gone: Mapping[kinds.Ref, Thing] = field(default_factory=dict)
    """What was deleted so lately that traffic of it may still be counted; nothing selects it any more."""
    splits: tuple[model.Split, ...] = ()
    """Of a file; a cluster's are followed apart (`declarations`)."""

    @functools.cached_property
    def known(self) -> Mapping[kinds.Ref, Thing]:
        """Both: where to look up what has traffic."""
        return {**self.gone, **self.things} if self.gone else self.things

    @functools.cached_property
    def services(self) -> Mapping[str, Sequence[Thing]]:
        """The services of each namespace."""
        return self._by_namespace(frozenset({kinds.SERVICE.name}))

    @functools.cached_property
    def units(self) -> Mapping[str, Sequence[Thing]]:
        """What a service can select, by namespace: pods, and machines outside Kubernetes."""
        return self._by_namespace(_UNITS)

    @functools.cached_property
    def namespaces(self) -> frozenset[str]:
        """All namespaces of which anything is known."""
        named = {ref.name for ref in self.things if ref.kind == kinds.NAMESPACE.name}
        return frozenset(named | {ref.namespace for ref in self.things if ref.namespace})

    def _by_namespace(self, kinds: frozenset[str]) -> Mapping[str, Sequence[Thing]]:
        found: dict[str, list[Thing]] = {}
        for ref, thing in self.things.items():
            if ref.kind in kinds:
                found.setdefault(ref.namespace, []).append(thing)
        return found


def owner_of(namespace: str, *, kind: str, name: str) -> kinds.Ref | None:
    """Return the controller that an object of this namespace names."""
    # A static pod is owned by its node: that is where it runs, and not what it is a part of.
    return None if kind == kinds.NODE.name else kinds.Ref(kind, namespace, name)
