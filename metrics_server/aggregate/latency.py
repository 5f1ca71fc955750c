"""Latencies of groups of rows: quantiles of summed buckets, or of what proxies worked out themselves. Pure.

Buckets add. Quantiles do not: of several the highest is taken, which no request of the group's quantile
exceeds by more than its own proxy says, and it is marked as approximate; an average would be no quantile of
anything.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metrics_server.aggregate import quantile
from metrics_server.model import snapshot

Floats = snapshot.Floats
Ints = snapshot.Ints
Bools = snapshot.Bools


@dataclass(frozen=True, slots=True)
class Latencies:
    """Groups × quantiles, in seconds; NaN is not known."""

    values: Floats
    clamped: Bools
    approximate: Bools


def of(
    moment: snapshot.Snapshot,
    calls: snapshot.Calls,
    row: Ints,
    group: Ints,
    *,
    size: int,
    quantiles: tuple[float, ...],
) -> Latencies:
    """Return the latencies of groups; `row` and `group` say which rows belong to which."""
    buckets = _added(calls.buckets[row], group, size) if quantiles else np.zeros((size, 0))
    found = quantile.of(
        buckets, bounds=moment.bounds, quantiles=quantiles, exponential=_all_native(calls, row, group, size)
    )
    told = _highest(moment, calls, row, group, size=size, quantiles=quantiles)
    approximate = np.isfinite(told)
    return Latencies(np.fmax(found.values, told), found.clamped & ~approximate, approximate)


def _all_native(calls: snapshot.Calls, row: Ints, group: Ints, size: int) -> Bools:
    """Return the groups of which every row with a histogram has a native one."""
    if not len(calls.exponential):
        return np.zeros(size, dtype=np.bool_)
    classic = ~calls.exponential & (np.nan_to_num(calls.buckets).any(axis=1))
    return np.asarray(np.bincount(group, weights=classic[row], minlength=size) == 0, dtype=np.bool_)


def _highest(
    moment: snapshot.Snapshot,
    calls: snapshot.Calls,
    row: Ints,
    group: Ints,
    *,
    size: int,
    quantiles: tuple[float, ...],
) -> Floats:
    highest = np.full((size, len(quantiles)), np.nan)
    if calls.told.shape[1]:
        for column, wanted in enumerate(quantiles):
            for place, told in enumerate(moment.told):
                if abs(told - wanted) < 1e-9:
                    np.fmax.at(highest[:, column], group, calls.told[row, place])
    return highest


def _added(rows: Floats, group: Ints, size: int) -> Floats:
    """Return the sum of the rows of each group."""
    total = np.zeros((size, rows.shape[1]))
    if len(group):
        order = np.argsort(group, kind="stable")
        ordered = group[order]
        starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
        total[ordered[starts]] = np.add.reduceat(rows[order], starts, axis=0)
    return total
