"""Raw counter samples in, requests per series inside the window out. Pure.

`increase` answers wrongly just when it matters: it does not see the first failures of a healthy service,
because their series is born at its full value. Here every sample is looked at. Between two samples of a
series passed

* the difference, if the counter did not fall and its process did not start anew in between;
* the later value, if it did: what an old process counted after its last scrape is lost and is not made up.

Before the first sample inside the window stands the last one at or before its start. Where there is none,
the first value counts if its past is known: an earlier scrape of its target did not have the series, or its
process is younger than the window. Otherwise (a gap in the scrapes, monitoring that just began) only what
passed since counts.

Times are Unix seconds. Arrays of samples are flat, series after series, in order of time; `first` holds
where each begins.
"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """Counter series as flat arrays."""

    times: Floats
    values: Floats
    first: Ints
    """Where each series begins; one entry per series, and one more for the end."""
    target: Ints
    """Which target each series was scraped from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """What is known of each scrape target."""

    scraped: Floats
    """The first scrape that is known to have succeeded; infinity if none is."""
    starts: tuple[tuple[float, ...], ...]
    """When its processes began, as far as the samples tell."""


def requests(samples: Samples, *, targets: Targets, start: float, end: float) -> Floats:
    """Return the requests each series counted in (start, end]; NaN for one without a sample in the window."""
    times, values = samples.times, samples.values
    series = np.repeat(np.arange(len(samples.target)), np.diff(samples.first))
    inside = (times > start) & (times <= end)
    is_first = np.zeros(len(times), dtype=np.bool_)
    is_first[samples.first[:-1][np.diff(samples.first) > 0]] = True
    previous_time = np.where(is_first, -np.inf, np.roll(times, 1))
    previous = np.where(is_first, 0.0, np.roll(values, 1))

    restarted = _began_after(samples, targets, series, previous_time)
    grown = np.where((values < previous) | restarted, values, values - previous)
    grown[is_first & ~_past_known(samples, targets, series, start)] = 0.0
    counted = np.bincount(series, weights=np.where(inside, grown, 0.0), minlength=len(samples.target))
    seen = np.bincount(series, weights=inside, minlength=len(samples.target)) > 0
    return np.where(seen, counted, np.nan)


def _began_after(samples: Samples, targets: Targets, series: Ints, moment: Floats) -> Bools:
    """Whether a process of a sample's target began after a moment and not later than the sample."""
    most = max(map(len, targets.starts), default=0)
    begun = np.array([(*starts, *[np.nan] * (most - len(starts))) for starts in targets.starts])
    began = np.zeros(len(samples.times), dtype=np.bool_)
    for nth in range(most):
        at = begun[samples.target, nth][series]
        began |= (moment < at) & (at <= samples.times)
    return began


def _past_known(samples: Samples, targets: Targets, series: Ints, start: float) -> Bools:
    """Whether a series that begins with this sample is known not to have been there before."""
    young = _began_after(samples, targets, series, np.full(len(samples.times), start))
    without = targets.scraped[samples.target][series] < samples.times
    known: Bools = (without | young) & (samples.times > start)
    return known


def process_starts(times: Floats, ages: Floats) -> tuple[float, ...]:
    """Return when the processes behind a target's ages (seconds) began, oldest first.

    An age that falls is a new process. Within one process the age lags behind (Envoy writes it when it
    flushes its statistics, in whole seconds) and never runs ahead, so the earliest beginning it allows is
    the best.
    """
    moments, told, starts, begin = times.tolist(), ages.tolist(), [], 0
    for stop in range(1, len(told) + 1):
        if stop == len(told) or told[stop] < told[stop - 1]:
            earliest = min(map(operator.sub, moments[begin:stop], told[begin:stop]))
            after = math.nextafter(moments[begin - 1], math.inf) if begin else -math.inf
            starts.append(min(max(earliest, after), moments[begin]))
            begin = stop
    return tuple(starts)
