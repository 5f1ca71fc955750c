"""Takes a snapshot: plans, asks, decodes; and learns on the way what a plan must know.

A plan needs the scrape interval, since a window must span two scrapes and raw samples reach back beyond it,
and the label that tells a namespace. Both are read off the answers: a snapshot taken with a wrong guess is
taken again, and the next starts right.
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
"""Seconds between scrapes until better is known: what most installations use."""
_FURTHER = (4, 16)
"""How many times further to look back when no target seems to be scraped twice."""
_JITTER = 0.25
"""Seconds by which the distance of two scrapes may exceed the interval."""
_LOOKBACK = 300.0
"""Seconds within which a living target is scraped."""
_SAMPLE = 20
"""Series looked at to learn which labels a mesh's targets carry."""


class Answer(Protocol):
    """Series, and what the backend warns of."""

    @property
    def warnings(self) -> Sequence[str]: ...

    def __iter__(self) -> Iterator[dict[str, Any]]: ...

    def among(self, metrics: Collection[str]) -> Iterator[dict[str, Any]]:
        """Return the series among which those of some metrics are; without a metric, all."""
        ...


class Backend(Protocol):
    """Answers PromQL at an instant. Raises faults.Unavailable."""

    async def ask(self, queries: Sequence[str], *, at: float) -> Sequence[Answer]: ...


class Watcher(Protocol):
    """Is told of every snapshot."""

    def snapshot_taken(self, *, seconds: float, age: float) -> None: ...


