"""A snapshot with its ownership, its roll-up and what is made of it for those who read.

What is made of a moment is kept with it under a key. Clients choose some of these keys, so they are bounded.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar

from metrics_server.aggregate import dedup, rollup
from metrics_server.inventory import objects
from metrics_server.model import kinds, snapshot
from metrics_server.ownership import graph
from metrics_server.store import bounded_cache

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sort:
    """What is made of a moment, by who chooses the keys."""

    name: str
    most: int
    """How many are kept."""


VIEWS = Sort("views", 256)
"""Of each kind, measure and namespace."""
PERCENTILES = Sort("percentiles", 8)
"""Of all resources of a kind; any of 9,999 percentiles may be asked for, most ask for the same few."""
PAIRS = Sort("pairs", 1024)
"""Of one caller and one who is called."""
SPELLINGS = Sort("spellings", 32)
"""As an autoscaler's question spells it, which is free in the order and the values of its labels."""
_MOST_AGAIN = 64
"""What is made of the next moment before anybody asks."""
_EMPTY, _EACH = 20_000, 2_000
"""Bytes of a moment of nobody, and for each reporter and peer, roughly."""


class Moment:
    """A snapshot with its ownership and its roll-up; what is made of it is kept with it."""

    def __init__(
        self,
        taken: snapshot.Snapshot,
        things: objects.Inventory,
        *,
        arrived: float,
        latency: frozenset[kinds.Side] = kinds.SIDES,
    ) -> None:
        """`arrived`: when the snapshot was there to be served, by the store's clock. `latency`: the sides
        whose latencies it has.
        """
        self.latency = latency
        self.arrived = arrived
        self.owners = graph.Ownership(taken, things)
        self.snapshot = dedup.once(taken, self.owners)
        self.rollup = rollup.Rollup(self.snapshot, self.owners)
        self._made: dict[Sort, bounded_cache.Kept[Hashable, Any]] = {}
        self._again: bounded_cache.Kept[tuple[Sort, Hashable], Callable[[Moment], Any]] = bounded_cache.Kept(
            most=_MOST_AGAIN
        )
        """What was asked for and is made for the next moment, too."""

    def once(self, key: Hashable, make: Callable[[], T], *, sort: Sort = VIEWS) -> T:
        """Return what `make` returns, made once per key while it is kept among others of its sort."""
        kept = self._made.get(sort)
        if kept is None:
            kept = self._made.setdefault(sort, bounded_cache.Kept(most=sort.most))
        if key not in kept:
            kept.put(key, make())
        made: T = kept.use(key)  # type: ignore[assignment]
        return made

    def once_and_again(self, key: Hashable, make: Callable[[Moment], T], *, sort: Sort = VIEWS) -> T:
        """Return what `make` returns of this moment, made once per key; the next moment will come with it."""
        if self._again.use((sort, key)) is None:
            self._again.put((sort, key), make)
        return self.once(key, lambda: make(self), sort=sort)

    def succeed(self, before: Moment) -> None:
        """Have what was asked of the moment before."""
        for (sort, key), make in before._again.items():
            self.once(key, functools.partial(make, self), sort=sort)

    @property
    def weight(self) -> int:
        """About how many bytes it holds: its columns, and what is made of a reporter or a peer."""
        arrays = (
            array.nbytes
            for calls in self.snapshot.calls.values()
            for array in (calls.reporter, calls.peer, calls.success, calls.failure, calls.buckets, calls.told)
        )
        return _EMPTY + sum(arrays) + _EACH * (len(self.snapshot.reporters) + len(self.snapshot.peers))
