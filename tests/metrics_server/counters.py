"""Helpers for the tests of counting: scraped samples of counters, and the requests counted from them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from metrics_server.decode import counters

START, END = 1000.0, 1030.0
Sample = tuple[float, float]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The samples of one target: its process ages, the time of its first scrape, and its counters."""

    ages: Sequence[Sample] = ()
    scraped: float = 980.0
    series: Sequence[Sequence[Sample]]


def count(*targets: Target) -> list[float]:
    return [float(value) for value in counts(*targets).requests]


def counts(*targets: Target) -> counters.Counts:
    samples = [one for target in targets for one in target.series]
    flat = [sample for one in samples for sample in one]
    return counters.count(
        counters.Samples(
            times=np.array([time for time, _ in flat], dtype=float),
            values=np.array([value for _, value in flat], dtype=float),
            first=np.cumsum([0, *(len(one) for one in samples)], dtype=np.int64),
            target=np.array(
                [number for number, target in enumerate(targets) for _ in target.series], dtype=np.int64
            ),
        ),
        targets=counters.TargetTimes(
            scraped=np.array([target.scraped for target in targets], dtype=float),
            starts=tuple(starts(target.ages) for target in targets),
            scrapes=tuple([time for time, _ in target.ages] for target in targets),
            window_start=np.full(len(targets), START),
            window_end=np.full(len(targets), END),
        ),
    )


def starts(ages: Sequence[Sample]) -> tuple[float, ...]:
    return counters.process_starts([time for time, _ in ages], [age for _, age in ages])


def every(seconds: float, first: float, last: float) -> list[float]:
    return [first + seconds * step for step in range(int((last - first) // seconds) + 1)]


def old(times: Iterable[float], begun: float = 0.0) -> list[Sample]:
    """Return the ages at these times of a process that began at `begun`, in seconds."""
    return [(time, time - begun) for time in times]
