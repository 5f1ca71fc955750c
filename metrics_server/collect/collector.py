"""Takes snapshots of one mesh: plans the queries, sends them and decodes the answers.

A plan depends on the scrape interval, because a window must span two scrapes and raw samples must reach
back further, and on the label that holds the namespace of scrape targets. Both are learned from answers.
If the assumed interval was wrong, the queries are sent again, and later snapshots use the interval that
was observed.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import logging
import math
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent import futures
from dataclasses import dataclass
from typing import Any, ParamSpec, Protocol, TypeVar

from metrics_server.collect import clock_check
from metrics_server.decode import decoder, targets
from metrics_server.model import faults, kinds, snapshot, validation
from metrics_server.profiles import schema
from metrics_server.query import plan, promql
from metrics_server.upstream import time_limits

logger = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")
_GUESS = 15.0
"""Seconds: the assumed scrape interval until one is observed; most installations use it."""
_FURTHER = (4, 16)
"""Factors by which to look back further while no target has been scraped twice."""
_JITTER = 0.25
"""Seconds by which the time between two scrapes may exceed the interval."""
_LOOKBACK = 300.0
"""Seconds within which every running target is scraped."""
_SAMPLE = 20
"""Number of series from which the labels of a mesh's targets are learned."""


class QueryResult(Protocol):
    """The series in an answer, and the warnings of the backend."""

    @property
    def warnings(self) -> Sequence[str]: ...

    def __iter__(self) -> Iterator[dict[str, Any]]: ...

    def among(self, metrics: Collection[str]) -> Iterator[dict[str, Any]]:
        """Return at least the series of these metrics; without a metric, all."""
        ...


class QueryBackend(Protocol):
    """Evaluates PromQL at an instant. Raises faults.Unavailable."""

    async def ask(self, queries: Sequence[str], *, at: float) -> Sequence[QueryResult]: ...


class CollectionObserver(Protocol):
    """Gets the duration of decoding and the age of each snapshot, in seconds."""

    def snapshot_taken(self, *, seconds: float, age: float) -> None: ...


