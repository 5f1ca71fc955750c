"""Takes snapshots of one mesh: plans the queries, sends them and decodes the answers.

A plan depends on how often the targets are scraped and how late their samples arrive, because a window must
span two scrapes of each target and raw samples must reach back further, and on the label that holds the
namespace of scrape targets. All of it is learned from answers (`scrape_rhythm`). If the plan did not reach
far enough, the queries are sent again, and later plans use what was observed.
"""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import functools
import logging
import math
import time
from collections.abc import Callable, Collection, Iterable
from concurrent import futures
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from metrics_server.collect import backend as collect_backend
from metrics_server.collect import clusters, lookups, lost_targets, scrape_rhythm, snapshot_request
from metrics_server.decode import decoder, targets, windows
from metrics_server.model import kinds, snapshot, validation
from metrics_server.profiles import schema
from metrics_server.query import plan
from metrics_server.query import reach as query_reach
from metrics_server.upstream import time_limits

logger = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")
_GUESS = 15.0
"""Seconds: the assumed scrape interval until one is observed; most installations use it."""
_LOOKBACK = 300.0
"""Seconds within which every running target is scraped."""
_FURTHEST = 2 * _LOOKBACK
"""Seconds: how far back the scrapes of targets are looked up that a plan did not reach."""
_AGAIN = 60.0
"""Seconds after which it is checked again whether a plan reaches all targets."""
_ROUNDS = 3
"""How often the queries are sent at most for one snapshot."""
_LATE = 0.1
"""Scrape intervals by which a scrape may be late without a lag of the backend."""
_SAME = 1.1
"""How many times as long as the window buckets may be summed over: the margin for late scrapes has it too."""
_FUTURE = 1.0
"""Seconds by which a sample may be later than the evaluation time: backends may round that time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reply:
    """The answers to one plan; that with the buckets may not have arrived yet."""

    taken: float
    reach: query_reach.Reach
    """How far back its queries reached: meanwhile another answer may have shown that it is not enough."""
    counters: Iterable[dict[str, Any]]
    warnings: list[str]
    buckets: asyncio.Task[collect_backend.QueryResult | None]
    scraped: targets.ScrapeTargets
    """All proxies in the answer."""
    proxies: targets.ScrapeTargets
    """Those that are counted: not the proxies of jobs whose newest scrape is too old."""
    windows: windows.TargetWindows


class Collector:
    """Takes snapshots of one mesh."""

    def __init__(
        self,
        backend: collect_backend.QueryBackend,
        *,
        mesh: schema.Profile,
        watcher: collect_backend.CollectionObserver,
        clock: collect_backend.Clock,
        stale_after: float,
        strict: decoder.Strict = decoder.lenient,
        chosen: Collection[str] = (),
        executor: futures.Executor | None = None,
        uptime: Callable[[], float] = time.monotonic,
        by_requests: bool = False,
    ) -> None:
        """`clock`: that of the backend. `stale_after`: seconds. `strict`: whether
        responses 4xx are failures in a namespace. `chosen`: the labels by which the settings choose among
        the targets of several clusters. `executor`: the executor in which several takers decode, one after
        the other. `uptime`: a monotonic clock in seconds. `by_requests`: as `read_by_requests`.
        """
        self._backend = backend
        self._mesh = mesh
        self._watcher = watcher
        self._clock = clock
        self._stale_after = stale_after
        self._strict = strict
        self._chosen = chosen
        self._executor = executor or futures.ThreadPoolExecutor(max_workers=1, thread_name_prefix="taking")
        self._uptime = uptime
        self._lookups = lookups.Lookups(backend, mesh=mesh, clock=clock, stale_after=stale_after)
        self._rhythm = scrape_rhythm.ScrapeRhythm(uptime, usual=_GUESS)
        self._counted_at = -math.inf
        """The uptime at which the targets were last counted."""
        self._by_requests = by_requests
        self._lost = lost_targets.LostTargets(uptime)

    async def take(
        self, namespace: str | None, *, window: float, latency: Collection[kinds.Side] = kinds.SIDES
    ) -> snapshot.Snapshot | None:
        """Return a snapshot of the mesh or of one namespace; None if no proxy of that namespace is
        scraped.

        `window`: seconds; the snapshot's window may be longer, to span two scrapes. `latency`: the sides
        whose latencies are wanted; they are most of the work.

        Raises faults.Unavailable: backend down or slow, no such mesh, targets of several clusters, or newest
        scrape too old or later than the time that was asked for.
        """
        scope = await self._lookups.scope(namespace)
        asked = snapshot_request.SnapshotRequest(scope, window, latency)
        try:
            reply = await self._ask(asked)
            for _ in range(_ROUNDS - 1):
                if await self._reached_all(reply, asked):
                    break
                reply = await self._ask(asked)
            if not reply.proxies.found:
                await self._lookups.explain_nothing(scope)
                return None
            return await self._decode(await self._with_buckets_of_window(reply, asked), asked)
        finally:
            await asked.end()

    def read_by_requests(self) -> None:
        """From now on, if no proxy shows its process, take every target that counts requests for a proxy: the
        scrape may keep the metrics of requests only.
        """
        self._by_requests = not self._mesh.fallback

    async def _reached_all(self, reply: _Reply, asked: snapshot_request.SnapshotRequest) -> bool:
        """Learn from an answer, and return whether its queries reached the scrapes of all targets."""
        rhythm = self._rhythm
        if not reply.proxies.found:
            newest = await self._lookups.newest(reply.taken)
            if newest is not None and newest >= reply.taken - self._stale_after:
                rhythm.note_lag(reply.taken - newest)
            return reply.reach.covers(rhythm.reach(asked.window))
        rhythm.observe(reply.proxies)
        if reply.proxies.interval is None or self._uptime() - self._counted_at >= _AGAIN:
            await self._look_for_others(reply)
        lag = rhythm.lag_of(reply.windows.spans, taken=reply.taken)
        rhythm.note_lag(lag if lag > _LATE * rhythm.interval else 0.0)
        return reply.reach.covers(rhythm.reach(asked.window))

    async def _look_for_others(self, reply: _Reply) -> None:
        """Learn the scrape intervals of jobs with targets that the queries did not reach, or reached once."""
        self._counted_at = self._uptime()
        (counted,) = await self._backend.ask([plan.targets_by_job(self._mesh)], at=reply.taken)
        seen = collections.Counter(
            target.job
            for target, span in zip(reply.proxies.found.values(), reply.windows.spans, strict=True)
            if target.interval or (span.born and target.job in self._rhythm.known.intervals)
        )
        jobs = sorted(
            job
            for one in validation.checked(counted)
            if float(one["value"][1]) > seen[job := one["metric"].get(plan.JOB, "")]
        )
        if not jobs:
            return
        (series,) = await self._backend.ask([plan.scrapes(self._mesh, jobs, _FURTHEST)], at=reply.taken)
        found = await self._apart(targets.scraped, series, self._mesh)
        self._rhythm.add(found)

    async def _ask(self, asked: snapshot_request.SnapshotRequest) -> _Reply:
        """Return the answers with counters. That with buckets takes longer: it is a task, cancelled when
        `asked` ends.
        """
        reach, lag = self._rhythm.reach(asked.window), self._rhythm.lag  # before they are learned anew
        wanted = self._plan(asked, reach)
        taken = await self._clock.read()
        buckets = await asked.start_buckets(self._buckets(wanted.buckets, taken - lag))
        answers = await self._backend.ask(wanted.counters, at=taken)
        counters = collect_backend.AllAnswers(answers)
        of_targets = counters.among(targets.needed_metrics(self._mesh))
        scraped = await self._apart(targets.find, of_targets, self._mesh)
        if not scraped.found and self._by_requests and targets.needed_metrics(self._mesh):
            scraped = await self._apart(targets.find_by_requests, counters, self._mesh)
        proxies = windows.not_older(scraped, taken - self._stale_after)
        return _Reply(
            taken=taken,
            reach=reach,
            counters=counters,
            warnings=[warning for answer in answers for warning in answer.warnings],
            buckets=buckets,
            scraped=scraped,
            proxies=proxies,
            windows=await self._apart(
                windows.of,
                proxies,
                window=asked.window,
                rhythm=self._rhythm.known,
            ),
        )

    async def _with_buckets_of_window(self, reply: _Reply, asked: snapshot_request.SnapshotRequest) -> _Reply:
        """Return an answer with buckets over the window, and not over a longer time, for which they are asked
        as long as no scrape interval is known.
        """
        reach = self._rhythm.reach(asked.window)
        if reply.reach.usual.buckets <= _SAME * reach.usual.buckets:
            return reply
        query = self._plan(asked, reach).buckets
        buckets = await asked.start_buckets(self._buckets(query, reply.taken - self._rhythm.lag))
        return dataclasses.replace(reply, buckets=buckets)

    def _plan(self, asked: snapshot_request.SnapshotRequest, reach: query_reach.Reach) -> plan.Plan:
        return plan.make(
            self._mesh, scope=asked.scope, window=asked.window, reach=reach, latency=asked.latency
        )

    async def _buckets(self, query: str | None, at: float) -> collect_backend.QueryResult | None:
        return (await self._backend.ask([query], at=at))[0] if query else None

    async def _decode(self, reply: _Reply, asked: snapshot_request.SnapshotRequest) -> snapshot.Snapshot:
        age = reply.taken - reply.proxies.newest
        if age < -_FUTURE:
            raise validation.refused("it contains samples later than the time that was asked for")
        if age > self._stale_after:
            raise lookups.stale(age, self._stale_after)
        clusters.check(reply.proxies.found.values(), chosen=self._chosen)
        scope = asked.scope.namespace
        self._rhythm.compare(scope, reply.proxies)
        is_lost = self._lost.compare(scope, reply.scraped, reach=reply.taken - reply.reach.usual.seconds)
        begun = time.perf_counter()
        counted = await self._apart(
            decoder.count,
            reply.counters,
            proxies=reply.proxies,
            taken=reply.taken,
            window=max(asked.window, 2 * self._rhythm.interval),
            windows=reply.windows,
            strict=self._strict,
        )
        seconds = time.perf_counter() - begun
        buckets = await reply.buckets
        begun = time.perf_counter()
        warnings = [*reply.warnings, *(buckets.warnings if buckets else ())]
        if warnings:
            logger.warning("Prometheus warns, and its answer may be incomplete: %s", "; ".join(set(warnings)))
        decoded = await self._apart(
            decoder.complete,
            counted,
            buckets or (),
            interval=self._rhythm.interval,
            requested=asked.window,
            partial=bool(warnings) or is_lost,
        )
        seconds += time.perf_counter() - begun
        self._watcher.snapshot_taken(seconds=seconds, age=age, lag=self._rhythm.lag)
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
