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
from collections.abc import Callable
from concurrent import futures
from dataclasses import dataclass
from typing import Protocol

from metrics_server.inventory import objects
from metrics_server.model import faults, kinds, snapshot
from metrics_server.store import demand, fetch_queue, kept_moments, moment, snapshot_key

Moment = moment.Moment


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
        self._turns = turns or fetch_queue.FetchQueue()
        self._kept = kept_moments.KeptMoments(clock=clock, refresh=refresh)
        self._demand = demand.Demand(clock=clock)
        self._fetching: dict[snapshot_key.Key, _Fetch] = {}
        self._executor = futures.ThreadPoolExecutor(max_workers=1, thread_name_prefix="moments")
        """Computes moments. One thread only: each thread that computed one keeps its memory."""

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
        key = snapshot_key.Key(namespace, window, latency)
        fresh = self._kept.answer(key, lag=lag)
        if fresh is not None:
            return fresh
        if self._kept.is_empty(key):
            return None
        fetched = self._to_fetch(key, lag) if lag else key
        late = self._kept.answer(key, past=lag, lag=lag)
        try:
            self._begin(fetched, user=user, urgent=lag > 0)
        except faults.Busy:
            if late is None:
                raise
        if late is not None:  # the fetch goes on meanwhile
            return late
        found = await self._fetched(fetched)
        if found is not None and lag:
            self._kept.keep(fetched, found, lag=lag)
        return found

    def _to_fetch(self, key: snapshot_key.Key, lag: float) -> snapshot_key.Key:
        """Note a request with a lag, and return the key to fetch for it: that of the whole mesh if these
        requests ask for many namespaces; and with the latencies that others of them need, if a snapshot with
        these is due for renewal anyway. One fetch then serves all.
        """
        self._demand.note(key)
        if self._demand.is_for_many(key):
            key = key._replace(namespace=None)
        lately = self._demand.sorts()
        due = (
            wider
            for wider in reversed(snapshot_key.wider(key))
            if self._kept.may_serve(wider, lag=lag) and (wider.window, wider.latency) in lately
        )
        return next(due, key)

    def _begin(self, key: snapshot_key.Key, *, user: str, urgent: bool) -> None:
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

    async def _fetched(self, key: snapshot_key.Key) -> Moment | None:
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

    def _ended(self, key: snapshot_key.Key, fetch: _Fetch) -> None:
        self._turns.end(fetch.ticket)
        if self._fetching.get(key) is fetch:
            del self._fetching[key]
        # Reading the exception marks it as handled. After a failure no snapshot is served with a lag.
        if not fetch.task.cancelled() and fetch.task.exception() is not None:
            self._kept.drop_late(key)

    async def _take(self, key: snapshot_key.Key, ticket: fetch_queue.Ticket) -> Moment | None:
        """Fetch a snapshot when it is the ticket's turn, and keep it. Returns None if there is no proxy."""
        await self._turns.turn(ticket)
        self._kept.forget()
        self._demand.forget()
        taken = await self._source.take(key.namespace, window=key.window, latency=key.latency)
        if taken is None:
            self._kept.put_empty(key)
            return None
        arrived = self._clock()
        loop = asyncio.get_running_loop()
        moment = await loop.run_in_executor(
            self._executor, self._made, key, taken, self._inventory(), arrived
        )
        self._kept.put(key, moment)
        return moment

    def _made(
        self, key: snapshot_key.Key, taken: snapshot.Snapshot, inventory: objects.Inventory, arrived: float
    ) -> Moment:
        """Return a moment, with what clients asked of the moments that it replaces: else the next request
        would compute it on the event loop, and all other requests would wait.
        """
        moment = Moment(taken, inventory, arrived=arrived, latency=key.latency)
        for before in self._kept.replaced_by(key):
            moment.succeed(before)
        return moment
