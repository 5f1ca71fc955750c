"""Computes the figures of a group of rows: counts, a rate and latencies, and what limits them. Pure.

Counts and histograms are summed first. A quantile is computed from the summed histogram, never from the
quantiles of the parts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metrics_server.aggregate import latency as aggregate_latency
from metrics_server.model import kinds, number_types, snapshot

Floats = snapshot.Floats
Bools = snapshot.Bools
Quantiles = tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The figures of one resource or edge over the window. None means "not known", which is not 0."""

    side: kinds.Side
    """Where the traffic was observed."""
    success: float | None
    """Requests in the window."""
    failure: float | None
    """Requests in the window."""
    latency: tuple[float | None, ...]
    """Seconds, one per requested quantile."""
    clamped: tuple[bool, ...]
    """One per quantile: the value is the last finite bound of the buckets, and the true one may be higher."""
    approximate: tuple[bool, ...]
    """One per quantile: the value is the highest of the quantiles that the proxies computed themselves."""
    without: tuple[str, ...]
    """The requests that are counted and not timed, in a word each, such as `timeouts`."""
    profiles: tuple[str, ...]
    """The profiles of the meshes whose proxies report this traffic."""
    rate: float | None
    """Requests per second; for a proxy first scraped inside the window, over the time since that scrape."""


class Summing:
    """Sums the rows of one snapshot by group.

    A row is an index into the arrays of `snapshot.calls[side]`, and a group is a number from 0 to `size` - 1.
    `row` and `group` are int64 arrays of one length: row `row[i]` belongs to group `group[i]`. A row may
    belong to several groups, or to none.
    """

    def __init__(self, moment: snapshot.Snapshot) -> None:
        self._snapshot = moment
        self._seconds = np.array([_seconds(span, moment) for span in moment.spans], dtype=np.float64)
        """float64, one per reporter: the seconds over which its requests were counted; NaN if too short for a
        rate.
        """
        self._mesh = np.array(moment.mesh, dtype=np.int64)
        """int64, one per reporter: the number of its mesh."""
        self._limits: dict[tuple[tuple[bool, ...], kinds.Side], tuple[tuple[str, ...], tuple[str, ...]]] = {}

    def reported(self, groups: Sequence[tuple[number_types.GroupNumber, ...]], size: int) -> Bools:
        """Return which meshes report each group: bool, groups × meshes.

        `groups` has one entry per reporter: the numbers of its groups.
        """
        reported = np.zeros((size, len(self._snapshot.meshes)), dtype=np.bool_)
        reporter = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
        group = np.array([number for numbers in groups for number in numbers], dtype=np.int64)
        reported[group, self._mesh[reporter]] = True
        return reported

    def reported_in_rows(
        self,
        side: kinds.Side,
        row: number_types.RowNumbers,
        group: number_types.GroupNumbers,
        size: int,
    ) -> Bools:
        """Return which meshes report each group, from the reporters of its rows: bool, groups × meshes."""
        reported = np.zeros((size, len(self._snapshot.meshes)), dtype=np.bool_)
        reported[group, self._mesh[self._snapshot.calls[side].reporter[row]]] = True
        return reported

    def of(
        self,
        side: kinds.Side,
        row: number_types.RowNumbers,
        group: number_types.GroupNumbers,
        reported: Bools,
        quantiles: Quantiles,
    ) -> list[Figures]:
        """Return the figures of each group on one side, in the order of the group numbers.

        `reported`: bool, groups × meshes: which meshes report the group. It sets the number of groups. A
        group without rows has counts of 0. If one of its meshes creates series before the first request, or
        has none on this side, its counts are not known instead.
        """
        calls = self._snapshot.calls[side]
        size = len(reported)
        success = np.bincount(group, weights=calls.success[row], minlength=size).astype(np.float64)
        failure = np.bincount(group, weights=calls.failure[row], minlength=size).astype(np.float64)
        from_start = np.array([mesh.counted_from_start[side] for mesh in self._snapshot.meshes], dtype=bool)
        unknown = (np.bincount(group, minlength=size) == 0) & (reported & from_start).any(axis=1)
        success[unknown] = failure[unknown] = np.nan
        latency = aggregate_latency.of(self._snapshot, calls, row, group, size=size, quantiles=quantiles)
        rates = self._rates(calls, row, group, size) + 0.0 * success  # NaN where the counts are
        limits = [self._limits_of(tuple(meshes), side) for meshes in reported.tolist()]
        return [
            Figures(
                side=side,
                success=_known(ok),
                failure=_known(bad),
                latency=tuple(_known(value) for value in values),
                clamped=tuple(clamped),
                approximate=tuple(approximate),
                without=without,
                profiles=profiles,
                rate=_known(rate),
            )
            for ok, bad, values, clamped, approximate, (profiles, without), rate in zip(
                success.tolist(),
                failure.tolist(),
                latency.values.tolist(),
                latency.clamped.tolist(),
                latency.approximate.tolist(),
                limits,
                rates.tolist(),
                strict=True,
            )
        ]

    def _limits_of(
        self, reported: tuple[bool, ...], side: kinds.Side
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the profiles of the meshes that report, and the requests that these do not time."""
        key = (reported, side)
        if key not in self._limits:
            meshes = [mesh for mesh, reports in zip(self._snapshot.meshes, reported, strict=True) if reports]
            without = dict.fromkeys(one for mesh in meshes for one in mesh.without.get(side, ()))
            self._limits[key] = tuple(mesh.profile for mesh in meshes), tuple(without)
        return self._limits[key]

    def _rates(
        self,
        calls: snapshot.Calls,
        row: number_types.RowNumbers,
        group: number_types.GroupNumbers,
        size: int,
    ) -> Floats:
        """Return the requests per second of each group: float64, one per group.

        The rates of the reporters are added, each over its own time. A reporter that was observed for too
        short a time adds nothing; a group of such reporters only is NaN.
        """
        seconds = self._seconds[calls.reporter[row]]
        long = np.isfinite(seconds)
        requests = calls.success[row] + calls.failure[row]
        rates = np.bincount(group[long], weights=requests[long] / seconds[long], minlength=size).astype(
            np.float64
        )
        short = np.bincount(group, weights=~long, minlength=size)
        rates[(short > 0) & (short == np.bincount(group, minlength=size))] = np.nan
        return rates


def _seconds(span: snapshot.Span, moment: snapshot.Snapshot) -> float:
    """Return the seconds over which a reporter's requests were counted; NaN if too short for a rate.

    If its process started inside the window, no earlier requests are missing: the whole window counts.
    """
    start = moment.taken - moment.window
    if span.born or span.since <= start:
        return moment.window
    return span.seconds if span.tells_a_rate(moment.interval) else math.nan


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None
