"""`check`: runs the server's queries against Prometheus, and reports what it finds and what is wrong.

It uses another HTTP library than the server, so that a fault of the server's own client can be distinguished
from one of the backend. It is for operators: unlike the API, it shows queries, addresses and error texts.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from metrics_server.collect import collector, detection, merge
from metrics_server.inventory import objects
from metrics_server.model import faults, kinds, label_matchers, quantity, snapshot, validation
from metrics_server.profiles import policy, registry, schema
from metrics_server.query import promql
from metrics_server.settings import memory_budget, settings
from metrics_server.store import store
from metrics_server.upstream import credentials, requests_prometheus

_SHOWN = 5
"""How many hosts are named."""
_SAMPLE = 20
"""How many series are read to find out which labels the targets of a mesh have."""


@dataclass(slots=True)
class CheckReport:
    """The lines of the report, and whether all is well."""

    lines: list[str] = field(default_factory=list)
    healthy: bool = True

    def good(self, text: str) -> None:
        """Add a finding that is correct."""
        self.lines.append(f"ok    {text}")

    def note(self, text: str) -> None:
        """Add information."""
        self.lines.append(f"      {text}")

    def bad(self, text: str) -> None:
        """Add a fault that has to be corrected."""
        self.healthy = False
        self.lines.append(f"WRONG {text}")


class _NoWatcher:
    """A watcher that measures nothing."""

    def snapshot_taken(self, *, seconds: float, age: float) -> None: ...


def run(
    url: str,
    *,
    profiles: Sequence[schema.Profile] | None,
    window: str,
    namespace: str | None,
    shown: credentials.RequestCredentials = credentials.NOTHING,
    allowed: memory_budget.MemoryBudget | None = None,
    always: Sequence[label_matchers.Matcher] = (),
) -> CheckReport:
    """Return the report on a Prometheus. `always`: the matchers that every selector gets.

    Raises ValueError if `window` is no duration.
    """
    backend = requests_prometheus.RecordingClient(url, shown, allowed=allowed, always=always)
    return asyncio.run(
        _run(url, backend, profiles or registry.choose(registry.AUTO), quantity.duration(window), namespace)
    )


async def _run(
    url: str,
    backend: requests_prometheus.RecordingClient,
    profiles: Sequence[schema.Profile],
    window: float,
    namespace: str | None,
) -> CheckReport:
    report = CheckReport()
    try:
        await backend.ask([promql.PROBE], at=time.time())
    except faults.Unavailable as fault:
        report.bad(f"{url}: {fault.message}")
        return report
    report.good(f"{url} answers queries")
    try:
        found = await _found(backend, profiles, report)
        moments = []
        for mesh in found:
            report.note(f"{mesh.about}, as read by profile {mesh.name}:")
            await _labels(backend, mesh, report)
            moments.append(await _look(backend, mesh, window, namespace, report))
    except faults.Unavailable as fault:
        report.bad(fault.message)
        return report
    there = [moment for moment in moments if moment is not None]
    if found and report.healthy and not any(_has_traffic(moment, namespace) for moment in there):
        where = f" in namespace {namespace!r}, and nothing calls it" if namespace is not None else ""
        report.bad(f"no proxy is scraped{where}")
    _merged(there, report)
    return report


def _has_traffic(moment: snapshot.Snapshot, namespace: str | None) -> bool:
    """Return whether a namespace (None: any) has a proxy, or a caller whose proxy is scraped."""
    there = any(namespace in (None, one.namespace) for one in moment.reporters)
    return there or any(len(calls) for calls in moment.calls.values())


async def _found(
    backend: requests_prometheus.RecordingClient, profiles: Sequence[schema.Profile], report: CheckReport
) -> list[schema.Profile]:
    """Return the profiles that the server would read.

    Of several profiles, these are the ones with metrics that only their mesh has. A single profile is read if
    it has any metrics.
    """
    alone = len(profiles) == 1
    looked_for = {
        mesh.name: " or ".join([promql.selector(mesh.sign)] if alone else detection.signs(mesh))
        for mesh in profiles
    }
    if alone:
        (series,) = await backend.ask([promql.sample(profiles[0].sign, 1)], at=time.time())
        names = frozenset(looked_for) if series else frozenset()
    else:
        names = await detection.find(backend, profiles, at=time.time())
    for name, selectors in looked_for.items():
        if name in names:
            report.good(f"profile {name}: {selectors} is there")
        else:
            report.note(f"profile {name}: no {selectors}")
    if not names:
        report.bad("no profile has data: is the mesh scraped, and does a profile for it exist?")
    return [mesh for mesh in profiles if mesh.name in names]


async def _labels(
    backend: requests_prometheus.RecordingClient, mesh: schema.Profile, report: CheckReport
) -> None:
    """Report which labels of the scrape targets identify the pod of a proxy."""
    if not mesh.reports_of_targets:
        return
    (series,) = await backend.ask([promql.sample(mesh.sign, _SAMPLE)], at=time.time())
    carried = {label for one in validation.checked(series) for label in one["metric"]}
    for what, meta, names in (
        ("namespace", "__meta_kubernetes_namespace", mesh.target.namespace),
        ("pod", "__meta_kubernetes_pod_name", mesh.target.pod),
    ):
        label = next((name for name in names if name in carried), None)
        if label:
            report.good(f"a target's {what} is in its label {label!r}")
        else:
            report.bad(
                f"no target has any of the labels {', '.join(names)}: proxies are identified by address. "
                f"Relabel {meta} to {names[0]!r} in the scrape job."
            )


async def _look(
    backend: requests_prometheus.RecordingClient,
    mesh: schema.Profile,
    window: float,
    namespace: str | None,
    report: CheckReport,
) -> snapshot.Snapshot | None:
    taker = collector.Collector(
        backend, mesh=mesh, watcher=_NoWatcher(), clock=time.time, stale_after=settings.STALE_AFTER
    )
    backend.asked.clear()
    try:
        taken = await taker.take(namespace, window=window)
    except faults.NoMesh as fault:
        # Another mesh may have metrics of the same names.
        report.note(fault.message)
        taken = None
    except faults.Unavailable as fault:
        report.bad(fault.message)
        taken = None
    for text, size, seconds in backend.asked:
        report.note(f"asked ({size} series, {seconds * 1000:.0f} ms): {text}")
    if taken is None:
        if namespace is not None:
            report.note(f"no proxy of this profile is scraped in namespace {namespace!r}")
        return None
    _describe(taken, mesh, window, report)
    _peers(taken, report)
    return taken


def _merged(moments: Sequence[snapshot.Snapshot], report: CheckReport) -> None:
    """Report which profile is used for each proxy, if several were read."""
    if len(moments) < 2:
        return
    merged = merge.merge(moments, allowed=policy.Policy().allows)
    used = Counter(merged.meshes[mesh].profile for mesh in merged.mesh)
    report.good(
        f"{len(merged.reporters)} proxies in all, each counted once: "
        + ", ".join(f"{count} as read by {name}" for name, count in used.items())
    )


def _describe(taken: snapshot.Snapshot, mesh: schema.Profile, window: float, report: CheckReport) -> None:
    age = taken.taken - taken.timestamp
    report.good(
        f"{len(taken.reporters)} proxies, scraped every {taken.interval:.0f} s, the newest {age:.1f} s ago"
    )
    if taken.window > window:
        asked, used = quantity.render_duration(window), quantity.render_duration(taken.window)
        report.note(f"a window of {asked} spans fewer than two scrapes: {used} was used")
    for side in dict.fromkeys(view.side for view in mesh.views):
        calls = taken.calls[side]
        if not len(calls):
            names = " or ".join(name for view in mesh.views if view.side is side for name in view.counters)
            report.note(
                f"{side} side: no series of {names} that `match` and `peer` can read: no request yet, "
                "or metrics and labels have other names"
            )
            continue
        total, failed = float(calls.total.sum()), float(calls.failure.sum())
        report.good(f"{side} side: {len(calls)} rows, {total:.0f} requests, {failed:.0f} of them failed")
        if side is kinds.Side.CLIENT and (unknown := int((calls.peer < 0).sum())):
            report.note(f"{side} side: {unknown} of these rows have an unknown callee")
        timed = any(view.latency for view in mesh.views if view.side is side)
        if timed and total > 0 and not (calls.buckets.any() or np.isfinite(calls.quantile_values).any()):
            report.bad(
                f"{side} side: requests but no latency buckets; does the scrape drop them, "
                "or are histograms off?"
            )
    edges = store.Moment(taken, objects.Inventory(), arrived=taken.taken).rollup.edges("")
    report.good(f"{len(edges)} edges between workloads")


def _peers(taken: snapshot.Snapshot, report: CheckReport) -> None:
    kinds = Counter(
        "service" if peer.service else "bare name" if peer.name else "host" for peer in taken.peers
    )
    report.note(
        f"peers: {', '.join(f'{count} by {kind}' for kind, count in sorted(kinds.items())) or 'none'}"
    )
    odd = sorted(peer.host or peer.name for peer in taken.peers if not peer.service)
    if odd:
        shown = ", ".join(odd[:_SHOWN]) + (", …" if len(odd) > _SHOWN else "")
        report.note(f"not recognised as Kubernetes Services, shown as hosts: {shown}")
