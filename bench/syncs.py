"""What a thousand HPAs cost: whether every read is answered, how quickly, and with how many queries.

A warm server keeps its snapshot longer than the measurement lasts; all others refresh by default.
The number of queries must not depend on the number of HPAs.
"""

import dataclasses
from collections.abc import Callable

from bench import autoscalers, hpas, joined, load, polls, report, usage

SHIPPED = 5.0
"""Seconds; the server's default refresh."""
KEPT = 3600.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Some HPAs, and how they read."""

    name: str
    count: int
    latency: bool = True
    together: bool = False
    through: bool = False
    """Whether they read through the kube-apiserver."""


def fresh(most: int) -> list[Case]:
    """The cases of a server that refreshes."""
    few = sorted({min(10, most), min(100, most)} - {most})
    return [
        *(Case(name=f"{count} HPAs", count=count) for count in few),
        Case(name=f"{most} HPAs", count=most),
        Case(name=f"{most} HPAs, all at once", count=most, together=True),
        Case(name=f"{most} HPAs, no latencies", count=most, latency=False),
        Case(name=f"{most} HPAs, through the kube-apiserver", count=most, through=True),
    ]


def warm(most: int) -> list[Case]:
    """The cases of a server that does not."""
    return [
        Case(name=f"{most} HPAs, warm", count=most),
        Case(name=f"{most} HPAs, warm, all at once", count=most, together=True),
    ]


async def measure(
    joint: joined.Joined, cases: list[Case], *, periods: int, say: Callable[[str], None]
) -> dict[str, report.Cells]:
    """Return a row for each case, each measured for so many periods of 15 s. Raises RuntimeError."""
    rows: dict[str, report.Cells] = {}
    for case in cases:
        say(case.name)
        rows[case.name] = await _one(joint, case, periods=periods)
    return rows


async def _one(joint: joined.Joined, case: Case, *, periods: int) -> report.Cells:
    asked = hpas.asked(joint.place.cluster, count=case.count, latency=case.latency)
    door = joint.through if case.through else joint.direct
    job = autoscalers.Job(asked=asked, periods=periods, together=case.together)
    await joint.place.family.guard(autoscalers.run(dataclasses.replace(job, periods=0), door))
    usage.forget_most(door.pid)
    before = await _spent(joint)
    outcome = await joint.place.family.guard(autoscalers.run(job, door))
    queries, prometheus = (now - then for now, then in zip(await _spent(joint), before, strict=True))
    now, most = usage.memory(door.pid)
    refused = {status: count for status, count in outcome.statuses.items() if status != "200"}
    return {
        "reads": outcome.reads,
        "not 200": load.statuses(refused),
        "p50 ms": outcome.p50,
        "p99 ms": outcome.p99,
        "most ms": outcome.most,
        "last turn late ms": outcome.late,
        "our cores": outcome.used / outcome.seconds,
        "PromQL/min": queries / outcome.seconds * 60,
        "Prometheus' cores": prometheus / outcome.seconds,
        "MB": now,
        "MB most": most,
    }


async def _spent(joint: joined.Joined) -> tuple[float, float]:
    """How many queries the server has sent, and what processor time Prometheus has used."""
    return await polls.asked(joint.direct), usage.cpu(joint.place.prometheus_pid)


def table(rows: dict[str, report.Cells]) -> report.Table:
    """Return the rows as one table."""
    return report.Table(
        name="HPAs",
        about=f"two metrics each, read every {autoscalers.PERIOD:g} s by 5 workers; "
        "aims: p99 20 ms (warm 5), 0.3 cores, 300 MB",
        rows=rows,
        compared="p99 ms",
    )
