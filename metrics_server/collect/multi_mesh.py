"""Takes one snapshot of all meshes that are found in Prometheus.

Each profile has its own collector. All collectors run at the same time, and their snapshots are merged. One
query finds the profiles that Prometheus has series of. It is repeated every minute, as a mesh may be
installed or removed at any time. A mesh that is stale is left out; the snapshot and the log say so.
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

from metrics_server.collect import backend as collect_backend
from metrics_server.collect import detection, merge, without_requests
from metrics_server.model import faults, kinds, snapshot
from metrics_server.profiles import schema

logger = logging.getLogger(__name__)
_AGAIN = 60.0
"""Seconds after which the search for meshes is repeated."""
_ABSENCE = faults.Stale | faults.NoMesh


class _Taken(NamedTuple):
    """The snapshots that were taken, and the names of the profiles that are stale."""

    moments: list[snapshot.Snapshot]
    absent: tuple[str, ...]


class MeshCollector(Protocol):
    """Takes snapshots of one mesh, as `collector.Collector` does."""

    async def take(
        self, namespace: str | None, *, window: float, latency: Collection[kinds.Side]
    ) -> snapshot.Snapshot | None: ...

    def read_by_requests(self) -> None: ...


class MultiMeshCollector:
    """Takes snapshots of all meshes that are found in Prometheus."""

    def __init__(
        self,
        backend: collect_backend.QueryBackend,
        takers: Sequence[tuple[schema.Profile, MeshCollector]],
        *,
        allowed: merge.Allowed,
        clock: collect_backend.Clock,
        executor: futures.Executor,
        uptime: Callable[[], float] = time.monotonic,
    ) -> None:
        """`takers`: one per profile, in order of precedence. `allowed`: whether a profile counts in a
        namespace. `clock`: that of the backend. `executor`: the executor that merges.
        `uptime`: a monotonic clock in seconds.
        """
        self._backend = backend
        self._takers = takers
        self._allowed = allowed
        self._clock = clock
        self._executor = executor
        self._uptime = uptime
        self._present: frozenset[str] = frozenset()
        self._because = ""
        """Why the meshes that are there count no requests."""
        self._looked: float | None = None
        self._looking = asyncio.Lock()

    async def take(
        self, namespace: str | None, *, window: float, latency: Collection[kinds.Side] = kinds.SIDES
    ) -> snapshot.Snapshot | None:
        """Return a snapshot of all meshes or of one namespace; None if no proxy of that namespace is
        scraped.

        `window`: seconds. `latency`: the sides whose latencies are wanted. Raises faults.Unavailable:
        backend down or slow, no mesh found, or all scrapes too old.
        """
        present = await self._found()
        takers = [(mesh.name, taker) for mesh, taker in self._takers if mesh.name in present]
        try:
            taken = await self._all(takers, namespace, window, latency)
        except faults.NoMesh:
            # No profile finds a process of its mesh. A collector may carry the metrics of requests of several
            # meshes, so this is no way to read one mesh while another one is there.
            for _, taker in takers:
                taker.read_by_requests()
            taken = await self._all(takers, namespace, window, latency)
        if not taken.moments:
            return None
        loop = asyncio.get_running_loop()
        merged = await loop.run_in_executor(
            self._executor, functools.partial(merge.merge, taken.moments, allowed=self._allowed)
        )
        return dataclasses.replace(merged, absent=taken.absent) if taken.absent else merged

    async def _all(
        self,
        takers: Sequence[tuple[str, MeshCollector]],
        namespace: str | None,
        window: float,
        latency: Collection[kinds.Side],
    ) -> _Taken:
        """Return the snapshots of these profiles, without those that have no proxies there or are stale."""
        answers = await asyncio.gather(
            *(taker.take(namespace, window=window, latency=latency) for _, taker in takers),
            return_exceptions=True,
        )
        failed = [answer for answer in answers if isinstance(answer, BaseException)]
        # Other faults first: they are raised. `NoMesh` comes last, as it explains the least.
        failed.sort(key=lambda fault: (isinstance(fault, faults.NoMesh), isinstance(fault, faults.Stale)))
        if failed and (len(failed) == len(answers) or not isinstance(failed[0], _ABSENCE)):
            try:
                raise failed[0]
            finally:
                # The frame must not reference its own exception: both would keep all that was received.
                del answers, failed
        absent = [
            name
            for (name, _), answer in zip(takers, answers, strict=True)
            if isinstance(answer, faults.Stale)
        ]
        if absent:
            logger.warning(
                "The newest scrapes of these profiles are too old, so they are left out: %s",
                ", ".join(absent),
            )
        return _Taken([answer for answer in answers if isinstance(answer, snapshot.Snapshot)], tuple(absent))

    async def _found(self) -> frozenset[str]:
        """Return the names of the profiles that Prometheus has series of. Raises faults.NoMesh if there
        are none.
        """
        async with self._looking:
            now = self._uptime()
            if not self._present or self._looked is None or now - self._looked >= _AGAIN:
                meshes = [mesh for mesh, _ in self._takers]
                at = await self._clock.read()
                found = await detection.find(self._backend, meshes, at=at)
                if not found and not self._present:
                    self._because = await without_requests.reason(self._backend, meshes, at=at)
                # If all meshes are gone, their collectors raise the fault that says why.
                self._present = found or self._present
                self._looked = now
        if not self._present:
            raise faults.NoMesh(
                self._because
                or "Prometheus holds no recent metric of a known mesh (looked for those of profiles "
                f"{', '.join(mesh.name for mesh, _ in self._takers)}). Does it scrape the proxies? "
                "Try `trafficmetrics-server check`."
            )
        return self._present
