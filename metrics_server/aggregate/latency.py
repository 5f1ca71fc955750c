"""Computes the latencies of groups of rows, from summed histograms or from quantiles of the proxies. Pure.

Histograms can be summed, and a quantile computed from the sum. Some proxies report quantiles that they
computed themselves; these cannot be summed. The highest of them is taken, because the quantile of all
requests together cannot be higher, and it is marked as approximate. An average of quantiles would be no
quantile of any set of requests.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metrics_server.aggregate import quantile
from metrics_server.model import number_types, snapshot

Floats = snapshot.Floats
Bools = snapshot.Bools


@dataclass(frozen=True, slots=True)
class Latencies:
    """The latencies of groups; each array is groups × quantiles."""

    values: Floats
    """Float64, in seconds; NaN if not known."""
    clamped: Bools
    """Whether the value is the last finite bound, and the true one may be higher."""
    below: Floats
    """Float64: the bound in seconds that the true value does not exceed, where only that is certain; NaN
    elsewhere.
    """
    approximate: Bools
    """Whether the value is the highest of quantiles that proxies computed themselves."""


def of(
    moment: snapshot.Snapshot,
    calls: snapshot.Calls,
    row: number_types.RowNumbers,
    group: number_types.GroupNumbers,
    *,
    size: int,
    quantiles: tuple[float, ...],
) -> Latencies:
    """Return the latencies of `size` groups at `quantiles` (each 0 to 1).

    `row`, `group`: int64 arrays of one length: row `row[i]` of `calls` belongs to group `group[i]`.
    """
    buckets = _added(calls.buckets[row], group, size) if quantiles else np.zeros((size, 0))
    found = quantile.of(
        buckets, bounds=moment.bounds, quantiles=quantiles, exponential=_all_native(calls, row, group, size)
    )
    highest = _highest(moment, calls, row, group, size=size, quantiles=quantiles)
    return Latencies(
        values=np.fmax(found.values, highest),
        clamped=found.clamped & ~(highest > found.values),
        below=np.where(highest >= found.below, np.nan, found.below),
        approximate=np.isfinite(highest),
    )


def _all_native(
    calls: snapshot.Calls, row: number_types.RowNumbers, group: number_types.GroupNumbers, size: int
) -> Bools:
    """Return bool, one per group: whether every row of it with a histogram has a native one."""
    if not len(calls.exponential):
        return np.zeros(size, dtype=np.bool_)
    classic = ~calls.exponential & (np.nan_to_num(calls.buckets).any(axis=1))
    return np.asarray(np.bincount(group, weights=classic[row], minlength=size) == 0, dtype=np.bool_)


def _highest(
    moment: snapshot.Snapshot,
    calls: snapshot.Calls,
    row: number_types.RowNumbers,
    group: number_types.GroupNumbers,
    *,
    size: int,
    quantiles: tuple[float, ...],
) -> Floats:
    """Return the highest quantile that a proxy of each group computed itself: float64, groups × quantiles,
    in seconds; NaN where there is none.
    """
    highest = np.full((size, len(quantiles)), np.nan)
    if calls.quantile_values.shape[1]:
        for column, wanted in enumerate(quantiles):
            for place, reported in enumerate(moment.quantile_levels):
                if abs(reported - wanted) < 1e-9:
                    np.fmax.at(highest[:, column], group, calls.quantile_values[row, place])
    return highest


def _added(rows: Floats, group: number_types.GroupNumbers, size: int) -> Floats:
    """Return the sum of the rows of each group: float64, groups × columns of `rows`. `group`: one per row."""
    total = np.zeros((size, rows.shape[1]))
    if len(group):
        order = np.argsort(group, kind="stable")
        ordered = group[order]
        starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
        total[ordered[starts]] = np.add.reduceat(rows[order], starts, axis=0)
    return total
