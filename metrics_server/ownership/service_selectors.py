"""Finds the pods and machines that a service selects, and the services that select a pod or machine.

Everything is computed when it is first asked for: a snapshot of one namespace needs a few services of a
cluster that may have thousands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from metrics_server.inventory import objects
from metrics_server.model import kinds

_Label = tuple[str, str]


class SelectorMatches:
    """Matches the services of an inventory with the pods and machines of the inventory and of a snapshot."""

    def __init__(
        self,
        inventory: objects.Inventory,
        *,
        scraped: Iterable[kinds.Ref],
        labels: Callable[[kinds.Ref], Mapping[str, str]],
    ) -> None:
        """`scraped`: the reporters of a snapshot, which the inventory may not have. `labels`: returns the
        labels of a pod or machine.
        """
        self._inventory = inventory
        self._labels = labels
        self._scraped: dict[str, list[kinds.Ref]] = {}
        for member in scraped:
            if member not in inventory.objects:
                self._scraped.setdefault(member.namespace, []).append(member)
        self._selected: dict[kinds.Ref, Sequence[kinds.Ref] | None] = {}
        """By service."""
        self._by_label: dict[str, dict[_Label, list[kinds.Ref]]] = {}
        """Pods and machines by namespace and label."""
        self._services: dict[str, dict[kinds.Ref, list[kinds.Ref]]] = {}
        """Services by namespace and the pod or machine that they select."""

    def selected(self, service: kinds.Ref) -> Sequence[kinds.Ref] | None:
        """Return the pods and machines that a service selects; None where its selector is not known."""
        if service not in self._selected:
            found = self._inventory.objects.get(service)
            self._selected[service] = self._select(found) if found and found.selector else None
        return self._selected[service]

    def services(self, member: kinds.Ref) -> Sequence[kinds.Ref]:
        """Return the services that select a pod or machine."""
        namespace = member.namespace
        if namespace not in self._services:
            found = self._services[namespace] = {}
            for service in self._inventory.services.get(namespace, ()):
                for selected in self.selected(service.ref) or ():
                    found.setdefault(selected, []).append(service.ref)
        return self._services[namespace].get(member, ())

    def _select(self, service: objects.Object) -> Sequence[kinds.Ref]:
        wanted = service.selector.items()
        candidates = self._index(service.ref.namespace).get(next(iter(wanted)), ())
        return tuple(member for member in candidates if wanted <= self._labels(member).items())

    def _index(self, namespace: str) -> dict[_Label, list[kinds.Ref]]:
        """Return the pods and machines of a namespace by each of their labels."""
        if namespace not in self._by_label:
            found = self._by_label[namespace] = {}
            known = (found.ref for found in self._inventory.selectable.get(namespace, ()))
            for ref in (*known, *self._scraped.get(namespace, ())):
                for label in self._labels(ref).items():
                    found.setdefault(label, []).append(ref)
        return self._by_label[namespace]
