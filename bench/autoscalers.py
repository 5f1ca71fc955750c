"""`python -m bench.autoscalers`: reads what many HPAs read, as their controller does.

It is a process of its own. Each HPA has its turn once a period and reads its metrics one after the other. A
few workers share the turns, each over one connection; five are what a kube-controller-manager has. The turns
are spread evenly over the period, or all come at its beginning, as after a start of the controller.

A job without periods reads everything once, so that later reads find filled caches.
"""

import asyncio
import collections
import dataclasses
import time
from collections.abc import Iterator, Sequence

import numpy as np

from bench import aside, client, usage

PERIOD = 15.0
"""Seconds: `--horizontal-pod-autoscaler-sync-period`."""
_WORKERS = 5
"""`--concurrent-horizontal-pod-autoscaler-syncs`."""
_GRACE = 180.0
"""Seconds beyond its own that a job may take."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    asked: Sequence[Sequence[str]]
    """The paths that each HPA reads."""
    periods: int
    together: bool = False
    """Whether all have their turn when a period begins."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Times in milliseconds, of answers with 200."""

    reads: int
    statuses: dict[str, int]
    seconds: float
    p50: float
    p99: float
    most: float
    late: float
    """Milliseconds by which the last turn of a period was over its time, at most."""
    used: float
    """Seconds of processor time of the server."""


async def run(job: Job, server: client.Server) -> Outcome:
    """Do a job in a process of its own. Raises RuntimeError."""
    within, what = job.periods * PERIOD + _GRACE, "the autoscalers' process"
    return Outcome(**await aside.do("bench.autoscalers", job, server=server, within=within, what=what))


class _Controller:
    def __init__(self, job: Job) -> None:
        self._job = job
        self.statuses: collections.Counter[int] = collections.Counter()
        self.took: list[float] = []
        self.late = 0.0

    async def run(self, connections: Sequence[client.Connection]) -> None:
        begun = time.perf_counter()
        turns = self._turns(begun)
        await asyncio.gather(*(self._work(turns, one) for one in connections))
        await asyncio.sleep(max(0.0, begun + self._job.periods * PERIOD - time.perf_counter()))

    def _turns(self, begun: float) -> Iterator[tuple[float, Sequence[str]]]:
        """When each turn is due, and what is read then."""
        if not self._job.periods:
            yield from ((begun, paths) for paths in self._job.asked)
        step = 0.0 if self._job.together else PERIOD / len(self._job.asked)
        for period in range(self._job.periods):
            for number, paths in enumerate(self._job.asked):
                yield begun + period * PERIOD + number * step, paths

    async def _work(
        self, turns: Iterator[tuple[float, Sequence[str]]], connection: client.Connection
    ) -> None:
        for due, paths in turns:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            for path in paths:
                sent = time.perf_counter()
                status, _ = await connection.get(path)
                self.statuses[status] += 1
                if status == 200:
                    self.took.append(time.perf_counter() - sent)
            self.late = max(self.late, time.perf_counter() - due)


async def _do(job: Job, server: client.Server) -> Outcome:
    connections = [await client.Connection.open(server) for _ in range(_WORKERS)]
    controller = _Controller(job)
    used, begun = usage.cpu(server.pid), time.perf_counter()
    await controller.run(connections)
    seconds, used = time.perf_counter() - begun, usage.cpu(server.pid) - used
    await asyncio.gather(*(one.aclose() for one in connections))
    took = controller.took
    if not took:
        raise RuntimeError(f"no answer was 200, but {dict(controller.statuses)}")
    return Outcome(
        reads=sum(controller.statuses.values()),
        statuses={str(status): count for status, count in controller.statuses.items()},
        seconds=seconds,
        p50=float(np.percentile(took, 50)) * 1e3,
        p99=float(np.percentile(took, 99)) * 1e3,
        most=max(took) * 1e3,
        late=controller.late * 1e3,
        used=used,
    )


if __name__ == "__main__":
    aside.main(_do, job=Job)
