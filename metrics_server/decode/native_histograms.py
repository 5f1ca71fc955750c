"""Converts native histograms of the query API into cumulative counts at bounds, as classic ones have. Pure.

A native histogram is sparse: it lists only buckets with a count above 0, each with its lower and upper bound.
The cumulative count is therefore known at every bound except inside such a bucket; there it is NaN.
Histograms of different resolution share the bounds of the coarser one, as when Prometheus adds them.

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
"""Relative difference of two buckets' growth that is tolerated: the query API writes bounds as rounded
decimals.
"""
_DIGITS = 12
"""Significant digits of a bound in seconds."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """A histogram of N buckets that do not overlap, ascending. Bounds are in seconds."""

    lower: snapshot.Floats
    """float64[N]."""
    upper: snapshot.Floats
    """float64[N]."""
    counts: snapshot.Floats
    """float64[N]: the count inside each bucket, not cumulative."""
    total: float
    exponential: bool
    """Whether the bounds grow by a constant factor; else they were configured (schema -53)."""

    @property
    def bounds(self) -> snapshot.Floats:
        """float64[2N + 1]: all lower bounds, all upper bounds, and +Inf."""
        return np.concatenate([self.lower, self.upper, [np.inf]])


def read(sample: Mapping[str, Any], *, scale: float) -> Histogram:
    """Return a histogram of the query API. `scale`: seconds per unit. Negative bounds become 0.

    Raises faults.BackendRefused or one of `validation.SENSELESS`.
    """
    validation.histogram(sample)
    buckets = sorted(
        (float(low), float(high), float(count)) for _, low, high, count in sample.get("buckets") or ()
    )
    low, high, counts = (np.array([bucket[n] for bucket in buckets]) for n in range(3))
    lower, upper = (
        np.array([max(_rounded(float(bound) * scale), 0.0) for bound in side]) for side in (low, high)
    )
    return Histogram(lower, upper, counts, float(sample["count"]), _grows(low, high))


def _rounded(bound: float) -> float:
    """Return a bound without the rounding error of its unit: 0.25 ms and 0.00025 s become equal."""
    return float(f"{bound:.{_DIGITS}g}")


def _grows(lower: snapshot.Floats, upper: snapshot.Floats) -> bool:
    """Whether all bounds, in the histogram's own unit, are powers of one factor 2^(2^k) with a whole number
    k, as the specification defines for exponential schemas. The lowest bucket may be cut off at the zero
    bucket.
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
    """Return float64: all of these bounds, each once, ascending."""
    return np.unique(np.concatenate(bounds))


def widened(counts: snapshot.Floats, bounds: snapshot.Floats, wanted: snapshot.Floats) -> snapshot.Floats:
    """Return counts, float64[lines, bounds], as float64[lines, wanted]; NaN at bounds that are new."""
    wide = np.full((len(counts), len(wanted)), np.nan)
    wide[:, np.searchsorted(wanted, bounds)] = counts
    return wide


def cumulative(histogram: Histogram, bounds: snapshot.Floats) -> snapshot.Floats:
    """Return float64[bounds]: the count at or below each bound; NaN for a bound inside a bucket."""
    below = np.concatenate([[0.0], np.cumsum(histogram.counts)])
    whole = np.searchsorted(histogram.upper, bounds, side="right")
    counts = below[whole]
    following = np.minimum(whole, len(histogram.lower) - 1)
    if len(histogram.lower):
        inside = (whole < len(histogram.lower)) & (histogram.lower[following] < bounds)
        counts = np.where(inside, np.nan, counts)
    return np.where(np.isposinf(bounds), histogram.total, counts)
