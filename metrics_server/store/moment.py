"""A snapshot with its ownership, its rollup, and a cache of what was computed from it.

Clients choose some of the cache's keys, so the number of entries is bounded.
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
class CachePart:
    """A part of the cache with its own bound, so that keys of one sort cannot displace those of another."""

    name: str
    most: int
    """Entries kept."""


VIEWS = CachePart("views", 256)
"""Keys: a kind, a metric and a namespace."""
PERCENTILES = CachePart("percentiles", 8)
"""Keys: a kind and a percentile. There are 9,999 percentiles; most clients ask for the same few."""
PAIRS = CachePart("pairs", 1024)
"""Keys: a caller and a callee."""
RENDERED = CachePart("spellings", 32)
"""Keys: an autoscaler's query as it was written; labels may have any order and value."""
_MOST_AGAIN = 64
"""Entries that are computed for the next snapshot before a client asks."""
_EMPTY, _EACH = 20_000, 2_000
"""Bytes, roughly: without reporters and peers, and for each reporter or peer."""


class Moment:
    """A snapshot with its ownership, its rollup, and a cache of what was computed from it."""

    def __init__(
        self,
        taken: snapshot.Snapshot,
        inventory: objects.Inventory,
        *,
        arrived: float,
        latency: frozenset[kinds.Side] = kinds.SIDES,
    ) -> None:
        """`arrived`: when the snapshot was fetched, by the store's clock. `latency`: the sides for which it
        has histograms.
        """
        self.latency = latency
        self.arrived = arrived
        self.owners = graph.Ownership(taken, inventory)
        self.snapshot = dedup.once(taken, self.owners)
        self.rollup = rollup.Rollup(self.snapshot, self.owners)
        self._made: dict[CachePart, bounded_cache.BoundedCache[Hashable, Any]] = {}
        self._again: bounded_cache.BoundedCache[tuple[CachePart, Hashable], Callable[[Moment], Any]] = (
            bounded_cache.BoundedCache(most=_MOST_AGAIN)
        )
        """Entries that are also computed for the next snapshot, and the functions that compute them."""

    def once(self, key: Hashable, make: Callable[[], T], *, sort: CachePart = VIEWS) -> T:
        """Return the cached value of a key; `make` computes it if there is none."""
        kept = self._made.get(sort)
        if kept is None:
            kept = self._made.setdefault(sort, bounded_cache.BoundedCache(most=sort.most))
        if key not in kept:
            kept.put(key, make())
        value: T = kept.use(key)  # type: ignore[assignment]
        return value

    def once_and_again(self, key: Hashable, make: Callable[[Moment], T], *, sort: CachePart = VIEWS) -> T:
        """Return the cached value of a key, as `once`, and compute it also for the next snapshot."""
        if self._again.use((sort, key)) is None:
            self._again.put((sort, key), make)
        return self.once(key, lambda: make(self), sort=sort)

    def succeed(self, before: Moment) -> None:
        """Compute the values that clients asked of the previous snapshot, so that they need not wait."""
        for (sort, key), make in before._again.items():
            self.once(key, functools.partial(make, self), sort=sort)

    @property
    def weight(self) -> int:
        """Its size in bytes, roughly: its arrays, and a fixed amount for each reporter and peer."""
        arrays = (
            array.nbytes
            for calls in self.snapshot.calls.values()
            for array in (
                calls.reporter,
                calls.peer,
                calls.success,
                calls.failure,
                calls.buckets,
                calls.quantile_values,
            )
        )
        return _EMPTY + sum(arrays) + _EACH * (len(self.snapshot.reporters) + len(self.snapshot.peers))
