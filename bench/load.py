"""`python -m bench.load`: reads one path over several connections, as a process of its own.

Connections are open and have read once before the clock starts. Only answers with 200 are reads; all others
are counted by their status. Paced clients each read once per pace, spread evenly.
"""

import asyncio
import collections
import dataclasses
import time
from collections.abc import Mapping

import numpy as np

from bench import aside, client, usage

_GRACE = 60.0
"""Seconds beyond its own that a job may take: starting, connecting, the last answers."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    path: str
    accept: str
    connections: int
    seconds: float
    pace: float = 0.0
    """Seconds between two reads of one connection; 0: as fast as it can."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Times in milliseconds; `cpu` is the server's processor time per read."""

    p50: float
    p99: float
    per_second: float
    cpu: float
    kilobytes: float
    refused: dict[str, int]
    """Answers that were not 200, by status."""


async def run(job: Job, server: client.Server) -> Outcome:
    """Do a job in a process of its own."""
    within, what = job.seconds + _GRACE, f"the load on {job.path}"
    return Outcome(**await aside.do("bench.load", job, server=server, within=within, what=what))


def statuses(refused: Mapping[str, int]) -> str:
    """Return answers by status for a table; `-` for none."""
    return ", ".join(f"{count} × {status}" for status, count in refused.items()) or "-"


async def _do(job: Job, server: client.Server) -> Outcome:
    opened = [await client.Connection.open(server) for _ in range(job.connections)]
    statuses: collections.Counter[int] = collections.Counter()
    took: list[float] = []
    first = await asyncio.gather(*(one.get(job.path, accept=job.accept) for one in opened))
    used, begun = usage.cpu(server.pid), time.perf_counter()

    async def read_on(number: int, connection: client.Connection) -> None:
        turn = begun + job.pace * number / job.connections
        while (now := time.perf_counter()) < begun + job.seconds:
            if job.pace and now < turn:
                await asyncio.sleep(turn - now)
                continue
            turn += job.pace
            sent = time.perf_counter()
            status, _ = await connection.get(job.path, accept=job.accept)
            statuses[status] += 1
            if status == 200:
                took.append(time.perf_counter() - sent)

    await asyncio.gather(*(read_on(number, one) for number, one in enumerate(opened)))
    seconds, used = time.perf_counter() - begun, usage.cpu(server.pid) - used
    await asyncio.gather(*(one.aclose() for one in opened))
    if not took:
        raise RuntimeError(f"{job.path}: no answer was 200, but {dict(statuses)}")
    return Outcome(
        p50=float(np.percentile(took, 50)) * 1e3,
        p99=float(np.percentile(took, 99)) * 1e3,
        per_second=len(took) / seconds,
        cpu=used / sum(statuses.values()) * 1e3,
        kilobytes=len(first[0][1]) / 1e3,
        refused={str(status): count for status, count in statuses.items() if status != 200},
    )


if __name__ == "__main__":
    aside.main(_do, job=Job)
