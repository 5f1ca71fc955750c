"""The latest snapshot of each scope and window, its rows, and one fetch at a time.

However many clients ask, Prometheus is asked once per scope, window and refresh. A fetch that several wait
for goes on when one of them leaves. A namespace is answered from the whole mesh where that is fresh. What
is no longer fresh is dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import Any, Protocol, TypeVar

from metrics_server import inventory, ownership, rollup, snapshot

T = TypeVar("T")
_Key = tuple[str | None, float]


class Source(Protocol):
    """Takes snapshots; `taking.Taker` is one."""

    async def take(self, namespace: str | None, *, window: float) -> snapshot.Snapshot | None: ...


class Moment:
    """A snapshot with its ownership and its roll-up; what is made of it is kept with it."""

    def __init__(self, taken: snapshot.Snapshot, things: inventory.Inventory, *, arrived: float) -> None:
        """`arrived`: when the snapshot was there to be served (Unix seconds)."""
        self.snapshot = taken
        self.arrived = arrived
        self.owners = ownership.Ownership(taken, things)
        self.rollup = rollup.Rollup(taken, self.owners)
        self._made: dict[Hashable, Any] = {}

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what `make` returns, made once per key."""
        if key not in self._made:
            self._made[key] = make()
        made: T = self._made[key]
        return made


class Store:
    """Fresh moments on demand. Close it when done."""

    def __init__(
        self,
        source: Source,
        *,
        things: Callable[[], inventory.Inventory],
        clock: Callable[[], float],
        refresh: float,
    ) -> None:
        """`refresh`: seconds a snapshot is served for."""
        self._source = source
        self._things = things
        self._clock = clock
        self._refresh = refresh
        self._moments: dict[_Key, Moment] = {}
        self._empty: dict[_Key, float] = {}
        """When a namespace was found to have no proxies."""
        self._fetching: dict[_Key, asyncio.Task[Moment | None]] = {}

    async def close(self) -> None:
        """End the fetches under way."""
        tasks = list(self._fetching.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def things(self) -> inventory.Inventory:
        """What is known to exist now."""
        return self._things()

    async def moment(self, namespace: str | None, *, window: float) -> Moment | None:
        """Return a fresh moment of a namespace, or (None) of the whole mesh; None where no proxy is.

        Raises faults.Unavailable.
        """
        for key in ((namespace, window), (None, window)):
            if self._is_fresh(key):
                return self._moments[key]
        key = (namespace, window)
        if self._is_empty(key):
            return None
        task = self._fetching.get(key)
        if task is None:
            task = self._fetching[key] = asyncio.create_task(self._fetch(key), name=f"snapshot of {key}")
            task.add_done_callback(lambda done: self._ended(key, done))
        return await asyncio.shield(task)

    def _ended(self, key: _Key, task: asyncio.Task[Moment | None]) -> None:
        del self._fetching[key]
        if not task.cancelled():
            task.exception()  # seen by those who waited; if they all left, nobody else needs it

    def _is_fresh(self, key: _Key) -> bool:
        moment = self._moments.get(key)
        return moment is not None and self._clock() - moment.arrived < self._refresh

    def _is_empty(self, key: _Key) -> bool:
        return self._clock() - self._empty.get(key, float("-inf")) < self._refresh

    async def _fetch(self, key: _Key) -> Moment | None:
        # What is not fresh is never served again: let it go before the next one needs the memory.
        for old in [other for other in self._moments if not self._is_fresh(other)]:
            del self._moments[old]
        for old in [other for other in self._empty if not self._is_empty(other)]:
            del self._empty[old]
        taken = await self._source.take(key[0], window=key[1])
        if taken is None:
            self._empty[key] = self._clock()
            return None
        arrived = self._clock()
        moment = self._moments[key] = await asyncio.to_thread(Moment, taken, self._things(), arrived=arrived)
        return moment
