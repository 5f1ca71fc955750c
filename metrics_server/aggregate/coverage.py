"""Computes over how many seconds the requests of a group of rows were counted. Pure.

The window of each reporter ends with its own newest scrape and has its own length (`snapshot.Span`). A pod
has figures over the time for which its own proxy was observed. Everything else is a sum: the rates of its
reporters are added. A reporter that started inside the window, or is no longer scraped, counts there over
its whole window, because before it started, and after it ended, others had its share of the traffic.
"""

from __future__ import annotations

import numpy as np

from metrics_server.model import snapshot

Floats = snapshot.Floats
Ints = snapshot.Ints
Bools = snapshot.Bools


class Coverage:
    """The seconds over which the reporters of one snapshot were observed."""

    def __init__(self, moment: snapshot.Snapshot) -> None:
        self._window = moment.window
        self._alone = np.array([span.alone for span in moment.spans], dtype=np.float64)
        """One per reporter: the seconds over which the figures of a pod are; NaN if too short for a rate."""
        self._in_sum = np.array([span.in_sum for span in moment.spans], dtype=np.float64)
        """One per reporter: the same for a part of a sum."""
        self._windows = np.array([span.window for span in moment.spans], dtype=np.float64)
        """One per reporter: its window, in seconds."""
        self._until = np.array([span.until for span in moment.spans], dtype=np.float64)
        """One per reporter: its newest scrape, Unix seconds."""

    def longest(self, reporter: Ints, group: Ints, pods: Bools) -> Floats:
        """Return the longest time over which a reporter of each group was observed: float64, in seconds.

        `reporter`, `group`: int64 arrays of one length: reporter `reporter[i]` is one of group `group[i]`.
        `pods`: bool, one per group: whether it is one pod. Where no time is long enough for a rate, the
        window.
        """
        found = np.full(len(pods), np.nan)
        np.fmax.at(found, group, self._each(reporter, pods[group]))
        return np.where(np.isfinite(found), found, self._window)

    def newest(self, reporter: Ints, group: Ints, size: int) -> Floats:
        """Return the newest scrape of the reporters of each of `size` groups: float64, Unix seconds; NaN
        without a reporter. `reporter`, `group`: as for `longest`.
        """
        found = np.full(size, np.nan)
        np.fmax.at(found, group, self._until[reporter])
        return found

    def seconds(self, reporter: Ints, group: Ints, requests: Floats, pods: Bools) -> Floats:
        """Return over how many seconds the requests of each group were counted: float64, one per group.

        `reporter`, `group`, `requests`: arrays of one length, an entry per row. `pods` as in `longest`. The
        requests of the group divided by the result are the sum of the rates of its rows. A row that was
        observed for too short a time counts over the window; a group of such rows only is NaN.
        """
        each = self._each(reporter, pods[group])
        is_long = np.isfinite(each)
        each = np.where(is_long, each, self._windows[reporter])
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
        return np.where(is_pod, self._alone[reporter], self._in_sum[reporter])
