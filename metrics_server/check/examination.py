"""Examines a backend: does it answer, which meshes does it hold, how are they scraped, what will be seen."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from metrics_server.check import clocks, latencies, learning, overheard, scraping, unread, verdict
from metrics_server.check import report as check_report
from metrics_server.collect import collector, detection, merge, without_requests
from metrics_server.inventory import objects
from metrics_server.model import faults, kinds, label_matchers, quantity, snapshot
from metrics_server.profiles import loading, policy, registry, schema
from metrics_server.query import promql
from metrics_server.settings import formats, memory_budget, settings
from metrics_server.store import store
from metrics_server.upstream import credentials, requests_prometheus


class _NoWatcher:
    """A watcher that measures nothing."""

    def snapshot_taken(self, *, seconds: float, age: float, lag: float) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is examined."""

    profiles: Sequence[schema.Profile]
    window: float
    """Seconds."""
    namespace: str | None = None
    """None: all of them."""
    inventory: objects.Inventory
    stale_after: float
    """Seconds."""
    chosen: Sequence[str] = ()
    """The labels by which a cluster is chosen."""
    learns: bool = False
    """Whether a profile is proposed, and examined instead of the others."""
    metric: str | None = None
    """The counter that a proposed profile has to read; None: the likeliest one."""


def run(
    url: str,
    *,
    profiles: Sequence[schema.Profile] | None,
    window: str,
    namespace: str | None,
    shown: credentials.RequestCredentials = credentials.NOTHING,
    allowed: memory_budget.MemoryBudget | None = None,
    always: Sequence[label_matchers.Matcher] = (),
    inventory: objects.Inventory | None = None,
    stale_after: float = settings.STALE_AFTER,
    learns: bool = False,
    metric: str | None = None,
) -> check_report.CheckReport:
    """Return the report on a backend. `always`: the matchers that every selector gets. `inventory`: the
    known objects of the cluster, if any. `stale_after`: the age in seconds from which figures are refused.
    `learns`: propose a profile for metrics that none reads, which read `metric` if it is given, and report on
    it instead of on `profiles`.

    Raises ValueError if `window` is no duration.
    """
    wanted = Wanted(
        profiles=profiles or registry.choose(registry.AUTO),
        window=quantity.duration(window),
        namespace=namespace,
        inventory=inventory or objects.Inventory(),
        stale_after=stale_after,
        chosen=[matcher.label for matcher in always],
        learns=learns,
        metric=metric,
    )
    backend = requests_prometheus.RecordingClient(url, shown, allowed=allowed, always=always)
    return asyncio.run(_Examination(backend, wanted).report(formats.base(url)))


