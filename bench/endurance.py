"""How the server changes under hours of use: `python -m bench endurance`, compressed into ten minutes.

The pods of the mesh are replaced, each at least once; Prometheus fails from time to time; readers,
autoscalers, and browsers with the real dashboard open. Measured are the memory of the processes, whether it
grows, and every answer, which is compared with what really happened (`oracle`).
"""

import asyncio
import collections
import contextlib
import dataclasses
import random
import time
from pathlib import Path

import click
import numpy as np

from bench import enduring, judging, report, shape, site, visitors, vitals
from demo import ending, faults

_FOLDER = Path(".bench/endurance").resolve()
_EVERY = 5.0
"""Seconds between two measurements of the processes."""
_LATER = 3.0
"""Seconds after which an answer is judged: by then all scrapes are known."""
_GROWTH_AIM = 1.0
"""Megabytes a minute, over the second half."""
_FLAT = 3
"""Files or threads by which the last quarter may exceed the second."""
_MOMENTS = 10
"""Rows of the table over time."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    pods: int
    minutes: float
    readers: int
    autoscalers: int
    dashboards: int


@click.command()
@click.option("--minutes", type=float, default=10.0, show_default=True, help="Duration of the measurement.")
@click.option("--pods", type=int, default=2000, show_default=True, help="Pods; each is replaced.")
@click.option("--readers", type=int, default=6, show_default=True, help="Connections that read lists.")
@click.option("--autoscalers", type=int, default=200, show_default=True, help="Each reads every 15 s.")
@click.option("--dashboards", type=int, default=4, show_default=True, help="Pages; each reads every 5 s.")
@site.subnet("127.26.0")
def main(*, subnet: str, **given: float) -> None:
    """Measure whether memory grows under load, and check every answer."""
    effort = Effort(**given)  # type: ignore[arg-type]  # click has made the types
    ending.until_stopped(_sit(effort, where=site.Where(folder=_FOLDER / "run", subnet=subnet)))


async def _sit(effort: Effort, *, where: site.Where) -> None:
    try:
        cluster = shape.Shape(effort.pods)
    except ValueError as error:
        raise faults.DemoError(str(error)) from error
    with report.sitting(_FOLDER, pods=effort.pods, width=150) as tables:
        async with enduring.running(where, cluster, lifetime=effort.minutes * 60, report=report.say) as place:
            watch = _Watch(place)
            await place.family.guard(watch.run(effort))
            for table in watch.tables():
                tables.show(table)
        for example in watch.examples():
            report.say(example)


class _Watch:
    def __init__(self, place: enduring.Place) -> None:
        self._place = place
        self.ledger = visitors.Ledger()
        self._judge = judging.Judge(place.churning, knows=place.knows)
        self._samples: dict[str, list[vitals.Sample]] = collections.defaultdict(list)
        self._queries: list[tuple[float, float]] = []
        self._begun = time.monotonic()

    async def run(self, effort: Effort) -> None:
        """Run for the requested time."""
        place, dice = self._place, random.Random(1)
        await place.warm()
        self._begun = time.monotonic()
        report.say(f"{effort.minutes:g} minutes of use")
        queries = ["", "?view=table", *(f"?ns={name}" for name in place.churning.cluster.namespaces[:3])]
        pages = [
            visitors.browse(place.dashboard, self.ledger, queries=queries, dice=random.Random(number))
            for number in range(effort.dashboards)
        ]
        turns = [visitors.reader(place.churning, random.Random(number)) for number in range(effort.readers)]
        scaling = visitors.autoscalers(place.churning, effort.autoscalers)
        reads = [
            visitors.read("autoscalers", place.server, self.ledger, turn=scaling),
            *(visitors.read("readers", place.server, self.ledger, turn=turn) for turn in turns),
        ]
        own = [place.fail_now_and_then(dice), place.follow(), self._look(), self._judge_on()]
        async with asyncio.TaskGroup() as tasks:
            under_way = [tasks.create_task(each) for each in (*own, *reads, *pages)]
            await asyncio.sleep(effort.minutes * 60)
            for task in under_way:
                task.cancel()
        await asyncio.sleep(_LATER)
        await self._judge_all()

    async def _look(self) -> None:
        while True:
            for name in enduring.WATCHED:
                self._samples[name].append(vitals.sample(self._place.family.pid(name)))
            with contextlib.suppress(OSError, RuntimeError, EOFError):
                self._queries.append((time.monotonic(), await self._place.queries()))
            await asyncio.sleep(_EVERY)

    async def _judge_on(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            await self._judge_all()

    async def _judge_all(self) -> None:
        """The answers that are old enough to be judged."""
        known = await self._place.learn()
        while self.ledger.heard and self.ledger.heard[0].received < known - _LATER:
            heard = self.ledger.heard.popleft()
            asked, received = heard.asked, heard.received
            failing = self._place.failed(asked, received)
            lately = self._place.failed(asked, received, after=enduring.PATIENCE)
            who = "autoscalers" if heard.kind == "autoscaler" else "readers"
            for wrong in self._judge.wrong(heard, failing=failing, failed_lately=lately):
                self.ledger.blame(who, f"{heard.path}: {wrong}")
            # There is more to do than to judge.
            await asyncio.sleep(0)

    def examples(self) -> list[str]:
        """Return the slowest answers, and some of those that were wrong."""
        slowest = sorted(self.ledger.slowest, reverse=True)
        return [
            *(
                f"{took:.1f} s: {what}; last failure {self._place.failure_before(at)}"
                for took, at, what in slowest
            ),
            *(example[:1000] for example in self.ledger.examples[:40]),
        ]

    def tables(self) -> list[report.Table]:
        return [self._held(), self._over_time(), self._answered(), self._verdict()]

    def _held(self) -> report.Table:
        return report.Table(
            name="What the processes hold",
            about=f"every {_EVERY:g} s; growth over the second half; aim: {_GROWTH_AIM:g} MB/min at most",
            rows={name: vitals.cells(samples) for name, samples in self._samples.items()},
            compared="MB last",
        )

    def _over_time(self) -> report.Table:
        servers = self._samples["server"]
        step = max(1, len(servers) // _MOMENTS)
        rows = {
            f"{one.at - self._begun:.0f} s": {
                "server MB": one.megabytes,
                "files": one.files,
                "threads": one.threads,
                "dashboard MB": other.megabytes,
            }
            for one, other in list(zip(servers, self._samples["dashboard"], strict=False))[::step]
        }
        return report.Table(name="Over time", about="of the server and the dashboard", rows=rows)

    def _answered(self) -> report.Table:
        rows: dict[str, report.Cells] = {}
        for who, statuses in self.ledger.statuses.items():
            took = self.ledger.took[who]
            rows[who] = {
                "answers": sum(statuses.values()),
                "by status": ", ".join(f"{count} × {status}" for status, count in statuses.most_common()),
                "p50 ms": float(np.percentile(took, 50)) * 1e3,
                "p99 ms": float(np.percentile(took, 99)) * 1e3,
                "most ms": max(took) * 1e3,
                "wrong": self.ledger.wrong[who],
            }
        return report.Table(
            name="Answers",
            about=f"{self._judge.judged:,} figures compared with the truth; "
            f"{self._judge.short:,} counts over less than their window",
            rows=rows,
            compared="p99 ms",
        )

    def _verdict(self) -> report.Table:
        growth = vitals.slope(self._samples["server"], "megabytes")
        flat = all(vitals.growth(self._samples["server"], figure) <= _FLAT for figure in ("files", "threads"))
        wrong = sum(self.ledger.wrong.values())
        (since, first), (until, last) = self._queries[0], self._queries[-1]
        cells: report.Cells = {
            "wrong answers": wrong,
            "server MB/min": growth,
            "files and threads": "flat" if flat else "NOT flat",
            "PromQL/min": (last - first) / (until - since) * 60 if until > since else 0.0,
            "failures of Prometheus": self._place.failures(),
            "verdict": "good" if not wrong and flat and growth <= _GROWTH_AIM else "BAD",
        }
        return report.Table(name="Verdict", about="aims: none wrong, nothing grows", rows={"all": cells})
