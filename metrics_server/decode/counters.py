"""Counts the requests of each counter series inside the window from its raw samples. Pure.

PromQL's `increase` misses the first failures of a healthy service, because their series appears with a value
above 0 and has no earlier sample to subtract. Therefore every raw sample is used here. The count between two
samples of a series is

* their difference, if the counter did not decrease and the process did not restart between them;
* the later value otherwise. What the old process counted after its last scrape is lost and not estimated.

The baseline of the first sample inside the window is the last sample at or before the start of the window. If
there is none, the baseline is 0 where the series is known to be new: an earlier scrape of its target did not
have it, or its process is younger than the window. Otherwise (a gap in the scrapes, or scraping has just
begun) the first sample is itself the baseline and adds nothing.

Times are Unix seconds. Arrays of samples are flat, series after series, in order of time; `first` holds the
index where each series begins.
"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from metrics_server.model import number_types

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """The samples of C counter series as flat arrays of S samples."""

    times: Floats
    """float64[S]: Unix seconds."""
    values: Floats
    """float64[S]."""
    first: Ints
    """int64[C + 1]: the index of each series' first sample, and S."""
    target: number_types.TargetNumbers
    """int64[C]: the number of the target from which each series was scraped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetTimes:
    """When T targets were scraped and their processes started."""

    scraped: Floats
    """float64[T]: the first scrape that succeeded, as far as is known; infinity if none did."""
    starts: tuple[tuple[float, ...], ...]
    """T tuples, by target number: the start of each process of the target, as far as the samples show."""


def requests(samples: Samples, *, targets: TargetTimes, start: float, end: float) -> Floats:
    """Return float64[C]: the requests that each series counted in (start, end], NaN without a sample
    there.
    """
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


def _began_after(samples: Samples, targets: TargetTimes, series: Ints, after: Floats) -> Bools:
    """Return bool[S]: whether a process of the sample's target started in (after, time of the sample].

    `series`: int64[S], the index of each sample's series. `after`: float64[S], Unix seconds.
    """
    most = max(map(len, targets.starts), default=0)
    begun = np.array([(*starts, *[np.nan] * (most - len(starts))) for starts in targets.starts])
    began = np.zeros(len(samples.times), dtype=np.bool_)
    for nth in range(most):
        at = begun[samples.target, nth][series]
        began |= (after < at) & (at <= samples.times)
    return began


def _past_known(samples: Samples, targets: TargetTimes, series: Ints, start: float) -> Bools:
    """Return bool[S]: for the first sample of a series, whether the series is known to be new.

    `series`: int64[S], the index of each sample's series.
    """
    young = _began_after(samples, targets, series, np.full(len(samples.times), start))
    without = targets.scraped[samples.target][series] < samples.times
    known: Bools = (without | young) & (samples.times > start)
    return known


def process_starts(times: Floats, ages: Floats) -> tuple[float, ...]:
    """Return the start of each process of a target (Unix seconds, oldest first), from the age in seconds that
    each scrape reported. `times`, `ages`: float64, one per scrape.

    An age below the one before means a new process. A reported age may be too low but never too high (Envoy
    updates it when it flushes statistics, in whole seconds), so the earliest start that any sample implies is
    the most exact one.
    """
    scrapes, reported, starts, begin = times.tolist(), ages.tolist(), [], 0
    for stop in range(1, len(reported) + 1):
        if stop == len(reported) or reported[stop] < reported[stop - 1]:
            earliest = min(map(operator.sub, scrapes[begin:stop], reported[begin:stop]))
            after = math.nextafter(scrapes[begin - 1], math.inf) if begin else -math.inf
            starts.append(min(max(earliest, after), scrapes[begin]))
            begin = stop
    return tuple(starts)
