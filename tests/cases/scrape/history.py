"""Half an hour of scrapes of pods whose requests are known, written into a database at once.

A collector with a clock of its own then reads every moment of that half hour. So the sum of all rates can be
compared with the requests that there were, and with what the database's own functions answer.
"""

from __future__ import annotations

import asyncio
import dataclasses
import math
import random
import statistics
from collections.abc import Iterator, Mapping, Sequence

import aiohttp

from demo import wait
from metrics_server.collect import collector
from metrics_server.inventory import objects
from metrics_server.profiles import loading
from metrics_server.store import store
from metrics_server.upstream import credentials, prometheus
from tests.cases.scrape import remote_write
from tests.metrics_server import recording

BEFORE = 400.0
"""Seconds of scrapes before the first moment that is read."""
PERIOD = 180.0
"""Seconds from burst to burst."""
_BURST = 20.0
"""Seconds for which a burst lasts."""
_PODS = 4
_JITTER = 0.02
"""Seconds by which a scrape may be late."""
_AGE = 86400.0
"""Seconds since the pods started when the history begins."""
_METRIC = "envoy_http_downstream_rq_xx"
_SCRAPED = "envoy_server_uptime"


@dataclasses.dataclass(frozen=True, slots=True)
class Load:
    """Requests per second of one pod: in bursts, and between them."""

    name: str
    burst: float
    usual: float

    def count(self, seconds: float) -> int:
        """Return the requests of the first so many seconds."""
        periods, rest = divmod(seconds, PERIOD)
        in_burst = min(rest, _BURST)
        whole = self.burst * _BURST + self.usual * (PERIOD - _BURST)
        return math.floor(periods * whole + self.burst * in_burst + self.usual * (rest - in_burst))

    @property
    def rate(self) -> float:
        """The mean of all pods together."""
        return _PODS * (self.burst * _BURST + self.usual * (PERIOD - _BURST)) / PERIOD