@dataclass(frozen=True, slots=True)
class _All:
    """The series of several answers, decoded anew by everyone who reads them: those of a big mesh, held
    decoded, are most of the memory of a taking.
    """

    answers: Sequence[Answer]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self.among(())

    def among(self, metrics: Collection[str]) -> Iterator[dict[str, Any]]:
        found = (answer.among(metrics) for answer in self.answers)
        return itertools.chain.from_iterable(found) if metrics else validation.distinct(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reply:
    """The answers to one plan."""

    taken: float
    window: float
    counters: Iterable[dict[str, Any]]
    warnings: list[str]
    buckets: asyncio.Task[Answer | None]
    proxies: targets.Targets


@dataclass(frozen=True, slots=True)
class _Asked:
    """One taking: what is under way for it, and of which sides latencies are wanted."""

    under_way: contextlib.AsyncExitStack
    latency: Collection[kinds.Side]


class Taker:
    """Takes snapshots of one mesh."""

    def __init__(
        self,
        backend: Backend,
        *,
        mesh: schema.Profile,
        watcher: Watcher,
        clock: Callable[[], float],
        stale_after: float,
        strict: decoder.Strict = decoder.lenient,
        beside: futures.Executor | None = None,
        uptime: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock`: the time that Prometheus is asked about. `beside`: where several takers of one process
        decode, one after the other. `uptime`: seconds that nobody sets.
        """
        self._backend = backend
        self._mesh = mesh
        self._watcher = watcher
        self._clock = clock
        self._stale_after = stale_after
        self._strict = strict
        self._interval = _GUESS
        self._beside = beside or futures.ThreadPoolExecutor(max_workers=1, thread_name_prefix="taking")
        self._namespace_label: str | None = None
        self._agreement = clock_check.Agreement(uptime)

    async def take(
        self, namespace: str | None, *, window: float, latency: Collection[kinds.Side] = kinds.SIDES
    ) -> snapshot.Snapshot | None:
        """Return the mesh (or one namespace) now; None if no proxy of that namespace is scraped. Latencies,
        which are the larger part of the work, are those of the sides that are wanted.

        Raises faults.Unavailable: backend down or slow, no such mesh, or its newest scrape too old, or
        of the future.
        """
        await self._agree()
        scope = await self._scope(namespace)
        async with contextlib.AsyncExitStack() as stack:
            asked = _Asked(stack, latency)
            reply = await self._look_back(scope, window, asked)
            if not reply.proxies.found:
                await self._explain_nothing(scope)
                return None
            observed = reply.proxies.interval
            # Scraped once, however far we look back: monitoring has just begun.
            self._interval = _GUESS if observed is None else float(max(1, math.ceil(observed - _JITTER)))
            if not math.isclose(reply.window, max(window, 2 * self._interval)):
                reply = await self._ask(scope, max(window, 2 * self._interval), 2 * self._interval, asked)
            return await self._decode(reply)

    async def _look_back(self, scope: plan.Scope, window: float, asked: _Asked) -> _Reply:
        """Ask as far back as is needed to see a target scraped twice."""
        interval = self._interval
        reply = await self._ask(scope, max(window, 2 * interval), 2 * interval, asked)
        for times in _FURTHER:
            if reply.proxies.interval is not None or not reply.proxies.found:
                break
            further = 2 * times * interval
            reply = await self._ask(scope, max(window, further), further, asked)
        return reply

    async def _scope(self, namespace: str | None) -> plan.Scope:
        if namespace is None:
            return plan.Scope()
        if not self._mesh.reports_of_targets:
            return plan.Scope(namespace=namespace)
        if self._namespace_label is None:
            (series,) = await self._backend.ask([promql.sample(self._mesh.sign, _SAMPLE)], at=self._clock())
            carried = {label for one in validation.checked(series) for label in one["metric"]}
            self._namespace_label = next(
                (name for name in self._mesh.target.namespace if name in carried), None
            )
        return plan.Scope(
            namespace=namespace if self._namespace_label else None, label=self._namespace_label or ""
        )

    async def _ask(self, scope: plan.Scope, window: float, before: float, asked: _Asked) -> _Reply:
        """Return the counters' answer; the buckets', which takes longer, is awaited until `asked` is left."""
        wanted = plan.make(self._mesh, scope=scope, window=window, before=before, latency=asked.latency)
        taken = self._clock()
        buckets = asyncio.create_task(self._buckets(wanted.buckets, taken), name="buckets")
        asked.under_way.push_async_callback(_given_up, buckets)
        answers = await self._backend.ask(wanted.counters, at=taken)
        counters = _All(answers)
        speaking = counters.among(targets.told_by(self._mesh))
        proxies = await self._apart(targets.find, speaking, self._mesh)
        return _Reply(
            taken=taken,
            window=window,
            counters=counters,
            warnings=[warning for answer in answers for warning in answer.warnings],
            buckets=buckets,
            proxies=proxies,
        )

    async def _buckets(self, query: str | None, at: float) -> Answer | None:
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
        moment = await self._apart(
            decoder.complete, counted, buckets or (), interval=self._interval, partial=bool(warnings)
        )
        self._watcher.snapshot_taken(seconds=seconds + time.perf_counter() - begun, age=age)
        return moment

    async def _apart(self, work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        """Do some work beside the event loop, one at a time and always in the same thread: two at once would
        take no less time, and each thread that ever decoded a big mesh keeps the memory for it.

        Raises faults.BackendRefused for an answer that is none, such as words where a number should be.
        """
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._beside, functools.partial(work, *given, **named))
        except validation.SENSELESS as error:
            fault = validation.senseless(error)
        # Without the error, whose frames hold what was read.
        raise time_limits.anew(fault)

    async def _agree(self) -> None:
        """See to it that this server's clock was not set back. Raises faults.Ahead."""
        asked = self._clock()
        lead = self._agreement.lead(asked)
        if not lead:
            return
        later = promql.last(promql.selector(self._mesh.sign), math.floor(min(lead, _LOOKBACK)))
        (series,) = await self._backend.ask([promql.count(later)], at=asked + lead)
        if validation.checked(series):
            raise clock_check.differ(lead)
        self._agreement.forget()

    async def _explain_nothing(self, scope: plan.Scope) -> None:
        """Raise the fault behind an empty answer; none if only this namespace has no proxy."""
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


async def _given_up(task: asyncio.Task[Answer | None]) -> None:
    await time_limits.given_up([task])
