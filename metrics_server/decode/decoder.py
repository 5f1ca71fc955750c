"""Decodes the answers of Prometheus into a snapshot.

Each counter series is assigned to a side, a reporter and a peer and counted by the rules of `counters`; then
the histograms are added to the rows. A process that is scraped by several jobs counts once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from metrics_server.decode import counter_series, histograms, latency_rows, reporters, targets
from metrics_server.decode import counters as decode_counters
from metrics_server.decode import windows as decode_windows
from metrics_server.model import kinds, number_types, snapshot
from metrics_server.profiles import schema

Series = counter_series.Series
Strict = counter_series.Strict
_LATE = 2.5
"""Scrape intervals after which a series that has no newer sample has ended."""


def lenient(namespace: str) -> bool:
    """Return False: responses 4xx are successes in every namespace."""
    return False


def read(
    counters: Iterable[Series],
    buckets: Iterable[Series],
    *,
    proxies: targets.ScrapeTargets,
    taken: float,
    window: float,
    interval: float,
    strict: Strict = lenient,
) -> snapshot.Snapshot:
    """Return the snapshot in these answers. `proxies` are the targets that `targets.find` found in
    `counters`.
    """
    windows = decode_windows.of(proxies, window=window)
    counted = count(counters, proxies=proxies, taken=taken, window=window, windows=windows, strict=strict)
    return complete(counted, buckets, interval=interval, requested=window)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A snapshot in the making: its requests are counted, its latencies are not known yet."""

    proxies: targets.ScrapeTargets
    taken: float
    window: float
    windows: decode_windows.TargetWindows
    who: reporters.Identities
    spans: Mapping[number_types.ReporterNumber, snapshot.Span]
    chosen: counter_series.ChosenCounters
    counts: decode_counters.Counts
    """The requests of each series in the window."""


def count(
    counters: Iterable[Series],
    *,
    proxies: targets.ScrapeTargets,
    taken: float,
    window: float,
    windows: decode_windows.TargetWindows,
    strict: Strict = lenient,
) -> Counted:
    """Return the counts of all series. This need not wait for the buckets, which arrive much later.

    `taken`: when Prometheus was asked, Unix seconds by its clock. `window`: as requested, in seconds.

    Raises faults.BackendRefused or one of `validation.SENSELESS`.
    """
    who = reporters.Identities(proxies.mesh)
    chosen = counter_series.choose(counters, who=who, proxies=proxies, strict=strict)
    samples = chosen.samples()
    windows = decode_windows.shortened(windows, proxies, until=_arrived(samples, windows))
    times = decode_counters.TargetTimes(
        scraped=proxies.first_scrapes(),
        starts=proxies.starts,
        scrapes=tuple(target.times for target in proxies.found.values()),
        window_start=windows.starts,
        window_end=windows.ends,
    )
    return Counted(
        proxies=proxies,
        taken=taken,
        window=window,
        windows=windows,
        who=who,
        spans=_spans(proxies, windows, chosen, who),
        chosen=chosen,
        counts=decode_counters.count(samples, targets=times),
    )


def _arrived(
    samples: decode_counters.Samples, windows: decode_windows.TargetWindows
) -> Mapping[number_types.TargetNumber, float]:
    """Return the last scrape of which all series have arrived, for each target with a series that lacks the
    newest one. Whether such a series is late or has ended is not known yet.
    """
    there = np.diff(samples.first) > 0
    last, target = samples.times[samples.first[1:][there] - 1], samples.target[there]
    intervals = np.array([span.interval for span in windows.spans], dtype=np.float64)
    recent = last >= windows.ends[target] - _LATE * intervals[target]
    arrived = windows.ends.copy()
    np.minimum.at(arrived, target[recent], last[recent])
    late = np.flatnonzero(arrived < windows.ends)
    return {number_types.TargetNumber(int(number)): float(arrived[number]) for number in late}


def _spans(
    proxies: targets.ScrapeTargets,
    windows: decode_windows.TargetWindows,
    chosen: counter_series.ChosenCounters,
    who: reporters.Identities,
) -> dict[number_types.ReporterNumber, snapshot.Span]:
    """Return the coverage of each reporter, by the targets that are counted."""
    spans: dict[number_types.ReporterNumber, snapshot.Span] = {}
    numbers = number_types.all_of(number_types.TargetNumber, len(windows.spans))
    if proxies.mesh.reports_of_targets:
        for number, target in zip(numbers, proxies.found.values(), strict=True):
            if number not in chosen.dropped:
                decode_windows.join(spans, who.reporter(target.labels), windows.spans[number])
    for reporter, reporting in chosen.targets_of.items():
        for number in reporting:
            decode_windows.join(spans, reporter, windows.spans[number])
    return spans


