"""Computes the figures of a group of rows: counts, a rate and latencies, and what limits them. Pure.

Counts and histograms are summed first. A quantile is computed from the summed histogram, never from the
quantiles of the parts. Total, rate and shares of a figure are defined here and nowhere else.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metrics_server.aggregate import coverage, timing
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
    seconds: float | None
    """The time over which the requests were counted: the window, or the part of it that is covered. None if
    that part is too short for a rate.
    """
    timestamp: float | None
    """The newest scrape of a proxy that reports this traffic, Unix seconds. None if none reports it."""
    latency: tuple[float | None, ...]
    """Seconds, one per requested quantile."""
    clamped: tuple[bool, ...]
    """One per quantile: the value is the last finite bound of the buckets, and the true one may be higher."""
    below: tuple[float | None, ...]
    """One per quantile: a bound, in seconds. The true value does not exceed it and may be anywhere between 0
    and it. None where more than that is known.
    """
    approximate: tuple[bool, ...]
    """One per quantile: the value is the highest of the quantiles that the proxies computed themselves."""
    without: tuple[str, ...]
    """The requests that are counted and not timed, in a word each, such as `timeouts`."""
    profiles: tuple[str, ...]
    """The profiles of the meshes whose proxies report this traffic."""
    timed_requests: timing.Timing | None = None
    """How many of the requests are timed. None if no latency was asked for."""

    @property
    def total(self) -> float | None:
        """Requests in the window, of either outcome."""
        return None if self.success is None or self.failure is None else self.success + self.failure

    @property
    def rate(self) -> float | None:
        """Requests per second over the time that is covered."""
        return None if self.total is None or self.seconds is None else self.total / self.seconds

    @property
    def success_share(self) -> float | None:
        """The part of the requests that succeeded, 0 to 1. None without requests."""
        return share(self.success, self.total)

    @property
    def failure_share(self) -> float | None:
        """The part of the requests that failed, 0 to 1. None without requests."""
        return share(self.failure, self.total)

    @property
    def untimed(self) -> float | None:
        """The part of the requests, 0 to 1, that the latencies leave out. None if it is not clearly above
        0, or there are no latencies.
        """
        timed = any(seconds is not None for seconds in self.latency)
        return self.timed_requests.untimed if timed and self.timed_requests is not None else None


def share(part: float | None, whole: float | None) -> float | None:
    """Return the part ÷ the whole, 0 to 1. None if one of them is not known, or the whole is 0."""
    return part / whole if part is not None and whole else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """Who reports the groups of rows, and how long each group was observed."""

    meshes: Bools
    """Bool, groups × meshes: which meshes report the group."""
    pods: Bools
    """Bool, one per group: whether the group is one pod, which has figures over its own coverage."""
    longest: Floats
    """Float64, one per group: the longest time, in seconds, over which one of its reporters was observed."""
    newest: Floats
    """Float64, one per group: the newest scrape of its reporters, Unix seconds; NaN without a reporter."""

    def __len__(self) -> int:
        return len(self.longest)

    def or_by_all(self) -> Reported:
        """Return the same, with every group that nothing reports as reported by every mesh."""
        return dataclasses.replace(self, meshes=self.meshes | ~self.meshes.any(axis=1, keepdims=True))


class Summing:
    """Sums the rows of one snapshot by group.

    A row is an index into the arrays of `snapshot.calls[side]`, and a group is a number from 0 to `size` - 1.
    `row` and `group` are int64 arrays of one length: row `row[i]` belongs to group `group[i]`. A row may
    belong to several groups, or to none.
    """

    def __init__(self, moment: snapshot.Snapshot) -> None:
        self._snapshot = moment
        self._coverage = coverage.Coverage(moment)
        self._timed = timing.TimedRequests(moment)
        self._mesh = np.array(moment.mesh, dtype=np.int64)
        """int64, one per reporter: the number of its mesh."""
        self._limits: dict[tuple[tuple[bool, ...], kinds.Side], tuple[tuple[str, ...], tuple[str, ...]]] = {}

    def reported(
        self, groups: Sequence[tuple[number_types.GroupNumber, ...]], pods: Sequence[bool]
    ) -> Reported:
        """Return who reports each group.

        `groups` has one entry per reporter: the numbers of its groups. `pods` has one entry per group:
        whether the group is one pod.
        """
        reporter = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
        group = np.array([number for numbers in groups for number in numbers], dtype=np.int64)
        return self._reported(reporter, group, pods)

    def reported_in_rows(
        self,
        side: kinds.Side,
        row: number_types.RowNumbers,
        group: number_types.GroupNumbers,
        pods: Sequence[bool],
    ) -> Reported:
        """Return who reports each group, from the reporters of its rows. `pods` as in `reported`."""
        return self._reported(self._snapshot.calls[side].reporter[row], group, pods)

    def _reported(
        self,
        reporter: number_types.ReporterNumbers,
        group: number_types.GroupNumbers,
        pods: Sequence[bool],
    ) -> Reported:
        meshes = np.zeros((len(pods), len(self._snapshot.meshes)), dtype=np.bool_)
        meshes[group, self._mesh[reporter]] = True
        alone = np.array(pods, dtype=np.bool_)
        longest = self._coverage.longest(reporter, group, alone)
        newest = self._coverage.newest(reporter, group, len(pods))
        return Reported(meshes=meshes, pods=alone, longest=longest, newest=newest)

    def of(
        self,
        side: kinds.Side,
        row: number_types.RowNumbers,
        group: number_types.GroupNumbers,
        reported: Reported,
        quantiles: Quantiles,
    ) -> list[Figures]:
        """Return the figures of each group on one side, in the order of the group numbers.

        `reported` sets the number of groups. A group without rows has counts of 0. If one of its meshes
        creates series before the first request, or has none on this side, its counts are not known instead.
        """
        calls = self._snapshot.calls[side]
        size = len(reported)
        success = np.bincount(group, weights=calls.success[row], minlength=size).astype(np.float64)
        failure = np.bincount(group, weights=calls.failure[row], minlength=size).astype(np.float64)
        from_start = np.array([mesh.counted_from_start[side] for mesh in self._snapshot.meshes], dtype=bool)
        is_empty = np.bincount(group, minlength=size) == 0
        unknown = is_empty & (reported.meshes & from_start).any(axis=1)
        success[unknown] = failure[unknown] = np.nan
        latency = aggregate_latency.of(self._snapshot, calls, row, group, size=size, quantiles=quantiles)
        seconds = np.where(
            is_empty,
            reported.longest,
            self._coverage.seconds(calls.reporter[row], group, calls.total[row], reported.pods),
        )
        timings = self._timed.of(calls, row, group, size=size) if quantiles else [None] * size
        limits = [self._limits_of(tuple(meshes), side) for meshes in reported.meshes.tolist()]
        return [
            Figures(
                side=side,
                success=_known(ok),
                failure=_known(bad),
                seconds=_known(over),
                timestamp=_known(newest),
                latency=tuple(_known(value) for value in values),
                clamped=tuple(clamped),
                below=tuple(_known(bound) for bound in bounds),
                approximate=tuple(approximate),
                without=without,
                profiles=profiles,
                timed_requests=requests,
            )
            for ok, bad, over, newest, values, clamped, bounds, approximate, requests, (
                profiles,
                without,
            ) in zip(
                success.tolist(),
                failure.tolist(),
                seconds.tolist(),
                reported.newest.tolist(),
                latency.values.tolist(),
                latency.clamped.tolist(),
                latency.below.tolist(),
                latency.approximate.tolist(),
                timings,
                limits,
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


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None
