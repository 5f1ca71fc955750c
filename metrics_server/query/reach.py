"""How far back queries reach: for most targets, and for those of jobs that are scraped less often. Pure."""

from __future__ import annotations

from dataclasses import dataclass

_TWO_SCRAPES = 2.2
"""Scrape intervals in which there are at least two scrapes, also if the newest sample is a tenth late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Over which time samples are read. All in seconds."""

    window: float
    """As requested, or two scrape intervals."""
    before: float
    """How much further raw samples reach back."""
    interval: float
    """The scrape interval of most targets."""

    @property
    def seconds(self) -> float:
        """How far raw samples reach back."""
        return self.window + self.before

    @property
    def buckets(self) -> float:
        """The range in which every target has two samples, even if a scrape is a little late."""
        return max(self.window, _TWO_SCRAPES * self.interval)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slow:
    """The jobs whose targets are scraped less often than most, and over which time they are read."""

    jobs: tuple[str, ...]
    times: Times


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How far back targets are read: most of them, and those of slow jobs if there are any."""

    usual: Times
    slow: Slow | None = None

    def covers(self, other: Reach) -> bool:
        """Return whether every target that `other` reaches is reached as far."""
        if other.usual.window > self.usual.window or other.usual.seconds > self.usual.seconds:
            return False
        if other.slow is None:
            return True
        return (
            self.slow is not None
            and set(other.slow.jobs) <= set(self.slow.jobs)
            and other.slow.times.window <= self.slow.times.window
            and other.slow.times.seconds <= self.slow.times.seconds
        )
