"""Computes over how many seconds the requests of a group of rows were counted. Pure.

A pod has figures over the time for which its own proxy was observed. One that started inside the window is
counted from its start on, and one whose newest scrapes are missing until the last of them.

Everything else is counted over the whole window, because before a pod started, and after it ended, other pods
had its share of the traffic. Only where requests are missing, as scraping has just begun, a reporter counts
over the time that was observed, and the rates of the reporters are added.
"""

from __future__ import annotations

import math

import numpy as np

from metrics_server.model import snapshot

Floats = snapshot.Floats
Ints = snapshot.Ints
Bools = snapshot.Bools


class Coverage:
    """The seconds over which the reporters of one snapshot were observed."""

    def __init__(self, moment: snapshot.Snapshot) -> None:
        self._window = moment.window
        self._of_pods = np.array([_of_pod(span, moment) for span in moment.spans], dtype=np.float64)
        """One per reporter: the seconds over which the figures of a pod are; NaN if too short for a rate."""
        self._of_parts = np.array([_of_part(span, moment) for span in moment.spans], dtype=np.float64)
        """One per reporter: the same for a part of a sum."""

    def longest(self, reporter: Ints, group: Ints, pods: Bools) -> Floats:
        """Return the longest time over which a reporter of each group was observed: float64, in seconds.

        `reporter`, `group`: int64 arrays of one length: reporter `reporter[i]` is one of group `group[i]`.
        `pods`: bool, one per group: whether it is one pod. Where no time is long enough for a rate, the
        window.
        """
        found = np.full(len(pods), np.nan)
        np.fmax.at(found, group, self._each(reporter, pods[group]))
        return np.where(np.isfinite(found), found, self._window)

    def seconds(self, reporter: Ints, group: Ints, requests: Floats, pods: Bools) -> Floats:
        """Return over how many seconds the requests of each group were counted: float64, one per group.

        `reporter`, `group`, `requests`: arrays of one length, an entry per row. `pods` as in `longest`. The
        requests of the group divided by the result are the sum of the rates of its rows. A row that was
        observed for too short a time counts over the window; a group of such rows only is NaN.
        """
        each = self._each(reporter, pods[group])
        is_long = np.isfinite(each)
        each = np.where(is_long, each, self._window)
        size = len(pods)
        shortest, longest = np.full(size, np.nan), np.full(size, np.nan)
        np.fmin.at(shortest, group, each)
        np.fmax.at(longest, group, each)
        total = np.bincount(group, weights=requests, minlength=size)
        rate = np.bincount(group, weights=requests / each, minlength=size)
        # A mean of equal values differs from them in the last digits, so they are taken as they are.
        is_mean = (rate > 0) & (shortest < longest)
        mean = np.divide(total, rate, out=longest.copy(), where=is_mean)
        return np.where(np.bincount(group, weights=is_long, minlength=size) > 0, mean, np.nan)

    def _each(self, reporter: Ints, is_pod: Bools) -> Floats:
        return np.where(is_pod, self._of_pods[reporter], self._of_parts[reporter])


def _of_pod(span: snapshot.Span, moment: snapshot.Snapshot) -> float:
    """Return the seconds over which a pod's own requests were counted; NaN if too short for a rate."""
    start = moment.taken - moment.window
    if span.since > start:
        return span.seconds if span.tells_a_rate(moment.interval) else math.nan
    if moment.taken - span.until <= moment.interval:
        return moment.window
    seconds = span.until - (start if span.base is None else span.base)
    return seconds if seconds > 0 else math.nan


def _of_part(span: snapshot.Span, moment: snapshot.Snapshot) -> float:
    """Return the seconds over which a reporter counts in a sum; NaN if too short for a rate.

    If its process started inside the window, no earlier requests are missing: the whole window counts.
    """
    if span.born or span.since <= moment.taken - moment.window:
        return moment.window
    return span.seconds if span.tells_a_rate(moment.interval) else math.nan
