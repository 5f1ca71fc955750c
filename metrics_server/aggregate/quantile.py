"""Quantiles of summed histogram buckets, equal to Prometheus' `histogram_quantile`. Pure.

Cumulative counts per bound go in, one row per resource. As in Prometheus, counts are first made monotone by
their running maximum, the first bucket reaches down to 0 unless its bound is not positive, a rank inside a
bucket is interpolated linearly, and one beyond the last finite bound is that bound: such a value is marked
`clamped`, for it is only a lower limit.

A bound that some part of a sum does not have (proxies configured with different buckets) is NaN in the sum
and is left out for that row: the coarser histogram is still exact, a sum of unlike ones would not be.

Inside a bucket of a native histogram, which is wider than the one before by a factor, a rank is interpolated
along its logarithm.
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
    """One row per histogram, one column per quantile; NaN where nothing was counted or no `+Inf` bucket
    exists.
    """

    values: Floats
    clamped: Bools


def of(
    counts: Floats, *, bounds: Floats, quantiles: tuple[float, ...], exponential: Bools | None = None
) -> Quantiles:
    """Return the quantiles of `counts` (rows × bounds, cumulative); `bounds` ascend and are in the unit
    of the answer. `exponential`: which rows are native histograms.
    """
    values = np.full((len(counts), len(quantiles)), np.nan)
    clamped = np.zeros(values.shape, dtype=np.bool_)
    if not quantiles or not len(bounds) or not np.isposinf(bounds[-1]):
        return Quantiles(values, clamped)
    known = ~np.isnan(counts)
    whole = known[:, -1] & (known.sum(axis=1) >= 2)
    rows = _Rows(counts[whole], known[whole], bounds)
    native = np.zeros(len(counts), dtype=np.bool_) if exponential is None else exponential
    for column, quantile in enumerate(quantiles):
        values[whole, column], clamped[whole, column] = rows.interpolate(quantile, native[whole])
    return Quantiles(values, clamped)


class _Rows:
    """Histograms, each with the bounds that it knows; all know the last."""

    def __init__(self, counts: Floats, known: Bools, bounds: Floats) -> None:
        self._bounds = bounds
        # What is not known is what it was at the bound before: no rank falls there.
        self._counts = np.maximum.accumulate(np.where(known, counts, 0.0), axis=1)
        places = np.where(known, np.arange(len(bounds)), -1)
        before = np.maximum.accumulate(places, axis=1)
        self._before = np.concatenate([np.full((len(counts), 1), -1), before[:, :-1]], axis=1)
        """The last known bound before each; -1 where there is none."""

    def interpolate(self, quantile: float, exponential: Bools) -> tuple[Floats, Bools]:
        counts, bounds, row = self._counts, self._bounds, np.arange(len(self._counts))
        total = counts[:, -1]
        rank = quantile * total
        bucket = (counts[:, :-1] < rank[:, None]).sum(axis=1)
        # A rank of 0 is in the first bucket that is known.
        bucket = np.where(rank > 0, bucket, self._first())
        below = self._before[row, bucket]
        is_first = below < 0
        lower = np.where(is_first, 0.0, bounds[below])
        base = np.where(is_first, 0.0, counts[row, below])
        beyond = bucket == len(bounds) - 1
        with np.errstate(divide="ignore", invalid="ignore"):
            part = (rank - base) / (counts[row, bucket] - base)
            value = lower + (bounds[bucket] - lower) * part
            growing = lower * (bounds[bucket] / lower) ** part
        value = np.where(exponential & (lower > 0), growing, value)
        value = np.where(beyond, lower, value)
        value = np.where(is_first & (bounds[bucket] <= 0), bounds[bucket], value)
        return np.where(total > 0, value, np.nan), beyond & (total > 0)

    def _first(self) -> Ints:
        """Return the first bound that is known in each row."""
        return np.asarray((self._before < 0).sum(axis=1) - 1, dtype=np.int64)
