"""The latest snapshot of each scope and window, its rows, and one fetch at a time.

However many clients ask, Prometheus is asked once per scope, window and refresh. A fetch that several wait
for goes on when one of them leaves. A namespace is answered from the whole mesh where that is fresh, and one
who does not want latencies from what has them. What is no longer fresh is dropped.

Who asks again and again, as autoscalers do, may allow a `lag`: then a moment is served so much longer while
the next one is fetched, and nobody waits. If that fails, it is served no longer. And who asks for one
namespace after the other is answered from the whole mesh, which costs Prometheus less than all its parts.

Latencies are fetched by side: buckets are most of what a mesh has to tell, and an autoscaler wants those of
one side.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import math
from collections.abc import Callable, Hashable
from concurrent import futures
from typing import Any, NamedTuple, Protocol, TypeVar

from metrics_server import grains, inventory, ownership, rollup, snapshot, words

T = TypeVar("T")
_MANY = 6
"""Namespaces beyond which the whole mesh is fetched for those who allow a lag."""
_LATELY = 60.0
"""Seconds for which it is remembered that a namespace was asked for: autoscalers ask every 15."""
_SOME_SIDES = [
    frozenset(some)
    for count in range(len(words.Side) + 1)
    for some in itertools.combinations(words.Side, count)
]
"""Few before many."""


class _Key(NamedTuple):
    namespace: str | None
    window: float
    latency: frozenset[words.Side]


class Source(Protocol):
    """Takes snapshots; `taking.Taker` is one."""

    async def take(
        self, namespace: str | None, *, window: float, latency: frozenset[words.Side]
    ) -> snapshot.Snapshot | None: ...


class Moment:
    """A snapshot with its ownership and its roll-up; what is made of it is kept with it."""

    def __init__(
        self,
        taken: snapshot.Snapshot,
        things: inventory.Inventory,
        *,
        arrived: float,
        latency: frozenset[words.Side] = words.SIDES,
    ) -> None:
        """`arrived`: when the snapshot was there to be served (Unix seconds). `latency`: the sides whose
        latencies it has.
        """
        self.latency = latency
        self.arrived = arrived
        self.owners = ownership.Ownership(taken, things)
        self.snapshot = grains.once(taken, self.owners)
        self.rollup = rollup.Rollup(self.snapshot, self.owners)
        self._made: dict[Hashable, Any] = {}
        self._again: dict[Hashable, Callable[[Moment], Any]] = {}
        """What was asked for and is made for the next moment, too."""

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what `make` returns, made once per key."""
        if key not in self._made:
            self._made[key] = make()
        made: T = self._made[key]
        return made

    def once_and_again(self, key: Hashable, make: Callable[[Moment], T]) -> T:
        """Return what `make` returns of this moment, made once per key; the next moment will come with it."""
        self._again[key] = make
        return self.once(key, lambda: make(self))

    def succeed(self, before: Moment) -> None:
        """Have what was asked of the moment before."""
        for key, make in list(before._again.items()):
            self.once(key, functools.partial(make, self))


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
        self._wanted: dict[_Key, float] = {}
        """Until when a moment is kept for those who allow a lag and have asked for it."""
        self._asking: dict[_Key, float] = {}
        """When those who allow a lag last asked for a namespace."""
        self._beside = futures.ThreadPoolExecutor(max_workers=1, thread_name_prefix="moments")
        """Where moments are made: in one thread, for each that ever made one keeps the memory for it."""
        self._fetching: dict[_Key, asyncio.Task[Moment | None]] = {}

    async def close(self) -> None:
        """End the fetches under way."""
        tasks = list(self._fetching.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._beside.shutdown(wait=False)

    @property
    def things(self) -> inventory.Inventory:
        """What is known to exist now."""
        return self._things()

    async def moment(
        self,
        namespace: str | None,
        *,
        window: float,
        latency: frozenset[words.Side] = words.SIDES,
        lag: float = 0.0,
    ) -> Moment | None:
        """Return a fresh moment of a namespace, or (None) of the whole mesh; None where no proxy is.

        `latency`: the sides whose latencies are wanted. `lag`: seconds by which it may be older than fresh.
        Raises faults.Unavailable.
        """
        key = _Key(namespace, window, latency)
        answers = _answering(key)
        for other in answers:
            if self._age(other) < self._refresh:
                return self._keep(other, self._moments[other], lag)
        if self._is_empty(key):
            return None
        if lag and self._is_one_of_many(key):
            key = key._replace(namespace=None)
        if lag:
            key = self._with_latencies(key, lag)
        self._begin(key)
        late = next((other for other in answers if self._age(other) < self._refresh + lag), None)
        if late is not None:
            return self._keep(late, self._moments[late], lag)
        found = await asyncio.shield(self._fetching[key])
        return found and self._keep(key, found, lag)

    def _keep(self, key: _Key, moment: Moment, lag: float) -> Moment:
        """Return a moment, which is not let go of while it may be served again."""
        if lag:
            self._wanted[key] = moment.arrived + self._refresh + lag
        return moment

    def _age(self, key: _Key) -> float:
        moment = self._moments.get(key)
        return self._clock() - moment.arrived if moment is not None else math.inf

    def _is_empty(self, key: _Key) -> bool:
        return self._clock() - self._empty.get(key, -math.inf) < self._refresh

    def _is_one_of_many(self, key: _Key) -> bool:
        self._asking[key] = now = self._clock()
        lately = [k for k, at in self._asking.items() if now - at < _LATELY and k[1:] == key[1:]]
        return len(lately) > _MANY

    def _with_latencies(self, key: _Key, lag: float) -> _Key:
        """Return the key with the latencies that others ask for, if they are there to be renewed: what is
        fetched for them is then fetched for all.
        """
        now = self._clock()
        lately = {k[1:] for k, at in self._asking.items() if now - at < _LATELY}
        there = (k for k in reversed(_wider(key)) if self._age(k) < self._refresh + lag and k[1:] in lately)
        return next(there, key)

    def _begin(self, key: _Key) -> None:
        """Have a fetch under way."""
        if key not in self._fetching:
            task = self._fetching[key] = asyncio.create_task(self._take(key), name=f"snapshot of {key}")
            task.add_done_callback(lambda done: self._ended(key, done))

    def _ended(self, key: _Key, task: asyncio.Task[Moment | None]) -> None:
        del self._fetching[key]
        # Seen by those who waited; if nobody did, what is late is not served on.
        if not task.cancelled() and task.exception() is not None:
            for late in _answering(key):
                if self._age(late) >= self._refresh:
                    self._moments.pop(late, None)

    async def _take(self, key: _Key) -> Moment | None:
        self._forget()
        taken = await self._source.take(key.namespace, window=key.window, latency=key.latency)
        if taken is None:
            self._empty[key] = self._clock()
            return None
        arrived = self._clock()
        loop = asyncio.get_running_loop()
        moment = await loop.run_in_executor(self._beside, self._made, key, taken, self._things(), arrived)
        self._moments[key] = moment
        return moment

    def _made(
        self, key: _Key, taken: snapshot.Snapshot, things: inventory.Inventory, arrived: float
    ) -> Moment:
        """Return a moment, with what was asked of those it follows: who reads it first had else to wait, and
        all others with him.
        """
        moment = Moment(taken, things, arrived=arrived, latency=key.latency)
        for before in [self._moments.get(other) for other in _followed(key)]:
            if before is not None:
                moment.succeed(before)
        return moment

    def _forget(self) -> None:
        """Let go of what is never served again, before the next one needs the memory."""
        now = self._clock()
        for key in [key for key in self._wanted if self._wanted[key] <= now]:
            del self._wanted[key]
        for key in [k for k in self._moments if self._age(k) >= self._refresh and k not in self._wanted]:
            del self._moments[key]
        for key in [key for key in self._empty if not self._is_empty(key)]:
            del self._empty[key]
        for key in [key for key in self._asking if now - self._asking[key] >= _LATELY]:
            del self._asking[key]


def _answering(key: _Key) -> list[_Key]:
    """Return whose moments answer a question: its own, the whole mesh's, and those with more latencies."""
    keys = (
        other._replace(namespace=namespace) for other in _wider(key) for namespace in (key.namespace, None)
    )
    return list(dict.fromkeys(keys))


def _followed(key: _Key) -> list[_Key]:
    """Return whose moments one takes the place of: its own, and those with fewer latencies."""
    return [key._replace(latency=sides) for sides in _SOME_SIDES if sides <= key.latency]


def _wider(key: _Key) -> list[_Key]:
    """Return the key itself, and then those with more latencies."""
    return [key._replace(latency=sides) for sides in _SOME_SIDES if sides >= key.latency]
