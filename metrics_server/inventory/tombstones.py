"""Keeps the objects of a cluster, and deleted ones for a while, and returns them as inventories. Pure.

The counters of a deleted pod stay in Prometheus, and queries of the longest window still read them. So a
deleted pod, ReplicaSet or Job keeps its last owner for that time. An object that is created again under the
same name replaces the deleted one. The number of deleted objects is bounded, as a cluster may run thousands
of jobs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from metrics_server.inventory import objects
from metrics_server.model import kinds, window

KEEP = window.LONGEST + 300.0
"""Seconds: the longest window, and what a query looks back beyond it."""
MOST = 20_000
"""Deleted objects kept at most: some 15 MB (docs/benchmarks.md), enough for 5 deletions a second."""


class Tombstones:
    """The objects of a cluster, also those deleted lately."""

    def __init__(self, *, clock: Callable[[], float], keep: float = KEEP, most: int = MOST) -> None:
        """`clock`: monotonic seconds. `keep`: seconds that a deleted object is kept. `most`: how many of
        them.
        """
        self._clock = clock
        self._keep = keep
        self._most = most
        self._present: dict[kinds.Ref, objects.Object] = {}
        self._gone: dict[kinds.Ref, tuple[float, objects.Object]] = {}
        """The deleted objects, the oldest first, with the time until which each is kept."""
        self._made: objects.Inventory | None = objects.Inventory()
        """The present inventory; None after a change."""

    def current(self) -> objects.Inventory:
        """Return the present inventory; the same object until something changes."""
        self._forget()
        if self._made is None:
            gone = {ref: one for ref, (_, one) in self._gone.items()}
            self._made = objects.Inventory(self._present.copy(), gone)
        return self._made

    def put(self, one: objects.Object) -> None:
        """Add an object, or replace the one with its name."""
        if self._present.get(one.ref) == one:
            # Most changes of a pod, such as those of its status, change nothing that is kept.
            return
        self._gone.pop(one.ref, None)
        self._present[one.ref] = one
        self._made = None

    def drop(self, ref: kinds.Ref) -> None:
        """Move an object to the deleted ones, if it is there."""
        one = self._present.pop(ref, None)
        if one is None:
            return
        self._gone[ref] = self._clock() + self._keep, one
        self._made = None
        self._forget()

    def replace(self, kind: str, found: Mapping[kinds.Ref, objects.Object]) -> None:
        """Make `found` the objects of a kind; its other objects are deleted."""
        for ref in [ref for ref in self._present if ref.kind == kind and ref not in found]:
            self.drop(ref)
        for one in found.values():
            self.put(one)

    def _forget(self) -> None:
        now = self._clock()
        while self._gone:
            ref, (until, _) = next(iter(self._gone.items()))
            if until > now and len(self._gone) <= self._most:
                return
            del self._gone[ref]
            self._made = None
