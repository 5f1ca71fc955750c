"""Computes quantiles of histograms, equal to Prometheus' `histogram_quantile`. Pure.

The rules are those of https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile:

* Cumulative counts are made monotone by their running maximum.
* The first bucket begins at 0, unless its bound is not positive.
* A rank inside a bucket is interpolated linearly; inside a bucket of a native histogram, whose bounds grow by
  a factor, exponentially.
* A rank beyond the last finite bound gives that bound. The value is marked `clamped`: the true one may be
  higher.

A bucket that begins at 0 is the first of a classic histogram, or the zero bucket of a native one. Inside it
the value is interpolated like any other, but only its upper bound is certain: requests of 1 ms and of 4 s are
alike in a bucket up to 5 s. That bound is given as `below`.

Proxies may be configured with different buckets. A bound that one histogram of a sum does not have is NaN in
the sum, and is left out for that row: the sum has fewer bounds, and its counts are exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Quantiles:
    """The quantiles of some histograms; each array is histograms × quantiles."""

    values: Floats
    """Float64, in the unit of the bounds; NaN without requests or without a `+Inf` bucket."""
    clamped: Bools
    """Whether the value is the last finite bound, and the true one may be higher."""
    below: Floats
    """Float64: the bound that the true value does not exceed, where it is in a bucket that begins at 0, and
    may be anywhere in it; NaN elsewhere.
    """


def of(
    counts: Floats, *, bounds: Floats, quantiles: tuple[float, ...], exponential: Bools | None = None
) -> Quantiles:
    """Return the quantiles (each 0 to 1) of histograms.

    `counts`: float64, histograms × bounds, cumulative; NaN at a bound that the histogram does not have.
    `bounds`: float64, ascending; the last is +Inf, else no quantile is known. `exponential`: bool, one per
    histogram: whether it is native; None means none.
    """
    values = np.full((len(counts), len(quantiles)), np.nan)
    clamped, below = np.zeros(values.shape, dtype=np.bool_), values.copy()
    if not quantiles or not len(bounds) or not np.isposinf(bounds[-1]):
        return Quantiles(values, clamped, below)
    known = ~np.isnan(counts)
    whole = known[:, -1] & (known.sum(axis=1) >= 2)
    rows = _Rows(counts[whole], known[whole], bounds)
    native = np.zeros(len(counts), dtype=np.bool_) if exponential is None else exponential
    for column, quantile in enumerate(quantiles):
        found = rows.interpolate(quantile, native[whole])
        values[whole, column], clamped[whole, column], below[whole, column] = found
    return Quantiles(values, clamped, below)


class _Rows:
    """Histograms that have the bound `+Inf` and at least one other. `known`: bool, as `counts`: which bounds
    each histogram has.
    """

    def __init__(self, counts: Floats, known: Bools, bounds: Floats) -> None:
        self._bounds = bounds
        # At a missing bound the count is that of the bound before, so that no rank falls between the two.
        self._counts = np.maximum.accumulate(np.where(known, counts, 0.0), axis=1)
        places = np.where(known, np.arange(len(bounds)), -1)
        before = np.maximum.accumulate(places, axis=1)
        self._before = np.concatenate([np.full((len(counts), 1), -1), before[:, :-1]], axis=1)
        """Int64, histograms × bounds: the index of the known bound before each; -1 where there is none."""

    def interpolate(self, quantile: float, exponential: Bools) -> tuple[Floats, Bools, Floats]:
        """Return one quantile of each histogram, whether it is clamped, and the bound that it is below."""
        counts, bounds, row = self._counts, self._bounds, np.arange(len(self._counts))
        total = counts[:, -1]
        rank = quantile * total
        bucket = (counts[:, :-1] < rank[:, None]).sum(axis=1)
        # A rank of 0 is in the first bucket of the histogram.
        bucket = np.where(rank > 0, bucket, self._first())
        before = self._before[row, bucket]
        is_first = before < 0
        lower = np.where(is_first, 0.0, bounds[before])
        base = np.where(is_first, 0.0, counts[row, before])
        beyond = bucket == len(bounds) - 1
        with np.errstate(divide="ignore", invalid="ignore"):
            part = (rank - base) / (counts[row, bucket] - base)
            value = lower + (bounds[bucket] - lower) * part
            growing = lower * (bounds[bucket] / lower) ** part
        value = np.where(exponential & (lower > 0), growing, value)
        value = np.where(beyond, lower, value)
        value = np.where(is_first & (bounds[bucket] <= 0), bounds[bucket], value)
        begins_at_zero = ~beyond & (lower <= 0) & (bounds[bucket] > 0) & (total > 0)
        below = np.where(begins_at_zero, bounds[bucket], np.nan)
        return np.where(total > 0, value, np.nan), beyond & (total > 0), below

    def _first(self) -> Ints:
        """Return the index of the first bound of each histogram: int64, one per histogram."""
        return np.asarray((self._before < 0).sum(axis=1) - 1, dtype=np.int64)