def complete(
    counted: Counted,
    buckets: Iterable[Series],
    *,
    interval: float,
    requested: float,
    partial: bool = False,
) -> snapshot.Snapshot:
    """Return the snapshot, with the latencies in `buckets`, which are scaled to a window of `requested`
    seconds. `partial`: Prometheus warned that data is missing.

    Raises faults.BackendRefused or one of `validation.SENSELESS`.
    """
    mesh, who = counted.proxies.mesh, counted.who
    matrix = histograms.lay_out(buckets, latency_rows.LatencyRows(mesh, who).line)
    return snapshot.Snapshot(
        meshes=(_properties(mesh),),
        mesh=(0,) * len(who.reporters),
        taken=counted.taken,
        timestamp=counted.proxies.newest,
        window=counted.window,
        scaled=requested,
        interval=interval,
        reporters=_reporters(counted),
        spans=tuple(counted.spans[number] for number in who.reporter_numbers),
        peers=who.peers,
        bounds=matrix.bounds,
        calls={
            side: _calls(number, counted.chosen, counted.counts, matrix)
            for number, side in enumerate(histograms.SIDES)
        },
        sure=counted.chosen.sure(counted.counts.requests),
        quantile_levels=matrix.quantiles,
        partial=partial,
    )


def _reporters(counted: Counted) -> tuple[snapshot.Reporter, ...]:
    """Return all reporters; those are marked whose targets report requests of others."""
    if not counted.proxies.mesh.reports_of_targets or not counted.chosen.targets_of:
        return counted.who.reporters
    labels = [target.labels for target in counted.proxies.found.values()]
    others = {number for numbers in counted.chosen.targets_of.values() for number in numbers}
    between = {counted.who.reporter(labels[number]) for number in others}
    return tuple(
        dataclasses.replace(one, is_between=number in between)
        for number, one in enumerate(counted.who.reporters)
    )


def _properties(mesh: schema.Profile) -> snapshot.Mesh:
    """Return the properties of a profile that apply to every figure it reports."""
    views = {side: [view for view in mesh.views if view.side is side] for side in kinds.Side}
    sent, received = views[kinds.Side.CLIENT], views[kinds.Side.SERVER]
    return snapshot.Mesh(
        profile=mesh.name,
        fallback=mesh.fallback,
        counted_from_start={
            side: not views[side] or any(view.appears == "at start" for view in views[side])
            for side in kinds.Side
        },
        names_callers=any(view.peer is not None for view in received),
        timed_by_callees=any(view.latency and view.peer for view in received)
        and bool(sent)
        and not any(view.latency for view in sent),
        without={
            side: tuple(
                dict.fromkeys(one for view in views[side] if view.latency for one in view.latency.without)
            )
            for side in kinds.Side
        },
    )


def _calls(
    side: int,
    chosen: counter_series.ChosenCounters,
    counts: decode_counters.Counts,
    matrix: histograms.Matrix,
) -> snapshot.Calls:
    """Return the rows of one side: one per reporter and peer that has a sample in the window.

    `side` is the index in `histograms.SIDES`.
    """
    rows: dict[tuple[number_types.ReporterNumber, number_types.PeerNumber], int] = {}
    line: list[int] = []
    at = np.full(len(chosen.rows), -1, dtype=np.int64)
    for number, (row, seen) in enumerate(
        zip(chosen.rows, np.isfinite(counts.requests).tolist(), strict=True)
    ):
        if seen and row[0] == side:
            if row[1:] not in rows:
                line.append(matrix.line.get(row, -1))
            at[number] = rows.setdefault(row[1:], len(rows))
    mine = at >= 0
    count = np.asarray(counts.requests[mine], dtype=np.float64)
    failed = chosen.failures()[mine]
    # Of a total remains what did not fail. A restart may have taken more from it than from the failures.
    succeeded = np.where(failed, np.where(chosen.in_total()[mine], -count, 0.0), count)
    lines = np.array(line, dtype=np.int64)
    timed = lines >= 0
    buckets = np.zeros((len(rows), len(matrix.bounds)))
    buckets[timed] = matrix.counts[lines[timed]]
    exponential = np.zeros(len(rows), dtype=np.bool_)
    exponential[timed] = matrix.exponential[lines[timed]]
    quantile_values = np.full((len(rows), len(matrix.quantiles)), np.nan)
    quantile_values[timed] = matrix.quantile_values[lines[timed]]
    return snapshot.Calls(
        reporter=np.array([reporter for reporter, _ in rows], dtype=np.int64),
        peer=np.array([peer for _, peer in rows], dtype=np.int64),
        success=np.maximum(0.0, _total(at[mine], succeeded, len(rows))),
        failure=_total(at[mine], np.where(failed, count, 0.0), len(rows)),
        initial=_total(at[mine], counts.initial[mine], len(rows)),
        buckets=buckets,
        quantile_values=quantile_values,
        exponential=exponential,
    )


def _total(row: number_types.RowNumbers, weight: snapshot.Floats, size: int) -> snapshot.Floats:
    """Return float64[size]: the sum of the weights of each row. `row`, `weight`: arrays of one length."""
    return np.bincount(row, weights=weight, minlength=size).astype(np.float64)
