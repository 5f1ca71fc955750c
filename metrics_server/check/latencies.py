"""Whether the histograms of a mesh can show a latency: their buckets may be too coarse or of another unit."""

from __future__ import annotations

import numpy as np

from metrics_server.check import report
from metrics_server.model import kinds, snapshot
from metrics_server.profiles import schema

_NEARLY_ALL = 0.95
"""The share of timed requests in one bucket from which no quantile is known."""
_MOST = 0.5
"""The share of requests that must be timed for latencies to stand for them."""


def examine(
    taken: snapshot.Snapshot, mesh: schema.Profile, side: kinds.Side, found: report.CheckReport
) -> None:
    """Report on the latencies of one side."""
    calls = taken.calls[side]
    timed = any(view.latency for view in mesh.views if view.side is side)
    total = float(calls.total.sum())
    if not timed or not total > 0:
        return
    if not (calls.buckets.any() or np.isfinite(calls.quantile_values).any()):
        found.bad(
            f"{side} side: requests but no latency buckets; does the scrape drop them, or are histograms off?"
        )
        return
    metrics = " or ".join(
        dict.fromkeys(view.latency.metric for view in mesh.views if view.side is side and view.latency)
    )
    measured, first, last, bounds = _outermost(taken, calls)
    if not measured > 0:
        return
    if first / measured >= _NEARLY_ALL:
        found.bad(
            f"{side} side: {first / measured:.0%} of the latencies are in the first bucket of {metrics}, "
            f"which ends at {bounds[0]:g} s, so that every quantile is only known to be less. Give the "
            "histogram smaller buckets, or correct `unit` in the profile if the bounds are not in that unit."
        )
    elif last / measured >= _NEARLY_ALL:
        found.bad(
            f"{side} side: {last / measured:.0%} of the latencies are in the last bucket of {metrics}, above "
            f"{bounds[1]:g} s, so that every quantile is only known to be more. Give the histogram greater "
            "buckets, or correct `unit` in the profile if the bounds are not in that unit."
        )
    if measured < _MOST * total:
        found.note(
            f"{side} side: {measured:.0f} of {total:.0f} requests are timed; latencies leave out the others"
        )


def _outermost(
    taken: snapshot.Snapshot, calls: snapshot.Calls
) -> tuple[float, float, float, tuple[float, float]]:
    """Return the timed requests, those in the first and in the last bucket, and the bounds of these two.

    Exponential histograms have no first and last bucket, and are left out.
    """
    measured = first = last = 0.0
    bounds = (0.0, 0.0)
    for index, row in enumerate(calls.buckets):
        known = np.flatnonzero(np.isfinite(row))
        if len(known) < 2 or not row[known[-1]] > 0 or (len(calls.exponential) and calls.exponential[index]):
            continue
        counts = row[known]
        measured += counts[-1]
        first += counts[0]
        last += counts[-1] - counts[-2]
        bounds = (float(taken.bounds[known[0]]), float(taken.bounds[known[-2]]))
    return float(measured), float(first), float(last), bounds