@dataclass(frozen=True, slots=True)
class _All:
    """The series of several answers, decoded again by each reader: kept decoded, those of a big mesh would
    need most of the memory for a snapshot.
    """

    answers: Sequence[QueryResult]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self.among(())

    def among(self, metrics: Collection[str]) -> Iterator[dict[str, Any]]:
        found = (answer.among(metrics) for answer in self.answers)
        return itertools.chain.from_iterable(found) if metrics else validation.distinct(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reply:
    """The answers to one plan; that with the buckets may not have arrived yet."""

    taken: float
    window: float
    counters: Iterable[dict[str, Any]]
    warnings: list[str]
    buckets: asyncio.Task[QueryResult | None]
    proxies: targets.ScrapeTargets


@dataclass(frozen=True, slots=True)
class _Request:
    """One request for a snapshot: its unfinished tasks, and the sides whose latencies are wanted."""

    under_way: contextlib.AsyncExitStack
    latency: Collection[kinds.Side]


class Collector:
    """Takes snapshots of one mesh."""

    def __init__(
        self,
        backend: QueryBackend,
        *,
        mesh: schema.Profile,
        watcher: CollectionObserver,
        clock: Callable[[], float],
        stale_after: float,
        strict: decoder.Strict = decoder.lenient,
        executor: futures.Executor | None = None,
        uptime: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock`: the time at which queries are evaluated. `stale_after`: seconds. `strict`: whether
        responses 4xx are failures in a namespace. `executor`: the executor in which several takers decode,
        one after the other. `uptime`: a monotonic clock in seconds.
        """
        self._backend = backend
        self._mesh = mesh
        self._watcher = watcher
        self._clock = clock
        self._stale_after = stale_after
        self._strict = strict
        self._interval = _GUESS
        self._executor = executor or futures.ThreadPoolExecutor(max_workers=1, thread_name_prefix="taking")
        self._namespace_label: str | None = None
        self._agreement = clock_check.ClockBound(uptime)

    async def take(
        self, namespace: str | None, *, window: float, latency: Collection[kinds.Side] = kinds.SIDES
    ) -> snapshot.Snapshot | None:
        """Return a snapshot of the mesh or of one namespace; None if no proxy of that namespace is
        scraped.

        `window`: seconds; the snapshot's window may be longer, to span two scrapes. `latency`: the sides
        whose latencies are wanted; they are most of the work.

        Raises faults.Unavailable: backend down or slow, no such mesh, or newest scrape too old or later
        than this server's clock.
        """
        await self._agree()
        scope = await self._scope(namespace)
        async with contextlib.AsyncExitStack() as stack:
            asked = _Request(stack, latency)
            reply = await self._look_back(scope, window, asked)
            if not reply.proxies.found:
                await self._explain_nothing(scope)
                return None
            observed = reply.proxies.interval
            # None: no target was scraped twice, however far back; scraping has just begun.
            self._interval = _GUESS if observed is None else float(max(1, math.ceil(observed - _JITTER)))
            if not math.isclose(reply.window, max(window, 2 * self._interval)):
                reply = await self._ask(scope, max(window, 2 * self._interval), 2 * self._interval, asked)
            return await self._decode(reply)

    async def _look_back(self, scope: plan.QueryScope, window: float, asked: _Request) -> _Reply:
        """Return the answers to a plan that reaches back far enough to see a target scraped twice."""
        interval = self._interval
        reply = await self._ask(scope, max(window, 2 * interval), 2 * interval, asked)
        for times in _FURTHER:
            if reply.proxies.interval is not None or not reply.proxies.found:
                break
            further = 2 * times * interval
            reply = await self._ask(scope, max(window, further), further, asked)
        return reply

    async def _scope(self, namespace: str | None) -> plan.QueryScope:
        if namespace is None:
            return plan.QueryScope()
        if not self._mesh.reports_of_targets:
            return plan.QueryScope(namespace=namespace)
        if self._namespace_label is None:
            (series,) = await self._backend.ask([promql.sample(self._mesh.sign, _SAMPLE)], at=self._clock())
            carried = {label for one in validation.checked(series) for label in one["metric"]}
            self._namespace_label = next(
                (name for name in self._mesh.target.namespace if name in carried), None
            )
        return plan.QueryScope(
            namespace=namespace if self._namespace_label else None, label=self._namespace_label or ""
        )

    async def _ask(self, scope: plan.QueryScope, window: float, before: float, asked: _Request) -> _Reply:
        """Return the answers with counters. That with buckets takes longer: it is a task, cancelled when
        `asked` ends.
        """
        wanted = plan.make(self._mesh, scope=scope, window=window, before=before, latency=asked.latency)
        taken = self._clock()
        buckets = asyncio.create_task(self._buckets(wanted.buckets, taken), name="buckets")
        asked.under_way.push_async_callback(_given_up, buckets)
        answers = await self._backend.ask(wanted.counters, at=taken)
        counters = _All(answers)
        of_targets = counters.among(targets.needed_metrics(self._mesh))
        proxies = await self._apart(targets.find, of_targets, self._mesh)
        return _Reply(
            taken=taken,
            window=window,
            counters=counters,
            warnings=[warning for answer in answers for warning in answer.warnings],
            buckets=buckets,
            proxies=proxies,
        )

    async def _buckets(self, query: str | None, at: float) -> QueryResult | None:
        return (await self._backend.ask([query], at=at))[0] if query else None

    async def _decode(self, reply: _Reply) -> snapshot.Snapshot:
        self._agreement.heard(reply.proxies.newest, asked=reply.taken)
        age = reply.taken - reply.proxies.newest
        oldest = min(self._stale_after, reply.window)
        if age > oldest:
            doubt = self._agreement.doubt(reply.taken)
            raise faults.Stale(
                f"The newest scrape of the mesh is {age:.0f} s old; figures older than {oldest:.0f} s "
                f"are not served. Does Prometheus still scrape the proxies?{doubt}"
            )
        begun = time.perf_counter()
        counted = await self._apart(
            decoder.count,
            reply.counters,
            proxies=reply.proxies,
            taken=reply.taken,
            window=reply.window,
            strict=self._strict,
        )
        seconds = time.perf_counter() - begun
        buckets = await reply.buckets
        begun = time.perf_counter()
        warnings = [*reply.warnings, *(buckets.warnings if buckets else ())]
        if warnings:
            logger.warning("Prometheus warns, and its answer may be incomplete: %s", "; ".join(set(warnings)))
        decoded = await self._apart(
            decoder.complete, counted, buckets or (), interval=self._interval, partial=bool(warnings)
        )
        self._watcher.snapshot_taken(seconds=seconds + time.perf_counter() - begun, age=age)
        return decoded

    async def _apart(self, work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        """Return the result of `work`, which runs in the executor.

        All work runs in one thread, one after the other: two threads would not be faster, and each thread
        that has decoded a big mesh keeps the memory for it. Raises faults.BackendRefused for an answer
        that cannot be read, for example with text instead of a number.
        """
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._executor, functools.partial(work, *given, **named))
        except validation.SENSELESS as error:
            fault = validation.senseless(error)
        # A copy, because the frames of the error keep everything that was read.
        raise time_limits.anew(fault)

    async def _agree(self) -> None:
        """Check that this server's clock was not set back. Raises faults.Ahead."""
        asked = self._clock()
        lead = self._agreement.lead(asked)
        if not lead:
            return
        later = promql.last(promql.selector(self._mesh.sign), math.floor(min(lead, _LOOKBACK)))
        (series,) = await self._backend.ask([promql.count(later)], at=asked + lead)
        if validation.checked(series):
            raise clock_check.differ(lead)
        self._agreement.forget()

    async def _explain_nothing(self, scope: plan.QueryScope) -> None:
        """Raise the fault that explains an answer without proxies; return if only this namespace has none."""
        asked = self._clock()
        (series,) = await self._backend.ask([promql.sample(self._mesh.sign, 1)], at=asked)
        doubt = self._agreement.doubt(asked)
        if not validation.checked(series):
            raise faults.NoMesh(
                "Prometheus holds no recent metric of a known mesh (looked for "
                f"{' or '.join(map(repr, self._mesh.sign))} of profile "
                f"{self._mesh.name!r}). Does it scrape the proxies? Try `trafficmetrics-server check`.{doubt}"
            )
        if scope.namespace is None:
            raise faults.Stale(
                f"No proxy was scraped within the window. Does Prometheus still scrape the proxies?{doubt}"
            )


async def _given_up(task: asyncio.Task[QueryResult | None]) -> None:
    await time_limits.given_up([task])
