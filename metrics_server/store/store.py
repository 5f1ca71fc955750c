"""The latest snapshot of each scope and window, its rows, and one fetch at a time for each.

However many clients ask, Prometheus is asked once per scope, window and refresh. A fetch that several wait
for goes on when one of them leaves; one that has not begun ends when all have left. `fetching` says whose
turn it is. A namespace is answered from the whole mesh where that is fresh, and one who does not want
latencies from what has them. What is no longer fresh is dropped, and so is what was not used for longest
where too much is kept.

Who asks again and again, as autoscalers do, may allow a `lag`: then a moment is served so much longer while
the next one is fetched, and nobody waits. If that fails, it is served no longer. And who asks for one
namespace after the other is answered from the whole mesh, which costs Prometheus less than all its parts.

Latencies are fetched by side: buckets are most of what a mesh has to tell, and an autoscaler wants those of
one side.
"""

from __future__ import annotations

import asyncio
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
"""Namespaces beyond which the whole mesh is fetched for those who allow a lag."""
_LATELY = 60.0
"""Seconds for which it is remembered that a namespace was asked for: autoscalers ask every 15."""
_MOST_MOMENTS, _LEAST_MOMENTS, _HEAVIEST_MOMENTS = 256, 4, 128e6
"""How many moments are kept, and how many bytes of them: but for the latest few, whatever they weigh."""
_MOST_NAMES = 512
"""Namespaces, with windows, of which is remembered that they were asked for, or have no proxy."""
_SOME_SIDES = [
    frozenset(some)
    for count in range(len(kinds.Side) + 1)
    for some in itertools.combinations(kinds.Side, count)
]
"""Few before many."""


class _Key(NamedTuple):
    namespace: str | None
    window: float
    latency: frozenset[kinds.Side]


class Source(Protocol):
    """Takes snapshots; `taking.Taker` is one."""

    async def take(
        self, namespace: str | None, *, window: float, latency: frozenset[kinds.Side]
    ) -> snapshot.Snapshot | None: ...


@dataclass(slots=True, eq=False)
class _Fetch:
    """A fetch that waits for its turn or is under way."""

    task: asyncio.Task[Moment | None]
    ticket: fetch_queue.Ticket
    waiting: int = 0
    """How many wait for it."""
    is_kept: bool = False
    """Whether it is wanted also if nobody waits."""


