"""`check`: asks Prometheus what the server would ask, and says in words what came back and what is wrong.

It reads through another library than the server does, so that it also tells a fault of the server's own
client from one of the backend. It is for operators: unlike the API it shows queries, addresses and error
texts.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from metrics_server import (
    credentials,
    faults,
    inventory,
    profile,
    promql,
    quantity,
    snapshot,
    store,
    taking,
    witness,
    words,
)

_STALE_AFTER = 90.0
_SHOWN = 5


@dataclass(slots=True)
class Report:
    """What was found, line by line."""

    lines: list[str] = field(default_factory=list)
    healthy: bool = True

    def good(self, text: str) -> None:
        """Add something that is as it should be."""
        self.lines.append(f"ok    {text}")

    def note(self, text: str) -> None:
        """Add something to know."""
        self.lines.append(f"      {text}")

    def bad(self, text: str) -> None:
        """Add something that must be mended."""
        self.healthy = False
        self.lines.append(f"WRONG {text}")


class _Deaf:
    """A watcher for whom nothing needs to be measured."""

    def snapshot_taken(self, *, seconds: float, age: float) -> None: ...


def run(
    url: str,
    *,
    profiles: Sequence[profile.Profile] | None,
    window: str,
    namespace: str | None,
    shown: credentials.Credentials = credentials.NOTHING,
) -> Report:
    """Return the report on a Prometheus. Raises ValueError for a window that is none."""
    backend = witness.Witness(url.rstrip("/"), shown)
    return asyncio.run(
        _run(url, backend, profiles or profile.shipped(), quantity.duration(window), namespace)
    )


async def _run(
    url: str,
    backend: witness.Witness,
    profiles: Sequence[profile.Profile],
    window: float,
    namespace: str | None,
) -> Report:
    report = Report()
    try:
        await backend.ask([promql.PROBE], at=time.time())
    except faults.Unavailable as fault:
        report.bad(f"{url}: {fault.message}")
        return report
    report.good(f"{url} answers queries")
    found = [mesh for mesh in profiles if await _has_data(backend, mesh, report)]
    if not found:
        report.bad("no shipped profile has data: is the mesh scraped, and does a profile for it exist?")
    for mesh in found:
        await _look(backend, mesh, window, namespace, report)
    return report


async def _has_data(backend: witness.Witness, mesh: profile.Profile, report: Report) -> bool:
    (series,) = await backend.ask([promql.sample(mesh.sign, 20)], at=time.time())
    looked_for = " or ".join(mesh.sign)
    if not series:
        report.note(f"profile {mesh.name}: no {looked_for}")
        return False
    report.good(f"profile {mesh.name}: {looked_for} is there")
    if not mesh.reports_of_targets:
        return True
    carried = {label for one in series for label in one["metric"]}
    for what, meta, names in (
        ("namespace", "__meta_kubernetes_namespace", mesh.target.namespace),
        ("pod", "__meta_kubernetes_pod_name", mesh.target.pod),
    ):
        label = next((name for name in names if name in carried), None)
        if label:
            report.good(f"a target's {what} is in its label {label!r}")
        else:
            report.bad(
                f"no target has any of the labels {', '.join(names)}: proxies go by their address. "
                f"Relabel {meta} to {names[0]!r} in the scrape job."
            )
    return True


async def _look(
    backend: witness.Witness, mesh: profile.Profile, window: float, namespace: str | None, report: Report
) -> None:
    taker = taking.Taker(backend, mesh=mesh, watcher=_Deaf(), clock=time.time, stale_after=_STALE_AFTER)
    backend.asked.clear()
    try:
        taken = await taker.take(namespace, window=window)
    except faults.Unavailable as fault:
        report.bad(fault.message)
        taken = None
    for text, size, seconds in backend.asked:
        report.note(f"asked ({size} series, {seconds * 1000:.0f} ms): {text}")
    if taken is None:
        if namespace is not None and report.healthy:
            report.bad(f"no proxy is scraped in namespace {namespace!r}")
        return
    _describe(taken, window, report)
    _peers(taken, report)


def _describe(taken: snapshot.Snapshot, window: float, report: Report) -> None:
    age = taken.taken - taken.timestamp
    report.good(
        f"{len(taken.reporters)} proxies, scraped every {taken.interval:.0f} s, the newest {age:.1f} s ago"
    )
    if taken.window > window:
        asked, used = quantity.render_duration(window), quantity.render_duration(taken.window)
        report.note(f"a window of {asked} spans fewer than two scrapes: {used} was used")
    for side in words.Side:
        calls = taken.calls[side]
        succeeded, failed = float(calls.success.sum()), float(calls.failure.sum())
        report.good(
            f"{side} side: {len(calls)} rows, {succeeded + failed:.0f} requests, {failed:.0f} of them failed"
        )
        if succeeded + failed > 0 and not calls.buckets.any():
            report.bad(
                f"{side} side: requests but no latency buckets; does the scrape drop them, "
                "or are histograms off?"
            )
    edges = store.Moment(taken, inventory.Inventory(), arrived=taken.taken).rollup.edges("")
    report.good(f"{len(edges)} edges between workloads")


def _peers(taken: snapshot.Snapshot, report: Report) -> None:
    kinds = Counter(
        "service" if peer.service else "bare name" if peer.name else "host" for peer in taken.peers
    )
    report.note(
        f"peers: {', '.join(f'{count} by {kind}' for kind, count in sorted(kinds.items())) or 'none'}"
    )
    odd = sorted(peer.host or peer.name for peer in taken.peers if not peer.service)
    if odd:
        shown = ", ".join(odd[:_SHOWN]) + (", …" if len(odd) > _SHOWN else "")
        report.note(f"not recognised as services of Kubernetes, shown as hosts: {shown}")
