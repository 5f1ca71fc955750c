"""Compares the requests that were timed with those that were counted. Pure.

A latency may leave requests out: a proxy does not time those that ended in a timeout, a scrape drops the
histograms of some pods, and `rate` does not see the first requests of a series, which began at a count above
0. If the slow ones are among them, the latency is too good. So a latency that clearly leaves requests out is
marked with their share.

Counts and histograms are measured differently, so that a small difference alone means nothing. Counts are
exact over the time of `snapshot.Span`. Histograms are summed from `rate`, which sees the time between the
first and the last scrape of the window, and proxies such as Envoy merge their histograms only every 5 s. The
share that this can explain at a steady load is the margin.

The requests with which counters began are known exactly. A histogram may be split by the same labels, as
Istio's, and then lacks just these; or it may not, as Envoy's. Where at least half of them are missing, the
histogram lacks them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from metrics_server.model import number_types, snapshot

_FLUSH = 5.0
"""Seconds between two merges of a proxy's histograms: the default of Envoy's `stats_flush_interval`."""
_LEAST_MARGIN, _GREATEST_MARGIN = 0.2, 0.5
_LEAST_REQUESTS = 3.0
"""Fewer requests may be missing by chance, because scrapes see whole requests."""
_LEAST_SHARE = 0.01
"""Less is not shown, and would hardly change a P99."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How many requests of a group were counted, and how many timed, each as many as in one window."""

    counted: float
    timed: float
    initial: float
    """Those of the counted ones with which a series began, so that `rate` does not see them."""
    margin: float
    """The share of requests, 0 to 1, that may be missing by the way in which both are measured."""

    @property
    def untimed(self) -> float | None:
        """The share of the requests that are counted and not timed, 0.01 to 1. None if none clearly are."""
        missing = self.counted - self.timed
        if missing >= _LEAST_REQUESTS and missing > self.margin * self.counted:
            return missing / self.counted
        if missing >= self.initial / 2 and self.initial > 0 and self.initial >= _LEAST_SHARE * self.counted:
            return self.initial / self.counted
        return None


class TimedRequests:
    """The requests of one snapshot that were counted, and those that were timed."""

    def __init__(self, moment: snapshot.Snapshot) -> None:
        self._snapshot = moment
        self._seconds = np.array([_seconds(span) for span in moment.spans], dtype=np.float64)
        """One per reporter."""
        self._margin = _margin(moment)

    def of(
        self,
        calls: snapshot.Calls,
        row: number_types.RowNumbers,
        group: number_types.GroupNumbers,
        *,
        size: int,
    ) -> list[Timing]:
        """Return the requests of `size` groups.

        `row`, `group`: int64 arrays of one length: row `row[i]` of `calls` belongs to group `group[i]`.
        Requests of a row for which the proxy computed quantiles itself are taken as timed.
        """
        window = self._snapshot.window
        in_window = window / self._seconds[calls.reporter[row]]
        counted = calls.total[row] * in_window
        timed = np.zeros(len(row))
        if len(self._snapshot.bounds):
            timed = np.nan_to_num(calls.buckets[row, -1]) / self._snapshot.scaled * window
        if calls.quantile_values.shape[1]:
            summarised = np.isfinite(calls.quantile_values[row]).any(axis=1)
            timed = np.where(summarised, np.maximum(timed, counted), timed)
        return [
            Timing(counted=requests, timed=known, initial=first, margin=self._margin)
            for requests, known, first in zip(
                np.bincount(group, weights=counted, minlength=size).tolist(),
                np.bincount(group, weights=timed, minlength=size).tolist(),
                np.bincount(group, weights=calls.initial[row] * in_window, minlength=size).tolist(),
                strict=True,
            )
        ]


def _seconds(span: snapshot.Span) -> float:
    """Return the time by which the requests of a reporter are divided, as `rate` divides them: where it was
    not observed for the whole window, `rate` divides by the window all the same.
    """
    is_part = span.born or span.ended or span.missing
    return span.window if is_part or math.isnan(span.alone) else span.alone


def _margin(moment: snapshot.Snapshot) -> float:
    """Return the share of requests in a merge of histograms that came just before or after a scrape."""
    scrapes = max(2, math.floor(moment.window / moment.interval + 0.01))
    share = _FLUSH / ((scrapes - 1) * moment.interval)
    return min(max(share, _LEAST_MARGIN), _GREATEST_MARGIN)
