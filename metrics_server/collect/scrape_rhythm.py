"""Learns from answers how the targets of one mesh are scraped: how often, and how late their samples arrive.

Targets of one mesh may be scraped at different intervals, and their samples may arrive late, as with remote
write or federation. Queries must reach back far enough for the slowest, and quantiles must be computed for a
time of which all samples have arrived.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from metrics_server.decode import target_keys, targets, windows
from metrics_server.model import snapshot
from metrics_server.query import reach as query_reach

_KEPT = 300.0
"""Seconds for which the longest lag, and the longest lateness of a job, are kept."""
_SLOW = 1.25
"""A job is slow if its scrape interval is so many times the usual one."""
_MOST = 0.95
"""The share of targets whose samples have arrived. A job that is gone must not make all others late."""


@dataclass(frozen=True, slots=True)
class _Lateness:
    seconds: float
    since: float
    """The uptime at which it was observed."""


class ScrapeRhythm:
    """What is known about the scrapes of one mesh. `uptime`: a monotonic clock in seconds."""

    def __init__(self, uptime: Callable[[], float], *, usual: float) -> None:
        """`usual`: the scrape interval in seconds that is assumed until one is observed."""
        self._uptime = uptime
        self._usual = usual
        self.interval = usual
        """Seconds: the scrape interval of most targets."""
        self._lag = _Lateness(0.0, -math.inf)
        self._intervals: dict[str, float] = {}
        self._lateness: dict[str, _Lateness] = {}
        self._before: dict[str | None, dict[target_keys.Key, tuple[float, float]]] = {}
        """For each scope, by target: its newest scrape, and the newest of its job."""

    @property
    def known(self) -> windows.Rhythm:
        """What decoding needs."""
        return windows.Rhythm(
            intervals=self._intervals, lateness={job: one.seconds for job, one in self._lateness.items()}
        )

    @property
    def lag(self) -> float:
        """The seconds by which samples arrive late: the most that was noted lately."""
        return self._lag.seconds

    def note_lag(self, seconds: float) -> None:
        """Note by how many seconds the samples of an answer were late."""
        now = self._uptime()
        if seconds > self._lag.seconds or now - self._lag.since > _KEPT:
            self._lag = _Lateness(float(math.ceil(seconds)), now)

    @property
    def slow(self) -> Mapping[str, float]:
        """The jobs with a longer scrape interval than usual, and that interval in seconds."""
        return {job: each for job, each in self._intervals.items() if each > _SLOW * self.interval}

    def reach(self, window: float) -> query_reach.Reach:
        """Return how far back to read for a window as requested, in seconds."""
        return query_reach.Reach(usual=self._times(window), slow=self._slow(window))

    def _times(self, window: float) -> query_reach.Times:
        """Return the time over which targets with the usual scrape interval are read."""
        return self._reaching(window, self.interval)

    def _reaching(self, window: float, interval: float) -> query_reach.Times:
        before = 2 * interval + self.lag
        return query_reach.Times(window=max(window, 2 * interval), before=before, interval=interval)

    def _slow(self, window: float) -> query_reach.Slow | None:
        """Return the jobs whose targets need a longer time than usual, and that time."""
        usual, slow = self._times(window), self.slow
        if not slow:
            return None
        times = self._reaching(window, max(slow.values()))
        if times.seconds <= usual.seconds:
            return None
        return query_reach.Slow(jobs=tuple(sorted(slow)), times=times)

    def observe(self, proxies: targets.ScrapeTargets) -> None:
        """Learn the intervals in an answer."""
        seen = proxies.interval
        # None: no target was scraped twice, however far back; scraping has just begun.
        self.interval = self._usual if seen is None else windows.whole(seen)
        self.add(proxies.found.values())

    def add(self, found: Iterable[targets.ScrapeTarget]) -> None:
        """Learn the scrape intervals of these targets, by their jobs: that of the slowest target counts."""
        slowest: dict[str, float] = {}
        for target in found:
            if (interval := target.interval) is not None:
                slowest[target.job] = max(slowest.get(target.job, 0.0), windows.whole(interval))
        self._intervals.update(slowest)

    def compare(self, scope: str | None, proxies: targets.ScrapeTargets) -> None:
        """Learn how late samples arrive: those that an earlier answer of this scope should have had."""
        newest = windows.newest_of_jobs(proxies.found.values())
        before = self._before.get(scope, {})
        late = dict.fromkeys(newest, 0.0) if before else {}
        for key, target in proxies.found.items():
            if key in before:
                last, newest_then = before[key]
                missed = next((time for time in target.times if last < time <= newest_then), newest_then)
                late[target.job] = max(late[target.job], newest_then - missed)
        now = self._uptime()
        for job, seconds in late.items():
            known = self._lateness.get(job)
            if known is None or seconds >= known.seconds or now - known.since > _KEPT:
                self._lateness[job] = _Lateness(seconds, now)
        self._before[scope] = {
            key: (target.times[-1], newest[target.job])
            for key, target in proxies.found.items()
            if target.times
        }

    def lag_of(self, spans: Iterable[snapshot.Span], *, taken: float) -> float:
        """Return by how many seconds the samples of most targets that are scraped are late, as seen at
        `taken`.
        """
        late = sorted(
            max(0.0, taken - span.until - (span.interval if span.interval > 0 else self.interval))
            for span in spans
            if not span.ended
        )
        return late[int(len(late) * _MOST)] if late else 0.0
