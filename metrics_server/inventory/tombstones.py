"""What exists, and for a while what no longer does: kept up object by object, given out as inventories.

A deleted pod leaves counters behind that are asked about for as long as the longest window, and so do the
ReplicaSet or Job above it: they keep their last owner until then. What comes back under the same name
replaces what went. How many are kept is bounded: jobs come and go by the thousand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from metrics_server.inventory import objects
from metrics_server.model import kinds, window

KEEP = window.LONGEST + 300.0
"""Seconds: the longest window, and what a query looks back beyond it."""
MOST = 20_000
"""Things kept; some 15 MB (docs/benchmarks.md). An hour in which five and a half pods a second go."""


class Recollection:
    """The things of a cluster. The clock is in seconds that nobody sets."""

    def __init__(self, *, clock: Callable[[], float], keep: float = KEEP, most: int = MOST) -> None:
        self._clock = clock
        self._keep = keep
        self._most = most
        self._things: dict[kinds.Ref, objects.Thing] = {}
        self._gone: dict[kinds.Ref, tuple[float, objects.Thing]] = {}
        """And until when; the oldest first."""
        self._made: objects.Inventory | None = objects.Inventory()

    def current(self) -> objects.Inventory:
        """Return what is known now; the same value until something changes."""
        self._forget()
        if self._made is None:
            gone = {ref: thing for ref, (_, thing) in self._gone.items()}
            self._made = objects.Inventory(self._things.copy(), gone)
        return self._made

    def put(self, thing: objects.Thing) -> None:
        if self._things.get(thing.ref) == thing:
            # Most of what happens to a pod is nothing to us.
            return
        self._gone.pop(thing.ref, None)
        self._things[thing.ref] = thing
        self._made = None

    def drop(self, ref: kinds.Ref) -> None:
        thing = self._things.pop(ref, None)
        if thing is None:
            return
        self._gone[ref] = self._clock() + self._keep, thing
        self._made = None
        self._forget()

    def replace(self, kind: str, found: Mapping[kinds.Ref, objects.Thing]) -> None:
        """Of this kind there is what was found, and nothing else."""
        for ref in [ref for ref in self._things if ref.kind == kind and ref not in found]:
            self.drop(ref)
        for thing in found.values():
            self.put(thing)

    def _forget(self) -> None:
        now = self._clock()
        while self._gone:
            ref, (until, _) = next(iter(self._gone.items()))
            if until > now and len(self._gone) <= self._most:
                return
            del self._gone[ref]
            self._made = None
