"""Chooses the time over which each scrape target is counted. Pure.

The window of a target ends with its own newest scrape, begins with one of its scrapes, and spans at least two
of its own scrape intervals. So what is covered is known exactly, and targets that are scraped at different
intervals, or whose samples arrive late, have right rates in one answer. If a series of the target lacks the
newest scrape, it may still arrive (the shards of a remote write are not equally fast), and the window ends
with the scrape before (`shortened`).

A target that is no longer scraped must not keep its last rate, as others do its work from then on. Its window
ends when the other targets of its job were last scraped. How much later than those a target's samples may
arrive, where it is still scraped, is given as `lateness`.
"""

from __future__ import annotations

import bisect
import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from metrics_server.decode import counters, targets
from metrics_server.model import number_types, snapshot

_REGULAR = 0.1
"""Share of the interval by which a scrape may be late."""
_ROUNDED = 0.03
"""Share of the interval by which the configured one may differ from what is observed."""
LATENESS = 0.3
"""Intervals by which samples may arrive late, as a slow scrape makes them, without being known to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetWindows:
    """The windows of T targets, in the order of `ScrapeTargets.found`."""

    starts: counters.Floats
    """float64[T]: Unix seconds."""
    ends: counters.Floats
    """float64[T]: Unix seconds."""
    spans: tuple[snapshot.Span, ...]
    """T: what is covered of each window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """What earlier answers showed about the scrapes of one mesh."""

    intervals: Mapping[str, float]
    """Seconds between two scrapes by job, for targets of which an answer has only one scrape."""
    lateness: Mapping[str, float]
    """Seconds by which samples of a job may arrive later than those of its other targets."""


UNKNOWN = Rhythm(intervals={}, lateness={})
"""The rhythm of a mesh of which there was no answer yet."""


def of(
    proxies: targets.ScrapeTargets,
    *,
    window: float,
    rhythm: Rhythm = UNKNOWN,
) -> TargetWindows:
    """Return the windows of all targets. `window`: as requested, in seconds."""
    found = list(proxies.found.values())
    usual = proxies.interval
    newest = newest_of_jobs(found)
    started = proxies.starts
    windows = [
        _window(
            target,
            starts=started[number],
            newest=newest[target.job],
            wanted=window,
            interval=target.interval or rhythm.intervals.get(target.job) or usual,
            late=rhythm.lateness.get(target.job),
        )
        for number, target in enumerate(found)
    ]
    return TargetWindows(
        starts=np.array([start for start, _, _ in windows], dtype=np.float64),
        ends=np.array([end for _, end, _ in windows], dtype=np.float64),
        spans=tuple(span for _, _, span in windows),
    )


def not_older(proxies: targets.ScrapeTargets, oldest: float) -> targets.ScrapeTargets:
    """Return the targets without those of jobs whose newest scrape is before `oldest` (Unix seconds), unless
    all are.
    """
    newest = newest_of_jobs(proxies.found.values())
    old = {job for job, time in newest.items() if time < oldest}
    if not old or len(old) == len(newest):
        return proxies
    kept = {key: target for key, target in proxies.found.items() if target.job not in old}
    return dataclasses.replace(proxies, found=kept)


def newest_of_jobs(found: Iterable[targets.ScrapeTarget]) -> dict[str, float]:
    """Return the newest scrape of each job, successful or not, Unix seconds."""
    newest: dict[str, float] = {}
    for target in found:
        newest[target.job] = max(newest.get(target.job, -math.inf), target.last_try)
    return newest


def _window(
    target: targets.ScrapeTarget,
    *,
    starts: Sequence[float],
    newest: float,
    wanted: float,
    interval: float | None,
    late: float | None,
) -> tuple[float, float, snapshot.Span]:
    """Return start, end and coverage of a target's window. `newest`: the newest scrape of its job."""
    times = target.times
    length = max(wanted, 2 * whole(interval)) if interval else wanted
    if not times:
        return (
            newest - length,
            newest,
            snapshot.Span(since=newest, until=newest - length, window=length, ended=True),
        )
    last = times[-1]
    ended = interval is not None and newest - last > _patience(target, interval, late)
    end = newest if ended else last
    least = 0.0 if ended or interval is None else snapshot.LEAST_INTERVALS * interval
    base = _base(times, start=end - length, ended=ended, least=least)
    begun = starts[0] if starts and starts[0] <= times[0] else -math.inf
    before = _scrape_before(target, end - length)
    start = end - length
    if begun > (start if before is None else before) and (base is None or begun <= base):
        # The process is younger than the window, or than the last scrape before it.
        start, since, born = min(start, begun if before is None else before), begun, True
    elif base is not None:
        start, since, born = (start if ended else base), base, False
    else:
        since, born = (times[0] if before is None else before), False
    return (
        start,
        end,
        snapshot.Span(
            since=since,
            until=last,
            window=length,
            interval=math.nan if interval is None else interval,
            born=born,
            ended=ended,
            missing=base is None and before is None and not born,
        ),
    )