class Store:
    """Fresh moments on demand. Close it when done."""

    def __init__(
        self,
        source: Source,
        *,
        things: Callable[[], objects.Inventory],
        clock: Callable[[], float],
        refresh: float,
        turns: fetch_queue.Turns | None = None,
    ) -> None:
        """`clock`: seconds that nobody sets, such as `time.monotonic`. `refresh`: seconds a snapshot is
        served for. `turns`: whose fetch is next.
        """
        self._source = source
        self._things = things
        self._clock = clock
        self._refresh = refresh
        self._turns = turns or fetch_queue.Turns()
        self._moments: bounded_cache.Kept[_Key, Moment] = bounded_cache.Kept(
            most=_MOST_MOMENTS, least=_LEAST_MOMENTS, heaviest=_HEAVIEST_MOMENTS
        )
        self._empty: bounded_cache.Kept[_Key, float] = bounded_cache.Kept(most=_MOST_NAMES)
        """When a namespace was found to have no proxies."""
        self._wanted: bounded_cache.Kept[_Key, float] = bounded_cache.Kept(most=_MOST_NAMES)
        """Until when a moment is kept for those who allow a lag and have asked for it."""
        self._asking: bounded_cache.Kept[_Key, float] = bounded_cache.Kept(most=_MOST_NAMES)
        """When those who allow a lag last asked for a namespace."""
        self._beside = futures.ThreadPoolExecutor(max_workers=1, thread_name_prefix="moments")
        """Where moments are made: in one thread, for each that ever made one keeps the memory for it."""
        self._fetching: dict[_Key, _Fetch] = {}

    async def close(self) -> None:
        """End the fetches under way."""
        tasks = [fetch.task for fetch in self._fetching.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._beside.shutdown(wait=False)

    @property
    def things(self) -> objects.Inventory:
        """What is known to exist now."""
        return self._things()

    async def moment(
        self,
        namespace: str | None,
        *,
        window: float,
        latency: frozenset[kinds.Side] = kinds.SIDES,
        lag: float = 0.0,
        user: str = "",
    ) -> Moment | None:
        """Return a fresh moment of a namespace, or (None) of the whole mesh; None where no proxy is.

        `latency`: the sides whose latencies are wanted. `lag`: seconds by which it may be older than fresh.
        `user`: whose turn a fetch is. Raises faults.Unavailable.
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
        if late and served:
            return self._keep(late, served, lag)
        found = await self._fetched(key)
        return found and self._keep(key, found, lag)

    def _keep(self, key: _Key, moment: Moment, lag: float) -> Moment:
        """Return a moment, which is not let go of while it may be served again."""
        if lag:
            self._wanted.put(key, moment.arrived + self._refresh + lag)
        return moment

    def _age(self, key: _Key) -> float:
        moment = self._moments.peek(key)
        return self._clock() - moment.arrived if moment is not None else math.inf

    def _is_empty(self, key: _Key) -> bool:
        found = self._empty.peek(key)
        return found is not None and self._clock() - found < self._refresh

    def _lately(self) -> list[_Key]:
        """Return what those who allow a lag asked for of late."""
        now = self._clock()
        return [key for key, at in self._asking.items() if now - at < _LATELY]

    def _is_one_of_many(self, key: _Key) -> bool:
        self._asking.put(key, self._clock())
        return len([other for other in self._lately() if other[1:] == key[1:]]) > _MANY

    def _with_latencies(self, key: _Key, lag: float) -> _Key:
        """Return the key with the latencies that others ask for, if they are there to be renewed: what is
        fetched for them is then fetched for all.
        """
        lately = {other[1:] for other in self._lately()}
        there = (k for k in reversed(_wider(key)) if self._age(k) < self._refresh + lag and k[1:] in lately)
        return next(there, key)

    def _begin(self, key: _Key, *, user: str, urgent: bool) -> None:
        """Have a fetch under way, or waiting for its turn. Raises faults.Busy."""
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
        """Return what a fetch brings. It is given up if it has not begun when nobody waits for it."""
        fetch = self._fetching[key]
        fetch.waiting += 1
        try:
            return await asyncio.shield(fetch.task)
        finally:
            fetch.waiting -= 1
            if not (fetch.waiting or fetch.is_kept) and fetch.ticket.is_waiting:
                # At once, lest the next who asks wait for what is ending.
                self._fetching.pop(key, None)
                fetch.task.cancel()
            # A failure knows this frame: it would else hold itself, and all that was read for it.
            del fetch

    def _ended(self, key: _Key, fetch: _Fetch) -> None:
        self._turns.end(fetch.ticket)
        if self._fetching.get(key) is fetch:
            del self._fetching[key]
        # Seen by those who waited; if nobody did, what is late is not served on.
        if not fetch.task.cancelled() and fetch.task.exception() is not None:
            for late in _answering(key):
                if self._age(late) >= self._refresh:
                    self._moments.drop(late)

    async def _take(self, key: _Key, ticket: fetch_queue.Ticket) -> Moment | None:
        await self._turns.turn(ticket)
        self._forget()
        taken = await self._source.take(key.namespace, window=key.window, latency=key.latency)
        if taken is None:
            self._empty.put(key, self._clock())
            return None
        arrived = self._clock()
        loop = asyncio.get_running_loop()
        moment = await loop.run_in_executor(self._beside, self._made, key, taken, self._things(), arrived)
        self._moments.put(key, moment, weight=moment.weight)
        return moment

    def _made(self, key: _Key, taken: snapshot.Snapshot, things: objects.Inventory, arrived: float) -> Moment:
        """Return a moment, with what was asked of those it follows: who reads it first had else to wait, and
        all others with him.
        """
        moment = Moment(taken, things, arrived=arrived, latency=key.latency)
        for before in [self._moments.peek(other) for other in _followed(key)]:
            if before is not None:
                moment.succeed(before)
        return moment

    def _forget(self) -> None:
        """Let go of what is never served again, before the next one needs the memory."""
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
