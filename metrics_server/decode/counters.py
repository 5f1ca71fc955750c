"""Counts the requests of each counter series inside its target's window from its raw samples. Pure.

PromQL's `increase` misses the first failures of a healthy service, because their series appears with a value
above 0 and has no earlier sample to subtract. Therefore every raw sample is used here. The count between two
samples of a series is

* their difference, if the counter did not decrease and neither the process nor the series began anew between
  them;
* the later value otherwise. What was counted after the last scrape before is lost and not estimated.

A series began anew if its target was scraped twice between the two samples and did not have it: the proxy
evicted the counter, and made it again.

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
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from metrics_server.model import number_types

_MISSED = 2
"""Scrapes from sample to sample up to which a series was only not read: one of its values was no number."""
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
    """When T targets were scraped, when their processes started, and what their windows are."""

    scraped: Floats
    """float64[T]: the first scrape that succeeded, as far as is known; infinity if none did."""
    starts: tuple[tuple[float, ...], ...]
    """T tuples, by target number: the start of each process of the target, as far as the samples show."""
    scrapes: tuple[Sequence[float], ...]
    """T sequences, by target number: the scrapes that succeeded, ascending; empty where not known."""
    window_start: Floats
    """float64[T]."""
    window_end: Floats
    """float64[T]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The requests that C series counted in the windows of their targets, (start, end]."""

    requests: Floats
    """float64[C]: NaN without a sample there."""
    initial: Floats
    """float64[C]: those with which the series began: its first sample, where it is known to be new."""


def count(samples: Samples, *, targets: TargetTimes) -> Counts:
    """Return the requests of each series."""
    times, values = samples.times, samples.values
    series = np.repeat(np.arange(len(samples.target)), np.diff(samples.first))
    target = samples.target[series]
    start = targets.window_start[target]
    inside = (times > start) & (times <= targets.window_end[target])
    is_first = np.zeros(len(times), dtype=np.bool_)
    is_first[samples.first[:-1][np.diff(samples.first) > 0]] = True
    previous_time = np.where(is_first, -np.inf, np.roll(times, 1))
    previous = np.where(is_first, 0.0, np.roll(values, 1))

    anew = _began_after(samples, targets, target, previous_time)
    anew |= _was_away(times, target, targets) & ~is_first
    grown = np.where((values < previous) | anew, values, values - previous)
    grown[is_first & ~_past_known(samples, targets, target, start)] = 0.0
    counted = np.bincount(series, weights=np.where(inside, grown, 0.0), minlength=len(samples.target))
    seen = np.bincount(series, weights=inside, minlength=len(samples.target)) > 0
    new = np.where(inside & is_first, grown, 0.0)
    initial = np.bincount(series, weights=new, minlength=len(samples.target)).astype(np.float64)
    return Counts(requests=np.where(seen, counted, np.nan), initial=initial)


def _was_away(times: Floats, target: Ints, targets: TargetTimes) -> Bools:
    """Return bool[S]: whether the target was scraped more than once between this sample and the sample
    before, and did not have the series. `target`: int64[S].

    It is known only where both samples have the time of a scrape; a database or a proxy may give samples
    times of its own.
    """
    number = np.repeat(np.arange(len(targets.scrapes)), [len(each) for each in targets.scrapes])
    scrapes = np.array([time for each in targets.scrapes for time in each], dtype=np.float64)
    if not len(scrapes) or not len(times):
        return np.zeros(len(times), dtype=np.bool_)
    # One sorted array for all targets: each target has a range of its own that no time leaves.
    earliest = min(float(scrapes.min()), float(times.min()))
    width = max(float(scrapes.max()), float(times.max())) - earliest + 1.0
    order = (scrapes - earliest) + number * width
    wanted = (times - earliest) + target * width
    place = np.minimum(np.searchsorted(order, wanted), len(order) - 1)
    is_scrape = (number[place] == target) & (scrapes[place] == times)
    before = np.roll(place, 1)
    away: Bools = (
        is_scrape & np.roll(is_scrape, 1) & (np.roll(target, 1) == target) & (place - before > _MISSED)
    )
    return away


def _began_after(samples: Samples, targets: TargetTimes, target: Ints, after: Floats) -> Bools:
    """Return bool[S]: whether a process of the sample's target started in (after, time of the sample].

    `target`: int64[S], the number of each sample's target. `after`: float64[S], Unix seconds.
    """
    most = max(map(len, targets.starts), default=0)
    begun = np.array([(*starts, *[np.nan] * (most - len(starts))) for starts in targets.starts])
    began = np.zeros(len(samples.times), dtype=np.bool_)
    for nth in range(most):
        at = begun[target, nth]
        began |= (after < at) & (at <= samples.times)
    return began


def _past_known(samples: Samples, targets: TargetTimes, target: Ints, start: Floats) -> Bools:
    """Return bool[S]: for the first sample of a series, whether the series is known to be new.

    `target`: int64[S], the number of each sample's target. `start`: float64[S], the start of its window.
    """
    young = _began_after(samples, targets, target, start)
    without = targets.scraped[target] < samples.times
    known: Bools = (without | young) & (samples.times > start)
    return known


def process_starts(times: Sequence[float], ages: Sequence[float]) -> tuple[float, ...]:
    """Return the start of each process of a target (Unix seconds, oldest first), from the age in seconds that
    each scrape reported. `times`, `ages`: one per scrape.

    An age below the one before means a new process. A reported age may be too low but never too high (Envoy
    updates it when it flushes statistics, in whole seconds), so the earliest start that any sample implies is
    the most exact one.
    """
    starts, begin = [], 0
    for stop in range(1, len(ages) + 1):
        if stop == len(ages) or ages[stop] < ages[stop - 1]:
            earliest = min(map(operator.sub, times[begin:stop], ages[begin:stop]))
            after = math.nextafter(times[begin - 1], math.inf) if begin else -math.inf
            starts.append(min(max(earliest, after), times[begin]))
            begin = stop
    return tuple(starts)
