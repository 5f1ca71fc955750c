"""Quantiles of summed histogram buckets, equal to Prometheus' `histogram_quantile`. Pure.

Cumulative counts per bound go in, one row per resource. As in Prometheus, counts are first made monotone by
their running maximum, the first bucket reaches down to 0 unless its bound is not positive, a rank inside a
bucket is interpolated linearly, and one beyond the last finite bound is that bound: such a value is marked
`clamped`, for it is only a lower limit.

A bound that some part of a sum does not have (proxies configured with different buckets) is NaN in the sum
and is left out for that row: the coarser histogram is still exact, a sum of unlike ones would not be.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Quantiles:
    """One row per histogram, one column per quantile; NaN where nothing was counted or no `+Inf` bucket
    exists.
    """

    values: Floats
    clamped: npt.NDArray[np.bool_]


def of(counts: Floats, *, bounds: Floats, quantiles: tuple[float, ...]) -> Quantiles:
    """Return the quantiles of `counts` (rows × bounds, cumulative); `bounds` ascend and are in the unit
    of the
    answer.
    """
    values = np.full((len(counts), len(quantiles)), np.nan)
    clamped = np.zeros(values.shape, dtype=np.bool_)
    gaps = np.isnan(counts)
    for layout in np.unique(gaps, axis=0) if counts.size else ():
        rows = np.flatnonzero((gaps == layout).all(axis=1))
        kept = ~layout
        if kept.sum() < 2 or not np.isposinf(bounds[kept][-1]):
            continue
        for column, quantile in enumerate(quantiles):
            part = _interpolate(counts[np.ix_(rows, kept)], bounds[kept], quantile)
            values[rows, column], clamped[rows, column] = part
    return Quantiles(values, clamped)


def _interpolate(counts: Floats, bounds: Floats, quantile: float) -> tuple[Floats, npt.NDArray[np.bool_]]:
    counts = np.maximum.accumulate(counts, axis=1)
    total = counts[:, -1]
    rank = quantile * total
    bucket = (counts[:, :-1] < rank[:, None]).sum(axis=1)
    row = np.arange(len(counts))
    below = np.maximum(bucket - 1, 0)
    lower = np.where(bucket > 0, bounds[below], 0.0)
    base = np.where(bucket > 0, counts[row, below], 0.0)
    beyond = bucket == len(bounds) - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        value = lower + (bounds[bucket] - lower) * ((rank - base) / (counts[row, bucket] - base))
    value = np.where(beyond, bounds[-2], value)
    if bounds[0] <= 0:
        value = np.where(bucket == 0, bounds[0], value)
    return np.where(total > 0, value, np.nan), beyond & (total > 0)
