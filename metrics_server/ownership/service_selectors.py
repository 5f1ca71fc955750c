"""Which units a service selects, and which services select a unit; worked out when it is asked.

A snapshot of one namespace asks after a few services of a cluster of thousands: nothing is prepared for those
that nobody asks after.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from metrics_server.inventory import objects
from metrics_server.model import kinds

_Label = tuple[str, str]


class Selection:
    """The services of an inventory, and the units of it and of a snapshot."""

    def __init__(
        self,
        things: objects.Inventory,
        *,
        scraped: Iterable[kinds.Ref],
        labels: Callable[[kinds.Ref], Mapping[str, str]],
    ) -> None:
        """`scraped` units may be unknown to the inventory; `labels` are those of any unit."""
        self._things = things
        self._labels = labels
        self._scraped: dict[str, list[kinds.Ref]] = {}
        for unit in scraped:
            if unit not in things.things:
                self._scraped.setdefault(unit.namespace, []).append(unit)
        self._units: dict[kinds.Ref, Sequence[kinds.Ref] | None] = {}
        self._carrying: dict[str, dict[_Label, list[kinds.Ref]]] = {}
        self._services: dict[str, dict[kinds.Ref, list[kinds.Ref]]] = {}

    def units(self, service: kinds.Ref) -> Sequence[kinds.Ref] | None:
        """Return the units behind a service; None where nobody knows what it selects."""
        if service not in self._units:
            thing = self._things.things.get(service)
            self._units[service] = self._select(thing) if thing and thing.selector else None
        return self._units[service]

    def services(self, unit: kinds.Ref) -> Sequence[kinds.Ref]:
        """Return the services that select a unit."""
        namespace = unit.namespace
        if namespace not in self._services:
            found = self._services[namespace] = {}
            for service in self._things.services.get(namespace, ()):
                for selected in self.units(service.ref) or ():
                    found.setdefault(selected, []).append(service.ref)
        return self._services[namespace].get(unit, ())

    def _select(self, service: objects.Thing) -> Sequence[kinds.Ref]:
        wanted = service.selector.items()
        candidates = self._index(service.ref.namespace).get(next(iter(wanted)), ())
        return tuple(unit for unit in candidates if wanted <= self._labels(unit).items())

    def _index(self, namespace: str) -> dict[_Label, list[kinds.Ref]]:
        """Return the units of a namespace by each label they carry."""
        if namespace not in self._carrying:
            carrying = self._carrying[namespace] = {}
            known = (thing.ref for thing in self._things.units.get(namespace, ()))
            for unit in (*known, *self._scraped.get(namespace, ())):
                for label in self._labels(unit).items():
                    carrying.setdefault(label, []).append(unit)
        return self._carrying[namespace]
