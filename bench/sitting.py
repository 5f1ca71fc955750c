"""One sitting from beginning to end: what is measured, in which order, on which server.

Three servers run one after another, because they shall keep their snapshots for different times; what each
holds in memory at its end is a figure too.
"""

import dataclasses
import time
from collections.abc import Callable

from bench import client, cold, polls, report, shape, site, stages, usage, warm

_MEMORY_AIM = 200
"""Megabytes."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How long is measured."""

    cold_rounds: int
    warm_seconds: float
    poll_seconds: float
    stage_rounds: int


FULL = Effort(cold_rounds=7, warm_seconds=2.0, poll_seconds=45.0, stage_rounds=7)
QUICK = Effort(cold_rounds=3, warm_seconds=1.0, poll_seconds=15.0, stage_rounds=3)


async def run(
    where: site.Where,
    cluster: shape.Shape,
    *,
    effort: Effort,
    show: Callable[[report.Table], None],
    say: Callable[[str], None],
) -> None:
    """Show the tables as they come, and say what is under way. Raises demo.faults.DemoError."""
    show(_shape(cluster))
    held: dict[str, report.Cells] = {}
    async with site.running(where, cluster, report=say) as place:
        async with place.server(refresh=cold.REFRESH) as server:
            say("cold reads")
            show(await cold.measure(place, server, rounds=effort.cold_rounds))
            held["after cold reads only"] = _memory(server)
        async with place.server(refresh=warm.REFRESH) as server:
            say("warm reads")
            show(await warm.measure(place, server, seconds=effort.warm_seconds))
            held["after warm reads only"] = _memory(server)
        async with place.server(refresh=polls.REFRESH) as server:
            say("polling")
            show(await polls.measure(place, server, seconds=effort.poll_seconds))
            held["after polling"] = _memory(server)
        held["(Prometheus)"] = _cells(*usage.memory(place.prometheus_pid))
        recordings = [await record(place, namespace) for namespace in (None, cluster.namespaces[0])]
    show(report.Table(name="Memory", about=f"MB; aim: {_MEMORY_AIM} at most", rows=held, compared="most"))
    say("stages")
    for recording in recordings:
        stages.save(recording, where.folder / f"recording-{recording.namespace or 'all'}")
        show(stages.measure(recording, rounds=effort.stage_rounds))


def _shape(cluster: shape.Shape) -> report.Table:
    per_pod = {"requests": 2 * shape.EDGES + 5, "buckets": 20 * (shape.EDGES + 1)}
    cells: report.Cells = {
        "pods": len(cluster.pods),
        "workloads": len(cluster.workloads),
        "namespaces": len(cluster.namespaces),
        "edges of pods": len(cluster.pods) * shape.EDGES,
        "request series": len(cluster.pods) * per_pod["requests"],
        "bucket series": len(cluster.pods) * per_pod["buckets"],
    }
    return report.Table(name="Cluster", about="scraped live every 15 s", rows={"shape": cells})


def _memory(server: client.Server) -> report.Cells:
    return _cells(*usage.memory(server.pid))


def _cells(now: float, most: float) -> report.Cells:
    return {"now": now, "most": most}


async def record(place: site.Site, namespace: str | None, *, mesh: str = "envoy") -> stages.Recording:
    """Return what Prometheus answers to a plan of a mesh."""
    taken = time.time()
    *counters, buckets = await cold.ask(
        place.http, place.where, cold.queries(namespace=namespace, mesh=mesh), at=taken
    )
    return stages.Recording(
        mesh=mesh,
        namespace=namespace,
        taken=taken,
        window=cold.WINDOW,
        counters=counters,
        buckets=buckets,
        inventory=place.where.inventory.read_text(encoding="utf-8"),
    )
