"""Native histograms, as the query API tells them, beside classic ones: cumulative counts at bounds. Pure.

A native histogram is sparse: it tells the buckets that have something in them, each with both its bounds.
How many lie below a bound is thus known everywhere but inside such a bucket: there it is NaN. Histograms of
unlike resolution share the bounds of the coarser one, as when Prometheus adds them.

https://prometheus.io/docs/specs/native_histograms/
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from metrics_server.model import snapshot, validation

_ALIKE = 1e-6
"""By which share the growth of two buckets of one histogram may differ: bounds are told in decimals."""
_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts in buckets that do not meet, ascending. Bounds in seconds."""

    lower: snapshot.Floats
    upper: snapshot.Floats
    counts: snapshot.Floats
    total: float
    exponential: bool
    """Whether each bucket is wider than the one before by the same factor; else its bounds were chosen."""

    @property
    def bounds(self) -> snapshot.Floats:
        """All bounds, and +Inf."""
        return np.concatenate([self.lower, self.upper, [np.inf]])


def read(told: Mapping[str, Any], *, scale: float) -> Histogram:
    """Return a histogram of the query API; `scale` is seconds per unit. Durations are not negative."""
    validation.histogram(told)
    buckets = sorted(
        (float(low), float(high), float(count)) for _, low, high, count in told.get("buckets") or ()
    )
    low, high, counts = (np.array([bucket[n] for bucket in buckets]) for n in range(3))
    lower, upper = (
        np.array([max(_rounded(float(bound) * scale), 0.0) for bound in side]) for side in (low, high)
    )
    return Histogram(lower, upper, counts, float(told["count"]), _grows(low, high))


def _rounded(bound: float) -> float:
    """Return a bound without the noise of its unit: 0.25 ms and 0.00025 s are the same."""
    return float(f"{bound:.{_DIGITS}g}")


def _grows(lower: snapshot.Floats, upper: snapshot.Floats) -> bool:
    """Whether bounds, in the histogram's own unit, are powers of one factor, which is 2 to the power of 2 to
    some whole power. The lowest bucket may be cut off where that of 0 ends.
    """
    proper = (lower > 0) & np.isfinite(upper)
    lowest, highest = np.log2(lower[proper]), np.log2(upper[proper])
    if not len(highest):
        return True
    width = float(highest[-1] - lowest[-1])
    schema = math.log2(width)
    powers = np.concatenate([lowest[1:], highest]) / width
    is_whole = np.abs(powers - np.round(powers)) < _ALIKE
    alike = np.allclose((highest - lowest)[1:], width, rtol=_ALIKE) and highest[0] - lowest[0] < width * (
        1 + _ALIKE
    )
    return bool(is_whole.all() and alike and abs(schema - round(schema)) < _ALIKE * 10)


def union(bounds: Sequence[snapshot.Floats]) -> snapshot.Floats:
    """Return all of these bounds once, ascending."""
    return np.unique(np.concatenate(bounds))


def widened(counts: snapshot.Floats, bounds: snapshot.Floats, wanted: snapshot.Floats) -> snapshot.Floats:
    """Return classic histograms with more bounds, at which nothing is known of them."""
    wide = np.full((len(counts), len(wanted)), np.nan)
    wide[:, np.searchsorted(wanted, bounds)] = counts
    return wide


def cumulative(histogram: Histogram, bounds: snapshot.Floats) -> snapshot.Floats:
    """Return how much lies at or below each of these bounds; NaN inside a bucket with something in it."""
    below = np.concatenate([[0.0], np.cumsum(histogram.counts)])
    whole = np.searchsorted(histogram.upper, bounds, side="right")
    counts = below[whole]
    following = np.minimum(whole, len(histogram.lower) - 1)
    if len(histogram.lower):
        inside = (whole < len(histogram.lower)) & (histogram.lower[following] < bounds)
        counts = np.where(inside, np.nan, counts)
    return np.where(np.isposinf(bounds), histogram.total, counts)