class _Examination:
    """One run of `check`."""

    def __init__(self, backend: requests_prometheus.RecordingClient, wanted: Wanted) -> None:
        self._backend = backend
        self._wanted = wanted
        self._found = check_report.CheckReport()
        self._lead = 0.0
        """Seconds by which this machine's clock is ahead of the backend's."""

    async def report(self, url: str) -> check_report.CheckReport:
        """Return the report. `url`: the backend as it is shown."""
        found = self._found
        try:
            await self._backend.ask([promql.PROBE], at=time.time())
        except faults.Unavailable as fault:
            found.bad(f"{url}: {fault.message}")
            return found
        found.good(f"{url} answers queries")
        self._lead = await clocks.lead(self._backend, found)
        try:
            if self._wanted.learns:
                await self._learn()
            else:
                await self._meshes()
        except faults.Unavailable as fault:
            found.bad(fault.message)
        if self._backend.form.is_learned:
            found.note(f"the backend is queried by {self._backend.form.description}; so does the server")
        return found

    def _now(self) -> float:
        """Return the time by the backend's clock."""
        return time.time() - self._lead

    async def read(self) -> float:
        """Return the time by the backend's clock, as a collector wants it."""
        return self._now()

    async def _meshes(self) -> None:
        """Report on each mesh, and on all together. Raises faults.Unavailable."""
        found, namespace = self._found, self._wanted.namespace
        meshes = await self._present()
        await unread.examine(self._backend, meshes, at=self._now(), found=found)
        moments = []
        for mesh in meshes:
            found.note(f"{mesh.about}, as read by profile {mesh.name}:")
            moments.append(await self._look(mesh))
        there = [moment for moment in moments if moment is not None]
        if meshes and found.healthy and not any(_has_traffic(moment, namespace) for moment in there):
            where = f" in namespace {namespace!r}, and nothing calls it" if namespace is not None else ""
            found.bad(f"no proxy is scraped{where}")
        if there:
            self._verdict(there, [mesh for mesh, moment in zip(meshes, moments, strict=True) if moment])

    async def _learn(self) -> None:
        """Propose a profile, and report on it. Raises faults.Unavailable."""
        found = self._found
        found.proposed = await learning.propose(
            self._backend, metric=self._wanted.metric, at=self._now(), found=found
        )
        if found.proposed is None:
            return
        mesh = loading.read(found.proposed, source="the proposed profile")
        taken = await self._look(mesh)
        if taken is None:
            found.bad("the proposed profile gives no figures")
            return
        self._verdict([taken], [mesh])
        verdict.edges(taken, self._wanted.inventory, found)

    async def _present(self) -> list[schema.Profile]:
        """Return the profiles that the server would read.

        Of several profiles, these are the ones with metrics that only their mesh has. A single profile is
        read if it has any metrics.
        """
        profiles, found = self._wanted.profiles, self._found
        alone = len(profiles) == 1
        looked_for = {
            mesh.name: " or ".join([promql.selector(mesh.sign)] if alone else detection.signs(mesh))
            for mesh in profiles
        }
        if alone:
            sample = promql.sample(_metrics(profiles[0]), 1)
            (series,) = await self._backend.ask([sample], at=self._now())
            names = frozenset(looked_for) if series else frozenset()
        else:
            names = await detection.find(self._backend, profiles, at=self._now())
        for name, selectors in looked_for.items():
            if name in names:
                found.good(f"profile {name}: {selectors} is there")
            else:
                found.note(f"profile {name}: no {selectors}")
        if not names:
            because = await without_requests.reason(self._backend, profiles, at=self._now())
            if because:
                found.bad(because)
            found.bad("no profile has data: is the mesh scraped, and does a profile for it exist?")
            await learning.name_families(self._backend, (), at=self._now(), found=found)
        return [mesh for mesh in profiles if mesh.name in names]

    async def _look(self, mesh: schema.Profile) -> snapshot.Snapshot | None:
        """Report on one mesh; return its snapshot, or None if there is none."""
        found, namespace = self._found, self._wanted.namespace
        overhearing = overheard.Overhearing(self._backend)
        taker = collector.Collector(
            overhearing,
            mesh=mesh,
            watcher=_NoWatcher(),
            clock=self,
            stale_after=self._wanted.stale_after,
            chosen=self._wanted.chosen,
        )
        self._backend.asked.clear()
        taken, reason, nothing = None, "", ""
        try:
            taken = await taker.take(namespace, window=self._wanted.window)
        except faults.NoMesh as fault:
            # Another mesh may have metrics of the same names.
            nothing = fault.message
        except faults.Unavailable as fault:
            reason = fault.message
        series = overhearing.series
        scraping.examine(mesh, series, now=self._now(), is_read=taken is not None, found=found)
        if nothing and not scraping.is_without_processes(mesh, series):
            found.note(nothing)
        if reason:
            found.bad(reason)
        for text, size, seconds in self._backend.asked:
            found.note(f"asked ({size} series, {seconds * 1000:.0f} ms): {text}")
        if taken is not None:
            self._describe(taken, mesh)
        elif namespace is not None:
            found.note(f"no proxy of this profile is scraped in namespace {namespace!r}")
        return taken

    def _describe(self, taken: snapshot.Snapshot, mesh: schema.Profile) -> None:
        found = self._found
        age = taken.taken - taken.timestamp
        found.good(
            f"{len(taken.reporters)} proxies, scraped every {taken.interval:.0f} s, "
            f"the newest {age:.1f} s ago"
        )
        if taken.window > self._wanted.window:
            asked = quantity.render_duration(self._wanted.window)
            used = quantity.render_duration(taken.window)
            found.note(f"a window of {asked} spans fewer than two scrapes: {used} was used")
        for side in dict.fromkeys(view.side for view in mesh.views):
            self._describe_side(taken, mesh, side)
        moment = store.Moment(taken, self._wanted.inventory, arrived=taken.taken)
        found.good(f"{len(moment.rollup.edges(''))} edges between workloads")
        verdict.peers(moment, self._wanted.inventory, found)

    def _describe_side(self, taken: snapshot.Snapshot, mesh: schema.Profile, side: kinds.Side) -> None:
        found, calls = self._found, taken.calls[side]
        if not len(calls):
            counters = (name for view in mesh.views if view.side is side for name in view.counters)
            names = " or ".join(dict.fromkeys(counters))
            found.note(
                f"{side} side: no series of {names} that `match`, `ignore` and `peer` let count: "
                "no request yet, or metrics and labels have other names"
            )
            return
        total, failed = float(calls.total.sum()), float(calls.failure.sum())
        found.good(f"{side} side: {len(calls)} rows, {total:.0f} requests, {failed:.0f} of them failed")
        labels = [view.peer.label_names for view in mesh.views if view.side is side and view.peer]
        if labels and (unknown := int((calls.peer < 0).sum())):
            end = "callee" if side is kinds.Side.CLIENT else "caller"
            found.note(
                f"{side} side: {unknown} of these rows have an unknown {end}: the mesh did not know it, or "
                f"labels were removed ({', '.join(dict.fromkeys(itertools.chain.from_iterable(labels)))})"
            )
        latencies.examine(taken, mesh, side, found)

    def _verdict(self, moments: Sequence[snapshot.Snapshot], meshes: Sequence[schema.Profile]) -> None:
        """Report what the server will show of these snapshots together."""
        found, merged = self._found, moments[0]
        if len(moments) > 1:
            merged = merge.merge(moments, allowed=policy.Policy().allows)
            used = Counter(merged.meshes[mesh].profile for mesh in merged.mesh)
            found.good(
                f"{len(merged.reporters)} proxies in all, each counted once: "
                + ", ".join(f"{count} as read by {name}" for name, count in used.items())
            )
        found.note("What the server will show:")
        verdict.give(merged, self._wanted.inventory, self._wanted.namespace, found)
        verdict.unknown(meshes, found)


def _metrics(mesh: schema.Profile) -> tuple[str, ...]:
    """Return the metrics of which one must be there for a profile that is read alone."""
    counters = (name for view in mesh.views for name in view.counters)
    return tuple(dict.fromkeys((*mesh.sign, *counters)))


def _has_traffic(moment: snapshot.Snapshot, namespace: str | None) -> bool:
    """Return whether a namespace (None: any) has a proxy, or a caller whose proxy is scraped."""
    there = any(namespace in (None, one.namespace) for one in moment.reporters)
    return there or any(len(calls) for calls in moment.calls.values())
