"""Takes snapshots of several meshes at once, as if they were one: of those that are found in Prometheus.

Each profile is asked for by a taker of its own, at the same time as the others, and over the same window.
Which profiles have anything to tell is looked up with one query, again after a while: a mesh may be installed
or taken away at any time. A mesh whose scrapes have ended is left out, and those who read are told.
"""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import logging
import time
from collections.abc import Callable, Collection, Sequence
from concurrent import futures
from typing import NamedTuple, Protocol

from metrics_server.collect import collector, detection, merge
from metrics_server.model import faults, kinds, snapshot
from metrics_server.profiles import schema

logger = logging.getLogger(__name__)
_AGAIN = 60.0
"""Seconds after which it is looked up anew which meshes there are."""
_ABSENCE = faults.Stale | faults.NoMesh


class _Taken(NamedTuple):
    """What was taken, and the meshes of which nothing fresh is known."""

    moments: list[snapshot.Snapshot]
    absent: tuple[str, ...]

    @property
    def widest(self) -> float:
        return max((moment.window for moment in self.moments), default=0.0)


class Source(Protocol):
    """Takes snapshots of one mesh; `collector.Taker` is one."""

    async def take(
        self, namespace: str | None, *, window: float, latency: Collection[kinds.Side]
    ) -> snapshot.Snapshot | None: ...


class Taker:
    """Takes snapshots of all meshes that there are."""

    def __init__(
        self,
        backend: collector.Backend,
        takers: Sequence[tuple[schema.Profile, Source]],
        *,
        allowed: merge.Allowed,
        clock: Callable[[], float],
        beside: futures.Executor,
        uptime: Callable[[], float] = time.monotonic,
    ) -> None:
        """`takers`: those to be believed first stand first. `clock`: the time that Prometheus is asked about.
        `uptime`: seconds that nobody sets.
        """
        self._backend = backend
        self._takers = takers
        self._allowed = allowed
        self._clock = clock
        self._beside = beside
        self._uptime = uptime
        self._present: frozenset[str] = frozenset()
        self._looked: float | None = None
        self._looking = asyncio.Lock()
        self._least = 0.0
        """The shortest window that spans two scrapes of each mesh, where one was asked for that does not."""

    async def take(
        self, namespace: str | None, *, window: float, latency: Collection[kinds.Side] = kinds.SIDES
    ) -> snapshot.Snapshot | None:
        """Return all meshes (or one namespace) now; None if no proxy of that namespace is scraped.

        Raises faults.Unavailable: backend down or slow, no mesh found, or all scrapes too old.
        """
        present = await self._found()
        takers = [(mesh.name, taker) for mesh, taker in self._takers if mesh.name in present]
        taken = await self._all(takers, namespace, max(window, self._least), latency)
        if any(moment.window < taken.widest for moment in taken.moments):
            self._least = taken.widest
            taken = await self._all(takers, namespace, taken.widest, latency)
        if not taken.moments:
            return None
        loop = asyncio.get_running_loop()
        merged = await loop.run_in_executor(
            self._beside, functools.partial(merge.merge, taken.moments, allowed=self._allowed)
        )
        return dataclasses.replace(merged, absent=taken.absent) if taken.absent else merged

    async def _all(
        self,
        takers: Sequence[tuple[str, Source]],
        namespace: str | None,
        window: float,
        latency: Collection[kinds.Side],
    ) -> _Taken:
        """Return what each taker took, of those that have anything to tell."""
        answers = await asyncio.gather(
            *(taker.take(namespace, window=window, latency=latency) for _, taker in takers),
            return_exceptions=True,
        )
        failed = [answer for answer in answers if isinstance(answer, BaseException)]
        # One without a proxy of its own is no mesh, whoever else speaks in its words.
        failed.sort(key=lambda fault: (isinstance(fault, faults.NoMesh), isinstance(fault, faults.Stale)))
        if failed and (len(failed) == len(answers) or not isinstance(failed[0], _ABSENCE)):
            try:
                raise failed[0]
            finally:
                # An error that its own frame holds would hold all that was received.
                del answers, failed
        absent = [
            name
            for (name, _), answer in zip(takers, answers, strict=True)
            if isinstance(answer, faults.Stale)
        ]
        if absent:
            logger.warning("The newest scrapes of %s are too old: it is left out", " and ".join(absent))
        return _Taken([answer for answer in answers if isinstance(answer, snapshot.Snapshot)], tuple(absent))

    async def _found(self) -> frozenset[str]:
        """Return the names of the profiles that have something in Prometheus. Raises faults.NoMesh."""
        async with self._looking:
            now = self._uptime()
            if not self._present or self._looked is None or now - self._looked >= _AGAIN:
                meshes = [mesh for mesh, _ in self._takers]
                found = await detection.find(self._backend, meshes, at=self._clock())
                # Where none is left, those that were there know why.
                self._present = found or self._present
                self._looked, self._least = now, 0.0
        if not self._present:
            raise faults.NoMesh(
                "Prometheus holds no recent metric of a known mesh (looked for those of profiles "
                f"{', '.join(mesh.name for mesh, _ in self._takers)}). Does it scrape the proxies? "
                "Try `trafficmetrics-server check`."
            )
        return self._present