def whole(interval: float) -> float:
    """Return an interval as it is configured, in whole seconds: scrapes are milliseconds early or late."""
    nearest = float(round(interval))
    return nearest if nearest and abs(interval - nearest) <= _ROUNDED * interval else interval


def _patience(target: targets.ScrapeTarget, interval: float, late: float | None) -> float:
    """Return by how many seconds a target that is still scraped may be behind its job: one more interval if
    a scrape failed, or if no series `up` shows whether one did.
    """
    has_missed = not target.up or target.last_try > target.times[-1]
    missed = interval if has_missed else 0.0
    return interval * (1 + _REGULAR) + missed + max(LATENESS * interval, late or 0.0)


def _base(times: Sequence[float], *, start: float, ended: bool, least: float) -> float | None:
    """Return the scrape whose counters are subtracted: for a target that is still scraped, the one nearest to
    `start` that is at least `least` seconds before the newest; for another, the last at or before `start`.
    None if there is none.
    """
    place = bisect.bisect_right(times, start) - 1
    if ended:
        return times[place] if place >= 0 else None
    place = max(place, 0)
    if place + 1 < len(times) and times[place + 1] - start < start - times[place]:
        place += 1
    while place >= 0 and times[-1] - times[place] < least:
        place -= 1
    return times[place] if place >= 0 and times[place] < times[-1] else None


def _scrape_before(target: targets.ScrapeTarget, start: float) -> float | None:
    """Return the last scrape at or before a time if it succeeded, although the process had no sample yet."""
    before = [sample for sample in target.up if sample[0] <= start]
    return before[-1][0] if before and float(before[-1][1]) == 1.0 else None


def shortened(
    windows: TargetWindows,
    proxies: targets.ScrapeTargets,
    *,
    until: Mapping[number_types.TargetNumber, float],
) -> TargetWindows:
    """Return the windows, some of which end with an earlier scrape of their target, and begin as much earlier
    as scrapes are known. `until`: the time of that scrape, Unix seconds.
    """
    starts, ends, spans = windows.starts.copy(), windows.ends.copy(), list(windows.spans)
    found = list(proxies.found.values())
    for number, end in until.items():
        times, span = found[number].times, spans[number]
        if span.ended or end not in times:
            continue
        since, start = span.since, starts[number]
        if since in times:
            later = len(times) - 1 - times.index(end)
            since = start = times[max(0, times.index(since) - later)]
        if since < end:
            starts[number], ends[number] = start, end
            spans[number] = dataclasses.replace(span, since=since, until=end)
    return TargetWindows(starts=starts, ends=ends, spans=tuple(spans))


def join(
    spans: dict[number_types.ReporterNumber, snapshot.Span],
    reporter: number_types.ReporterNumber,
    span: snapshot.Span,
) -> None:
    """Widen the coverage of a reporter by that of one more target that reports it. Changes `spans`."""
    spans[reporter] = _wider(spans[reporter], span) if reporter in spans else span


def _wider(one: snapshot.Span, other: snapshot.Span) -> snapshot.Span:
    """Return the coverage of a reporter from the coverages of two targets."""
    until = max(one.until, other.until)
    if one.since < other.until and other.since < one.until:
        # Both were scraped at the same time, at other moments: the longer of the two is covered.
        since = until - max(one.seconds, other.seconds)
    else:
        since = min(one.since, other.since)
    return snapshot.Span(
        since=since,
        until=until,
        window=max(one.window, other.window),
        interval=np.fmax(one.interval, other.interval),
        born=one.born and other.born,
        ended=one.ended and other.ended,
        missing=one.missing and other.missing,
    )