STEADY = Load("steady", 40.0, 40.0)
BURSTY = Load("bursty", 400.0, 10.0)
LOADS = (STEADY, BURSTY)
"""Each is the load of the namespace of that name."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Scrapes of all loads. Times are Unix seconds, durations are seconds."""

    ended: float
    """The last moment."""
    seconds: float
    """The time that is read; whole periods."""
    every: float
    """From scrape to scrape."""

    @property
    def begun(self) -> float:
        """The first moment that is read."""
        return self.ended - self.seconds

    @property
    def pods(self) -> int:
        """The number of targets."""
        return _PODS * len(LOADS)

    def series(self) -> Iterator[tuple[Mapping[str, str], Sequence[tuple[float, float]]]]:
        """Return the labels and the samples of all series."""
        dice = random.Random(self.every)
        for load in LOADS:
            for number in range(_PODS):
                labels = {
                    "job": "envoy",
                    "instance": f"{load.name}-{number}:15090",
                    "namespace": load.name,
                    "pod": f"{load.name}-{number}",
                }
                times = self._scrapes(dice)
                began = self.begun - BEFORE - _AGE - dice.uniform(0.0, PERIOD)
                classes = {"envoy_http_conn_manager_prefix": "inbound_8080", "envoy_response_code_class": "2"}
                yield {**labels, "__name__": "up"}, [(at, 1.0) for at in times]
                ages = [(at, float(math.floor(at - began))) for at in times]
                yield {**labels, "__name__": _SCRAPED}, ages
                counts = [(at, float(load.count(at - began))) for at in times]
                yield {**labels, **classes, "__name__": _METRIC}, counts

    def _scrapes(self, dice: random.Random) -> Sequence[float]:
        first = self.begun - BEFORE + dice.uniform(0.0, self.every)
        number = int((self.ended - first) / self.every)
        times = [first + self.every * step + dice.uniform(0.0, _JITTER) for step in range(number + 1)]
        return [round(at, 3) for at in times if at <= self.ended]

    async def write(self, database: str) -> None:
        """Write it into a database, and return when all of it is answered."""
        async with aiohttp.ClientSession() as http:
            body = remote_write.message(self.series())
            async with http.post(
                f"{database}/api/v1/write", data=body, headers=remote_write.HEADERS
            ) as answer:
                assert answer.status < 300, await answer.text()

            async def complete() -> bool:
                query = {"query": "count_over_time(up[1h])", "time": f"{self.ended:.3f}"}
                async with http.post(f"{database}/api/v1/query", data=query) as answer:
                    found = (await answer.json())["data"]["result"]
                expected = int((self.seconds + BEFORE) / self.every) - 1
                return len(found) == self.pods and all(
                    int(one["value"][1]) >= min(expected, 3600 // self.every) for one in found
                )

            await wait.until(complete, what=f"the history in {database}", within=30, pause=0.2)


@dataclasses.dataclass(frozen=True, slots=True)
class Rates:
    """The requests per second of one load at each moment; None where there was no answer."""

    load: Load
    found: Sequence[float | None]

    @property
    def bias(self) -> float | None:
        """By which share the mean of all rates differs from the truth; None without any."""
        known = [rate for rate in self.found if rate is not None]
        return statistics.fmean(known) / self.load.rate - 1 if known else None

    @property
    def unknown(self) -> float:
        """The share of the moments without an answer."""
        return self.found.count(None) / len(self.found)


@dataclasses.dataclass(slots=True)
class _Clock:
    """A clock that is set."""

    now: float

    async def read(self) -> float:
        """Return the time that was set."""
        return self.now


class _Unobserved:
    def query_done(self, outcome: str, seconds: float) -> None:
        """Forget it."""


async def collected(database: str, history: History, load: Load, *, window: float, step: float) -> Rates:
    """Return the rates that this project reads, every `step` seconds. `window`: seconds."""
    (envoy,) = [mesh for mesh in loading.shipped() if mesh.name == "envoy"]
    clock = _Clock(history.begun)
    client = prometheus.Prometheus(database, observer=_Unobserved(), presenting=lambda: credentials.NOTHING)
    taker = collector.Collector(
        client,
        mesh=envoy,
        watcher=recording.Deaf(),
        clock=clock,
        stale_after=150.0,
        uptime=lambda: clock.now,
    )
    found: list[float | None] = []
    try:
        for at in _moments(history, step):
            clock.now = at
            taken = await taker.take(load.name, window=window, latency=())
            assert taken is not None
            moment = store.Moment(taken, objects.Inventory(), arrived=at)
            rates = {one.resource.name: one.figures.rate for one in moment.rollup.received("Namespace", ())}
            found.append(rates[load.name])
            await asyncio.sleep(0)
    finally:
        await client.close()
    return Rates(load, found)


async def evaluated(
    database: str, history: History, load: Load, *, function: str, window: float, step: float
) -> Rates:
    """Return the rates that a function of the database answers at the same moments: `rate`, or `increase`
    by the window.
    """
    selector = f'{_METRIC}{{namespace="{load.name}"}}[{window:g}s]'
    divided = f" / {window:g}" if function == "increase" else ""
    moments = list(_moments(history, step))
    asked = {
        "query": f"sum({function}({selector})){divided}",
        "start": f"{moments[0]:.3f}",
        "end": f"{moments[-1]:.3f}",
        "step": f"{step:g}",
        "nocache": "1",
    }
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{database}/api/v1/query_range", data=asked) as answer,
    ):
        result = (await answer.json())["data"]["result"]
    values = {round(at, 3): float(value) for at, value in result[0]["values"]} if result else {}
    return Rates(load, [values.get(round(at, 3)) for at in moments])


def _moments(history: History, step: float) -> Iterator[float]:
    """Return the moments that are read."""
    return (round(history.begun + step * number, 3) for number in range(1, int(history.seconds / step) + 1))
