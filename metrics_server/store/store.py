"""Keeps the latest snapshots by namespace, window and latency sides, and fetches each at most once at a time.

However many clients ask, Prometheus is queried once per key and refresh time.

* A fetch goes on while a client waits for it. If all clients leave before it has begun, it is cancelled.
  `fetch_queue` decides which fetch is next.
* A fresh snapshot of the whole mesh also answers requests for one namespace, and a snapshot with latencies
  those without.
* Snapshots that are no longer fresh are dropped; if too many are kept, the least recently used.
* A snapshot may be served up to `lag` seconds past its refresh time while the next one is fetched, so that
  autoscalers, which ask again and again, do not wait. If that fetch fails, it is no longer served.
* If clients that allow a lag ask for many namespaces one after the other, the whole mesh is fetched: that
  costs Prometheus less than all the namespaces.
* Latencies are fetched by side, because most series of a mesh are buckets and an autoscaler needs one side.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import math
from collections.abc import Callable
from concurrent import futures
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from metrics_server.inventory import objects
from metrics_server.model import faults, kinds, snapshot
from metrics_server.store import bounded_cache, fetch_queue, moment

Moment = moment.Moment
_MANY = 6
"""With a lag: if more namespaces than this were asked for lately, the whole mesh is fetched."""
_LATELY = 60.0
"""Seconds that count as lately. Autoscalers ask every 15 s."""
_MOST_MOMENTS, _LEAST_MOMENTS, _HEAVIEST_MOMENTS = 256, 4, 128e6
"""Snapshots kept at most, those kept whatever their size, and the bytes that the others may fill."""
_MOST_NAMES = 512
"""Keys kept at most with the time of their last request, or for which no proxy was found."""
_SOME_SIDES = [
    frozenset(some)
    for count in range(len(kinds.Side) + 1)
    for some in itertools.combinations(kinds.Side, count)
]
"""All sets of sides, small ones first."""


class _Key(NamedTuple):
    """What distinguishes two snapshots."""

    namespace: str | None
    """None: the whole mesh."""
    window: float
    """Seconds."""
    latency: frozenset[kinds.Side]
    """The sides for which it has histograms."""


class SnapshotSource(Protocol):
    """Fetches snapshots, such as a collector of `collect`."""

    async def take(
        self, namespace: str | None, *, window: float, latency: frozenset[kinds.Side]
    ) -> snapshot.Snapshot | None:
        """Return a new snapshot, None if the namespace has no proxy. Raises faults.Unavailable."""
        ...


@dataclass(slots=True, eq=False)
class _Fetch:
    """A fetch that waits for its turn or runs."""

    task: asyncio.Task[Moment | None]
    ticket: fetch_queue.Ticket
    waiting: int = 0
    """How many requests wait for it."""
    is_kept: bool = False
    """Whether it goes on if no request waits for it: it renews a snapshot that is served meanwhile."""


class Store:
    """Returns fresh snapshots with what was computed from them. Call `close` when done."""

    def __init__(
        self,
        source: SnapshotSource,
        *,
        inventory: Callable[[], objects.Inventory],
        clock: Callable[[], float],
        refresh: float,
        turns: fetch_queue.FetchQueue | None = None,
    ) -> None:
        """`inventory`: returns the present inventory. `clock`: monotonic seconds. `refresh`: seconds for
        which a snapshot is fresh. `turns`: the queue of fetches.
        """
        self._source = source
        self._inventory = inventory
        self._clock = clock
        self._refresh = refresh
        self._turns = turns or fetch_queue.FetchQueue()
        self._moments: bounded_cache.BoundedCache[_Key, Moment] = bounded_cache.BoundedCache(
            most=_MOST_MOMENTS, least=_LEAST_MOMENTS, heaviest=_HEAVIEST_MOMENTS
        )
        self._empty: bounded_cache.BoundedCache[_Key, float] = bounded_cache.BoundedCache(most=_MOST_NAMES)
        """When a key was last found to have no proxy."""
        self._wanted: bounded_cache.BoundedCache[_Key, float] = bounded_cache.BoundedCache(most=_MOST_NAMES)
        """Until when a snapshot is kept, although not fresh, for requests with a lag."""
        self._asking: bounded_cache.BoundedCache[_Key, float] = bounded_cache.BoundedCache(most=_MOST_NAMES)
        """When a request with a lag last asked for a key."""
        self._executor = futures.ThreadPoolExecutor(max_workers=1, thread_name_prefix="moments")
        """Computes moments. One thread only: each thread that computed one keeps its memory."""
        self._fetching: dict[_Key, _Fetch] = {}

    async def close(self) -> None:
        """Cancel all fetches, and wait until they have ended."""
        tasks = [fetch.task for fetch in self._fetching.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._executor.shutdown(wait=False)

    @property
    def inventory(self) -> objects.Inventory:
        """The present inventory."""
        return self._inventory()

    async def moment(
        self,
        namespace: str | None,
        *,
        window: float,
        latency: frozenset[kinds.Side] = kinds.SIDES,
        lag: float = 0.0,
        user: str = "",
    ) -> Moment | None:
        """Return a fresh moment of a namespace, or of the whole mesh for None; None if there is no proxy.

        `window`: seconds. `latency`: the sides for which latencies are needed. `lag`: seconds past its
        refresh time for which an older snapshot may be served. `user`: in whose queue a fetch waits. Raises
        faults.Unavailable.
        """
        key = _Key(namespace, window, latency)
        answers = _answering(key)
        for other in answers:
            if self._age(other) < self._refresh and (fresh := self._moments.use(other)):
                return self._keep(other, fresh, lag)
        if self._is_empty(key):
            return None
        if lag and self._is_one_of_many(key):
            key = key._replace(namespace=None)
        if lag:
            key = self._with_latencies(key, lag)
        late = next((other for other in answers if self._age(other) < self._refresh + lag), None)
        served = late and self._moments.use(late)
        try:
            self._begin(key, user=user, urgent=lag > 0)
        except faults.Busy:
            if not served:
                raise
        if late and served:  # the fetch goes on meanwhile
            return self._keep(late, served, lag)
        found = await self._fetched(key)
        return found and self._keep(key, found, lag)

    def _keep(self, key: _Key, moment: Moment, lag: float) -> Moment:
        """Return a moment, and keep it as long as it may be served with this lag."""
        if lag:
            self._wanted.put(key, moment.arrived + self._refresh + lag)
        return moment

    def _age(self, key: _Key) -> float:
        """Return the seconds since a snapshot arrived; infinite if there is none."""
        moment = self._moments.peek(key)
        return self._clock() - moment.arrived if moment is not None else math.inf

    def _is_empty(self, key: _Key) -> bool:
        found = self._empty.peek(key)
        return found is not None and self._clock() - found < self._refresh

    def _lately(self) -> list[_Key]:
        """Return the keys that requests with a lag asked for lately."""
        now = self._clock()
        return [key for key, at in self._asking.items() if now - at < _LATELY]

    def _is_one_of_many(self, key: _Key) -> bool:
        """Note a request with a lag, and return whether these ask for so many namespaces that the whole mesh
        is to be fetched.
        """
        self._asking.put(key, self._clock())
        return len([other for other in self._lately() if other[1:] == key[1:]]) > _MANY

    def _with_latencies(self, key: _Key, lag: float) -> _Key:
        """Return the key with the latencies that other requests need, if a snapshot with these is due for
        renewal anyway: one fetch then serves all.
        """
        lately = {other[1:] for other in self._lately()}
        there = (k for k in reversed(_wider(key)) if self._age(k) < self._refresh + lag and k[1:] in lately)
        return next(there, key)

    def _begin(self, key: _Key, *, user: str, urgent: bool) -> None:
        """Start a fetch for a key, or join the one that waits or runs. Raises faults.Busy."""
        fetch = self._fetching.get(key)
        if fetch is None:
            ticket = fetch_queue.Ticket()
            self._turns.wait(ticket, user=user, urgent=urgent)
            task = asyncio.create_task(self._take(key, ticket), name=f"snapshot of {key}")
            fetch = self._fetching[key] = _Fetch(task, ticket)
            task.add_done_callback(lambda _: self._ended(key, fetch))
        elif fetch.ticket.is_waiting:
            self._turns.join(fetch.ticket, user=user, urgent=urgent)
        fetch.is_kept |= urgent

    async def _fetched(self, key: _Key) -> Moment | None:
        """Wait for a fetch and return its result. If it has not begun when the last request that waits is
        cancelled, it is cancelled too.
        """
        fetch = self._fetching[key]
        fetch.waiting += 1
        try:
            return await asyncio.shield(fetch.task)
        finally:
            fetch.waiting -= 1
            if not (fetch.waiting or fetch.is_kept) and fetch.ticket.is_waiting:
                # Remove it at once: the next request must not join a fetch that is being cancelled.
                self._fetching.pop(key, None)
                fetch.task.cancel()
            # An exception refers to this frame, and the frame to the task with the exception: without `del`
            # this cycle would keep the data of the fetch in memory.
            del fetch

    def _ended(self, key: _Key, fetch: _Fetch) -> None:
        self._turns.end(fetch.ticket)
        if self._fetching.get(key) is fetch:
            del self._fetching[key]
        # Reading the exception marks it as handled. After a failure no snapshot is served with a lag.
        if not fetch.task.cancelled() and fetch.task.exception() is not None:
            for late in _answering(key):
                if self._age(late) >= self._refresh:
                    self._moments.drop(late)

    async def _take(self, key: _Key, ticket: fetch_queue.Ticket) -> Moment | None:
        """Fetch a snapshot when it is the ticket's turn, and keep it. Returns None if there is no proxy."""
        await self._turns.turn(ticket)
        self._forget()
        taken = await self._source.take(key.namespace, window=key.window, latency=key.latency)
        if taken is None:
            self._empty.put(key, self._clock())
            return None
        arrived = self._clock()
        loop = asyncio.get_running_loop()
        moment = await loop.run_in_executor(
            self._executor, self._made, key, taken, self._inventory(), arrived
        )
        self._moments.put(key, moment, weight=moment.weight)
        return moment

    def _made(
        self, key: _Key, taken: snapshot.Snapshot, inventory: objects.Inventory, arrived: float
    ) -> Moment:
        """Return a moment, with what clients asked of the moments that it replaces: else the next request
        would compute it on the event loop, and all other requests would wait.
        """
        moment = Moment(taken, inventory, arrived=arrived, latency=key.latency)
        for before in [self._moments.peek(other) for other in _followed(key)]:
            if before is not None:
                moment.succeed(before)
        return moment

    def _forget(self) -> None:
        """Drop what is never served again, before the next snapshot needs the memory."""
        now = self._clock()
        for key, until in self._wanted.items():
            if until <= now:
                self._wanted.drop(key)
        for key, kept in self._moments.items():
            if now - kept.arrived >= self._refresh and key not in self._wanted:
                self._moments.drop(key)
        for key, at in self._empty.items():
            if now - at >= self._refresh:
                self._empty.drop(key)
        for key, at in self._asking.items():
            if now - at >= _LATELY:
                self._asking.drop(key)


@functools.lru_cache(maxsize=_MOST_NAMES)
def _answering(key: _Key) -> tuple[_Key, ...]:
    """Return the keys whose snapshots answer a request: also of the whole mesh, or with more latencies."""
    keys = (
        other._replace(namespace=namespace) for other in _wider(key) for namespace in (key.namespace, None)
    )
    return tuple(dict.fromkeys(keys))


def _followed(key: _Key) -> list[_Key]:
    """Return the keys whose snapshots a new one replaces: its own, and those with fewer latencies."""
    return [key._replace(latency=sides) for sides in _SOME_SIDES if sides <= key.latency]


def _wider(key: _Key) -> list[_Key]:
    """Return the key, followed by those with more latencies."""
    return [key._replace(latency=sides) for sides in _SOME_SIDES if sides >= key.latency]
