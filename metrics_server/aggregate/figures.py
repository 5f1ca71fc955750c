"""Figures of groups of rows: counts, rates and latencies, in whose words they were told, and what they are
worth. Pure.

Counts and buckets are summed, and quantiles taken of the sum, never of parts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metrics_server.aggregate import latency as aggregate_latency
from metrics_server.model import kinds, snapshot

Floats = snapshot.Floats
Ints = snapshot.Ints
Bools = snapshot.Bools
Quantiles = tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What is known of some traffic over the window; None is "not known"."""

    side: kinds.Side
    success: float | None
    failure: float | None
    latency: tuple[float | None, ...]
    """Seconds, for each of the quantiles asked for."""
    clamped: tuple[bool, ...]
    """Whether a latency is only a lower limit: it lies beyond the last bound of the buckets."""
    approximate: tuple[bool, ...]
    """Whether a latency is the highest of those that proxies worked out themselves: no more than a bound."""
    without: tuple[str, ...]
    """Requests that are counted and not timed, in a word each."""
    profiles: tuple[str, ...]
    """In whose words it was told."""
    rate: float | None
    """Requests per second; of proxies that have just begun to be scraped, over the time since."""


class Summing:
    """Sums the rows of one snapshot."""

    def __init__(self, moment: snapshot.Snapshot) -> None:
        self._moment = moment
        self._seconds = np.array([_seconds(span, moment) for span in moment.spans], dtype=np.float64)
        """Over which the requests of each reporter were counted; NaN if that is too short to tell a rate."""
        self._mesh = np.array(moment.mesh, dtype=np.int64)
        self._words: dict[tuple[tuple[bool, ...], kinds.Side], tuple[tuple[str, ...], tuple[str, ...]]] = {}

    def told(self, groups: Sequence[tuple[int, ...]], size: int) -> Bools:
        """Return, groups × meshes, who tells of each group; `groups` are those of each reporter."""
        told = np.zeros((size, len(self._moment.meshes)), dtype=np.bool_)
        reporter = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
        group = np.array([number for numbers in groups for number in numbers], dtype=np.int64)
        told[group, self._mesh[reporter]] = True
        return told

    def told_in_rows(self, side: kinds.Side, row: Ints, group: Ints, size: int) -> Bools:
        """Return the same of groups of rows."""
        told = np.zeros((size, len(self._moment.meshes)), dtype=np.bool_)
        told[group, self._mesh[self._moment.calls[side].reporter[row]]] = True
        return told

    def of(
        self, side: kinds.Side, row: Ints, group: Ints, told: Bools, quantiles: Quantiles
    ) -> list[Figures]:
        """Return the figures of each group; `row` and `group` say which rows of a side belong to it, and
        `told` (groups × meshes) whose proxies tell of it.
        """
        calls = self._moment.calls[side]
        size = len(told)
        success = np.bincount(group, weights=calls.success[row], minlength=size).astype(np.float64)
        failure = np.bincount(group, weights=calls.failure[row], minlength=size).astype(np.float64)
        from_start = np.array([mesh.told_from_start[side] for mesh in self._moment.meshes], dtype=bool)
        untold = (np.bincount(group, minlength=size) == 0) & (told & from_start).any(axis=1)
        success[untold] = failure[untold] = np.nan
        latency = aggregate_latency.of(self._moment, calls, row, group, size=size, quantiles=quantiles)
        rates = self._rates(calls, row, group, size) + 0.0 * success
        whose = [self._whose(tuple(meshes), side) for meshes in told.tolist()]
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
                whose,
                rates.tolist(),
                strict=True,
            )
        ]

    def _whose(self, told: tuple[bool, ...], side: kinds.Side) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the profiles that tell, and what their latencies leave out."""
        key = (told, side)
        if key not in self._words:
            meshes = [mesh for mesh, tells in zip(self._moment.meshes, told, strict=True) if tells]
            without = dict.fromkeys(one for mesh in meshes for one in mesh.without.get(side, ()))
            self._words[key] = tuple(mesh.profile for mesh in meshes), tuple(without)
        return self._words[key]

    def _rates(self, calls: snapshot.Calls, row: Ints, group: Ints, size: int) -> Floats:
        """Return requests per second of each group; NaN where none of its reporters is known long enough."""
        seconds = self._seconds[calls.reporter[row]]
        told = np.isfinite(seconds)
        requests = calls.success[row] + calls.failure[row]
        rates = np.bincount(group[told], weights=requests[told] / seconds[told], minlength=size).astype(
            np.float64
        )
        untold = np.bincount(group, weights=~told, minlength=size)
        rates[(untold > 0) & (untold == np.bincount(group, minlength=size))] = np.nan
        return rates


def _seconds(span: snapshot.Span, moment: snapshot.Snapshot) -> float:
    """Return how long a reporter's requests were counted. Of one that was born later nothing is missing."""
    start = moment.taken - moment.window
    if span.born or span.since <= start:
        return moment.window
    return span.seconds if span.tells_a_rate(moment.interval) else math.nan


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None
