"""What a read costs for each mesh, and what `auto` costs compared with a profile that is named.

    python -m bench dialects

The same number of edges, reported by Envoy (a name that is parsed), by Istio (labels) and by Hubble (labels,
of both ends). Raw means: the queries of the plan sent without a server, as for `cold`. A read is taken as the
server takes it, in this process: by a profile that is named, and by all of them.
"""

import statistics
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import click

from bench import cold, exporter, report, shape, site, sitting, stages
from demo import ending
from metrics_server.collect import backend_clock, detection
from metrics_server.inventory import file_source, objects
from metrics_server.model import kinds
from metrics_server.profiles import loading, policy, registry
from metrics_server.server import collectors
from metrics_server.store import store
from metrics_server.upstream import prometheus

_FOLDER = Path(".bench/dialects").resolve()
_EDGES = 25_000
_AIM = 0.3
_LOADING_AIM = 50
"""Milliseconds."""
_PATIENCE = prometheus.Patience(connect=5.0, doubt=60.0, probe=5.0, answer=120.0)


class _Watcher:
    """Counts queries, and ignores snapshots."""

    def __init__(self) -> None:
        self.queries = 0

    def query_done(self, outcome: str, seconds: float) -> None:
        self.queries += 1

    def snapshot_taken(self, *, seconds: float, age: float, lag: float) -> None: ...


def pods(mesh: str, edges: int) -> int:
    """Return how many pods report so many edges: Envoy at the caller, the others at both ends."""
    return edges // (shape.EDGES if mesh == "envoy" else 2 * shape.EDGES)


async def measure(
    mesh: str, *, edges: int, rounds: int, where: site.Where, say: Callable[[str], None]
) -> Mapping[str, report.Cells]:
    """Return the figures of one mesh, by table. Raises demo.faults.DemoError."""
    cluster = shape.Shape(pods(mesh, edges))
    async with site.running(where, cluster, report=say, mesh=mesh) as place:
        recording = await sitting.record(place, None, mesh=mesh)
        things = file_source.read(recording.inventory, source="the cluster")
        texts = cold.queries(namespace=None, mesh=mesh)
        raw: list[float] = []
        named: list[float] = []
        auto: list[float] = []
        looking: list[float] = []
        queries: list[int] = []
        for _ in range(rounds):
            raw.append(await _timed(cold.ask(place.http, where, texts, at=time.time())))
            for profiles, times in ((mesh, named), (registry.AUTO, auto)):
                seconds, count = await _read(where, profiles, things)
                times.append(seconds)
                queries.append(count)
            looking.append(await _timed(_look(where)))
    stages.save(recording, _FOLDER / f"recording-{mesh}")
    decoded = stages.decoding_and_rollup(recording, rounds=rounds)
    asked = statistics.median(raw)
    return {
        "decoding": {
            "edges told": edges,
            "raw ms": asked * 1e3,
            "MB": sum(map(len, (*recording.counters, recording.buckets))) / 1e6,
            "decoding and roll-up ms": decoded * 1e3,
            "ratio": decoded / asked,
        },
        "finding": {
            "named ms": statistics.median(named) * 1e3,
            "queries": queries[-2],
            "auto ms": statistics.median(auto) * 1e3,
            "queries of auto": queries[-1],
            "looking ms": statistics.median(looking) * 1e3,
            "ratio": statistics.median(auto) / statistics.median(named),
        },
    }


async def _timed(work: Awaitable[object]) -> float:
    """Return seconds."""
    begun = time.perf_counter()
    await work
    return time.perf_counter() - begun


async def _read(where: site.Where, profiles: str, things: objects.Inventory) -> tuple[float, int]:
    """Return the seconds and the queries of a read of all edges without a cache."""
    watcher = _Watcher()
    backend = prometheus.Prometheus(where.prometheus_url, observer=watcher, patience=_PATIENCE)
    try:
        taker = collectors.taker(
            backend,
            registry.choose(profiles),
            decisions=policy.Policy(),
            watcher=watcher,
            clock=backend_clock.BackendClock(backend, wall=time.time, uptime=time.monotonic),
            stale_after=90.0,
        )
        begun = time.perf_counter()
        taken = await taker.take(None, window=cold.WINDOW, latency=kinds.SIDES)
        if taken is None:
            raise RuntimeError("no proxy was found")
        edges = store.Moment(taken, things, arrived=time.time()).rollup.edges("")
        seconds = time.perf_counter() - begun
    finally:
        await backend.close()
    if not edges:
        raise RuntimeError(f"profile {profiles} reported no edge")
    return seconds, watcher.queries


async def _look(where: site.Where) -> frozenset[str]:
    backend = prometheus.Prometheus(where.prometheus_url, observer=_Watcher(), patience=_PATIENCE)
    try:
        return await detection.find(backend, registry.choose(registry.AUTO), at=time.time())
    finally:
        await backend.close()


def reading(*, rounds: int) -> report.Table:
    """Return how long it takes to read all profiles."""
    taken, count = [], 0
    for _ in range(rounds):
        begun = time.thread_time()
        count = len(loading.shipped())
        taken.append((time.thread_time() - begun) * 1e3)
    cells = {"first ms": taken[0], "median ms": statistics.median(taken)}
    return report.Table(
        name="Loading",
        about=f"processor time; aim: {_LOADING_AIM} ms at most",
        rows={f"{count} profiles": cells},
        compared="median ms",
    )


async def run(
    names: Sequence[str],
    *,
    edges: int,
    rounds: int,
    subnet: str,
    show: Callable[[report.Table], None],
    say: Callable[[str], None],
) -> None:
    """Show the tables. Raises demo.faults.DemoError."""
    show(reading(rounds=rounds))
    found: dict[str, Mapping[str, report.Cells]] = {}
    for name in names:
        where = site.Where(folder=_FOLDER / "run", subnet=subnet)
        found[name] = await measure(name, edges=edges, rounds=rounds, where=where, say=say)
    show(
        report.Table(
            name="Decoding and roll-up by mesh",
            about=f"processor time and the raw query's; aim: {_AIM:g} at most; {rounds} rounds, medians",
            rows={name: tables["decoding"] for name, tables in found.items()},
            compared="ratio",
        )
    )
    show(
        report.Table(
            name="Cold reads by a profile that is named, and by all",
            about="in one process; looking: the query by which meshes are found, once in a minute",
            rows={name: tables["finding"] for name, tables in found.items()},
            compared="ratio",
        )
    )


@click.command()
@click.option("--mesh", "names", multiple=True, type=click.Choice(exporter.MESHES), help="Only these meshes.")
@click.option("--edges", default=_EDGES, show_default=True, help="Number of edges that are reported.")
@click.option("--rounds", default=5, show_default=True)
@site.subnet("127.25.0")
def main(*, names: tuple[str, ...], edges: int, rounds: int, subnet: str) -> None:
    """Measure what a read costs by the mesh that is read: about 12 minutes and 3 GB."""
    ending.until_stopped(_sit(names or exporter.MESHES, edges=edges, rounds=rounds, subnet=subnet))


async def _sit(names: Sequence[str], *, edges: int, rounds: int, subnet: str) -> None:
    with report.sitting(_FOLDER, pods=pods("envoy", edges), width=130) as tables:
        await run(names, edges=edges, rounds=rounds, subnet=subnet, show=tables.show, say=report.say)
