"""Whether figures are true that the server answers while a part of the cluster is broken.

The truth comes from a second server that is not affected: it runs alone on this machine, and reads the
Prometheus of the mesh without the parts that break. Both count the samples of one window, each at its own
moment. So a count may differ by the requests between these moments, and by no more; and the answer must
contain every workload, no other, and no old figures.
"""

import asyncio
import contextlib
import dataclasses
import datetime
import math
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from demo import processes, runner, wait
from metrics_server.model import quantity
from tests import serving
from tests.installed import reading

LIST = "/namespaces/shop/trafficmetrics"
_COUNTED = {"success_count": "successes", "failure_count": "failures"}
_EVERY = 0.5
"""Seconds between two reads of the second server."""
_APART = 2.0
"""Seconds: one between two moments of the same second, and one between two scrapes of a proxy."""
_TOGETHER = 3
"""Requests that may come at once, however rare they are."""
_DEVIATIONS = 3
"""How many standard deviations more than the mean may come in such a short time."""
_OLDEST = 15.0
"""Seconds: twice the time of a slow Prometheus, and a refresh."""
_WITHIN = 90.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    second: float
    """The time of the newest scrape, in Unix time."""
    window: float
    counts: Mapping[str, Mapping[str, float]]
    """By the name of a workload, successes and failures; unknown counts are left out."""


def moment(items: Sequence[Mapping[str, Any]]) -> Moment:
    """Return the moment of a list that is not empty: its items have one time."""
    first = items[0]
    return Moment(
        second=datetime.datetime.fromisoformat(first["timestamp"]).timestamp(),
        window=float(quantity.duration(first["window"])),
        counts={item["metadata"]["name"]: _counts(item) for item in items},
    )


def _counts(item: Mapping[str, Any]) -> Mapping[str, float]:
    values = {one["name"]: float(quantity.parse(one["value"])) for one in item["metrics"]}
    return {what: values[name] for name, what in _COUNTED.items() if name in values}


class Judge:
    """Knows the truth of each second that it has `heard`."""

    def __init__(self) -> None:
        self._true: dict[float, Moment] = {}

    def hear(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Record the current answer of the second server."""
        if items:
            heard = moment(items)
            self._true[heard.second] = heard

    @property
    def knows(self) -> bool:
        return bool(self._true)

    def objections(self, answer: reading.Answer) -> list[str]:
        """Return what is wrong in an answer; empty if it is the truth."""
        if answer.status != 200:
            return [f"it is no answer but a {answer.status}"]
        if not answer.items:
            return ["it tells of nobody"]
        return list(self._objections(moment(answer.items), asked=answer.asked))

    def _objections(self, reply: Moment, *, asked: float) -> Iterator[str]:
        true = min(self._true.values(), key=lambda one: abs(one.second - reply.second))
        apart = abs(true.second - reply.second) + _APART
        if asked - reply.second > _OLDEST:
            yield f"the figures were {asked - reply.second:.0f} s old when they were asked for"
        # If scraping has just begun, the window is the part of it that is covered, which grows with time.
        if abs(reply.window - true.window) > apart:
            yield f"the window is {reply.window:g} s, not {true.window:g} s"
        for name in sorted(reply.counts.keys() ^ true.counts.keys()):
            yield f"{name} is {'invented' if name in reply.counts else 'missing'}"
        for name in sorted(reply.counts.keys() & true.counts.keys()):
            for what, is_so in true.counts[name].items():
                says = reply.counts[name].get(what)
                if says is None:
                    yield f"{name} had {is_so:g} {what}, of which nothing is said"
                    continue
                allowed = tolerance(max(says, is_so) / true.window, apart=apart)
                if abs(says - is_so) > allowed:
                    yield f"{name} had {is_so:g} {what} ± {allowed:.1f}, not {says:g}"

    async def until_true(self, reader: reading.Reader, *, within: float) -> None:
        last: list[str] = []

        async def answers_truly() -> bool:
            last[:] = self.objections(await reader.get(LIST))
            return not last

        await wait.until(answers_truly, what="a true answer", within=within, pause=0.5)

    def never_wrong(self, answers: Sequence[reading.Answer], *, also: frozenset[int] = frozenset()) -> None:
        """Each answer was true or had no figures; `also` are further statuses of answers without figures."""
        assert answers
        wrong = [one for answer in answers if answer.status == 200 for one in self.objections(answer)]
        assert not wrong, wrong[:10]
        strange = {answer.status for answer in answers} - {200, 503, 504, reading.AWAY} - also
        assert not strange, next(answer for answer in answers if answer.status in strange)


def tolerance(rate: float, *, apart: float) -> float:
    """How many requests may come between two moments that are so many seconds apart."""
    come = rate * apart
    return come + _DEVIATIONS * math.sqrt(come) + _TOGETHER


@contextlib.asynccontextmanager
async def sitting(mesh: runner.Mesh, *, folder: Path) -> AsyncIterator[Judge]:
    """Run the judge until the block is left; the block begins when the truth is known."""
    judge = Judge()
    # Both servers know the pods by the labels of their scrapes.
    options = {"refresh": "0.2"}
    async with serving.server(folder, prometheus=mesh.prometheus_url, options=options) as alone:

        async def listen() -> None:
            while True:
                status, reply = await alone.ask(LIST)
                if status == 200:
                    judge.hear(reply["items"])
                await asyncio.sleep(_EVERY)

        async def is_known() -> bool:
            return judge.knows

        listening = asyncio.create_task(listen())
        try:
            await wait.until(is_known, what="the truth of the mesh", within=_WITHIN)
            yield judge
            assert not listening.done(), "the truth was not followed to the end"
        finally:
            await processes.cancelled(listening)
