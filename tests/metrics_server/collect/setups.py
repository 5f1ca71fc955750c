"""Set-ups of scraping that somebody else chose: intervals, lags, restarts, shared targets, two jobs.

Every proxy receives a constant rate of requests, so that the truth is known at any time.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence

from metrics_server.aggregate import rollup
from metrics_server.collect import backend_clock, collector
from metrics_server.inventory import objects
from metrics_server.model import kinds, snapshot
from metrics_server.profiles import loading
from metrics_server.store import store
from tests.metrics_server import recording

(ENVOY,) = [mesh for mesh in loading.shipped() if mesh.name == "envoy"]
NOW = 1_000_000.0
HISTORY = 700.0
"""Seconds before NOW for which there are samples."""
STALE_AFTER = 90.0
FUTURE = 400.0
"""Seconds after NOW for which there will be samples."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Scrape:
    """How one job scrapes a proxy. Seconds."""

    job: str
    interval: float
    phase: float = 0.0
    missed: frozenset[int] = frozenset()
    """The numbers of the scrapes that failed; 0 is the newest before NOW."""
    shared: bool = False
    """Whether a target that carries other proxies too reports it, as a federated Prometheus does."""
    port: int = 9901

    def times(self, until: float) -> list[float]:
        count = int((HISTORY + FUTURE) / self.interval)
        newest = until - self.phase
        return [
            newest - self.interval * number for number in range(count, -1, -1) if number not in self.missed
        ]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """One pod, and the requests that it receives."""

    name: str
    rate: int
    scrapes: Sequence[Scrape]
    born: float = -math.inf
    """Seconds before NOW are negative."""
    restarted: float = -math.inf
    """When its process began anew; what it had counted since its last scrape is lost."""
    idle: tuple[float, float] | None = None
    """From when to when it gets no requests. The process evicts the counter meanwhile, and begins a new one
    with the next request.
    """
    cluster: str = ""

    def requests(self, since: float, until: float) -> float:
        """Return the requests between two times, Unix seconds."""
        idle = 0.0
        if self.idle is not None:
            begin, end = (NOW + each for each in self.idle)
            idle = max(0.0, min(until, end) - max(since, begin))
        return self.rate * (until - since - idle)

    def counter(self, at: float) -> float | None:
        """Return the value of its counter; None while there is none."""
        began = self.began(at)
        if self.idle is not None:
            begin, end = (NOW + each for each in self.idle)
            if begin <= at <= end:
                return None
            began = max(began, end) if at > end else began
        return math.floor(self.rate * (at - began))

    def began(self, at: float) -> float:
        begun = NOW - 100_000.0 if math.isinf(self.born) else NOW + self.born
        restarted = NOW + self.restarted
        return restarted if begun < restarted <= at else begun

    def series(self, until: float) -> list[recording.Series]:
        found = []
        for number, scrape in enumerate(self.scrapes):
            times = [time for time in scrape.times(until) if time >= NOW + self.born]
            pod = {"namespace": "shop", "pod": self.name}
            if self.cluster:
                pod["cluster"] = self.cluster
            instance = "prometheus:9090" if scrape.shared else f"10.0.0.{number}:{scrape.port}-{self.name}"
            labels = {**pod, "job": scrape.job, "instance": instance}
            if not scrape.shared:
                found.append(_series("up", [(time, 1.0) for time in times], **labels))
            found += [
                _series("envoy_server_uptime", [(t, t - self.began(t)) for t in times], **labels),
                _series(
                    "envoy_http_downstream_rq_xx",
                    [(t, value) for t in times if (value := self.counter(t)) is not None],
                    envoy_http_conn_manager_prefix="inbound_8080",
                    envoy_response_code_class="2",
                    **labels,
                ),
            ]
        return [one for one in found if one.samples]


def _series(name: str, samples: Iterable[tuple[float, float]], **labels: str) -> recording.Series:
    """Return a series with all digits of its values."""
    return recording.Series({"__name__": name, **labels}, [(time, repr(value)) for time, value in samples])


@dataclasses.dataclass(slots=True)
class Setup:
    """Proxies that a backend knows, some seconds late."""

    proxies: Sequence[Proxy]
    lag: float = 0.0
    ahead: float = 0.0
    """Seconds by which the backend's clock is ahead of the server's."""
    now: float = NOW
    """By the backend's clock."""
    _all: list[recording.Series] = dataclasses.field(default_factory=list)

    async def ask(self, queries: Sequence[str], *, at: float | None) -> list[recording.Answer]:
        at = self.now if at is None else at
        arrived = self.now - self.lag
        held = [dataclasses.replace(one, samples=one.until(arrived)) for one in self._series()]
        known = recording.Recording([one for one in held if one.samples])
        return [recording.Answer(known.ask(query, at=at)) for query in queries]

    def _series(self) -> list[recording.Series]:
        if not self._all:
            self._all = [one for proxy in self.proxies for one in proxy.series(NOW + FUTURE)]
            shared = {s.interval for proxy in self.proxies for s in proxy.scrapes if s.shared}
            for interval in shared:
                times = Scrape(job="federate", interval=interval).times(NOW + FUTURE)
                self._all.append(
                    _series("up", [(t, 1.0) for t in times], job="federate", instance="prometheus:9090")
                )
        return self._all

    def collector(self) -> collector.Collector:
        return collector.Collector(
            self,
            mesh=ENVOY,
            watcher=recording.Deaf(),
            clock=backend_clock.BackendClock(
                self, wall=lambda: self.now - self.ahead, uptime=lambda: self.now
            ),
            stale_after=STALE_AFTER,
            uptime=lambda: self.now,
        )


def received(taken: snapshot.Snapshot, kind: kinds.Kind = kinds.POD) -> dict[str, rollup.Figures]:
    """Return the figures of what each resource of a kind receives, by name."""
    moment = store.Moment(taken, objects.Inventory(), arrived=0.0)
    return {row.resource.name: row.figures for row in moment.rollup.received(kind.name)}
