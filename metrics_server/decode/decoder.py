"""Decodes the answers of Prometheus into a snapshot.

Each counter series is assigned to a side, a reporter and a peer and counted by the rules of `counters`; then
the histograms are added to the rows. A process that is scraped by several jobs counts once.
"""

from __future__ import annotations

import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from metrics_server.decode import counters as decode_counters
from metrics_server.decode import histograms, latency_rows, reporters, targets
from metrics_server.model import kinds, snapshot, validation
from metrics_server.profiles import fields, schema
from metrics_server.query import plan

Series = dict[str, Any]
Strict = Callable[[str], bool]
"""Returns whether responses 4xx are failures for the proxies of a namespace."""


def lenient(namespace: str) -> bool:
    """Return False: responses 4xx are successes in every namespace."""
    return False


@dataclass(slots=True)
class _Counters:
    """The C counter series that are counted, in parallel lists, and all their S samples, series after
    series.
    """

    rows: list[histograms.Row] = field(default_factory=list)
    """C: side, reporter and peer."""
    failures: list[bool] = field(default_factory=list)
    """C: whether the series counts failures; else it counts successes."""
    target: list[int] = field(default_factory=list)
    """C: the number of the target."""
    lengths: list[int] = field(default_factory=list)
    """C: the number of samples; their sum is S."""
    times: array.array[float] = field(default_factory=lambda: array.array("d"))
    """S, Unix seconds."""
    values: array.array[float] = field(default_factory=lambda: array.array("d"))
    """S."""
    sure: list[bool] = field(default_factory=list)
    """C: whether only proxies of this mesh expose the series."""
    targets_of: dict[int, set[int]] = field(default_factory=dict)
    """For each reporter, the targets that report about it without being it (for example a collector)."""


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
    counted = count(counters, proxies=proxies, taken=taken, window=window, strict=strict)
    return complete(counted, buckets, interval=interval)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A snapshot in the making: its requests are counted, its latencies are not known yet."""

    proxies: targets.ScrapeTargets
    taken: float
    window: float
    who: reporters.Identities
    spans: Mapping[int, snapshot.Span]
    chosen: _Counters
    counts: decode_counters.Floats
    """float64[C]: requests of each series in the window, NaN without a sample there."""


def count(
    counters: Iterable[Series],
    *,
    proxies: targets.ScrapeTargets,
    taken: float,
    window: float,
    strict: Strict = lenient,
) -> Counted:
    """Return the counts of all series. This need not wait for the buckets, which arrive much later.

    Raises faults.BackendRefused or one of `validation.SENSELESS`.
    """
    who = reporters.Identities(proxies.mesh)
    start = taken - window
    spans = proxies.spans(who, start=start)
    chosen = _choose(counters, who, proxies, strict)
    found = tuple(proxies.found.values())
    for reporter, numbers in chosen.targets_of.items():
        for number in numbers:
            targets.join(spans, reporter, proxies.span(found[number], start=start))
    counts = decode_counters.requests(_samples(chosen), targets=proxies.known, start=start, end=taken)
    return Counted(
        proxies=proxies, taken=taken, window=window, who=who, spans=spans, chosen=chosen, counts=counts
    )


def complete(
    counted: Counted, buckets: Iterable[Series], *, interval: float, partial: bool = False
) -> snapshot.Snapshot:
    """Return the snapshot, with the latencies in `buckets`. `partial`: Prometheus warned that data is
    missing.

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
        interval=interval,
        reporters=who.reporters,
        spans=tuple(counted.spans[number] for number in range(len(who.reporters))),
        peers=who.peers,
        bounds=matrix.bounds,
        calls={
            side: _calls(number, counted.chosen, counted.counts, matrix)
            for number, side in enumerate(histograms.SIDES)
        },
        sure=_sure(counted.chosen, counted.counts),
        quantile_levels=matrix.quantiles,
        partial=partial,
    )


def _sure(chosen: _Counters, counts: decode_counters.Floats) -> frozenset[int]:
    """Return the reporters with at least one request in a series that only proxies of this mesh expose."""
    counted = (np.nan_to_num(counts) > 0).tolist()
    return frozenset(
        row[1]
        for row, is_sure, is_counted in zip(chosen.rows, chosen.sure, counted, strict=True)
        if is_sure and is_counted
    )


def _properties(mesh: schema.Profile) -> snapshot.Mesh:
    """Return the properties of a profile that apply to every figure it reports."""
    views = {side: [view for view in mesh.views if view.side is side] for side in kinds.Side}
    sent, received = views[kinds.Side.CLIENT], views[kinds.Side.SERVER]
    return snapshot.Mesh(
        profile=mesh.name,
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


class _Reader:
    """Reads the outcome of a series for one view, once per combination of the labels that decide it."""

    def __init__(self, view: schema.SideSeries) -> None:
        self.side = histograms.SIDES.index(view.side)
        self._view = view
        self._deciding = ("__name__", *view.match, *view.outcome_labels)
        self._read: dict[tuple[str | None, ...], schema.Outcome | None] = {}

    def outcome(self, labels: Mapping[str, str]) -> schema.Outcome | None:
        """Return the outcome of the requests of a series; None for a series that is not of this view."""
        deciding = tuple(map(labels.get, self._deciding))
        if deciding not in self._read:
            is_of_view = fields.all_match(self._view.match, labels)
            self._read[deciding] = self._view.became(labels) if is_of_view else None
        return self._read[deciding]


def _choose(
    counters: Iterable[Series], who: reporters.Identities, proxies: targets.ScrapeTargets, strict: Strict
) -> _Counters:
    """Return the series that a view reads, without those of targets that report another target's process."""
    chosen, mesh = _Counters(), proxies.mesh
    views: dict[str, list[tuple[int, _Reader]]] = {}
    for number, view in enumerate(mesh.views):
        for name in view.counters:
            views.setdefault(name, []).append((number, _Reader(view)))
    own = [who.reporter(one.labels) if mesh.reports_of_targets else -1 for one in proxies.found.values()]
    duplicates = proxies.duplicates(who)
    numbers = {key: number for key, number in proxies.numbers.items() if key not in duplicates}
    key_of = proxies.keys.of
    asked_for = {plan.UP, *views, *([mesh.process.metric] if mesh.process else ())}
    for series in counters:
        labels = series["metric"]
        validation.asked((labels["__name__"],), asked_for)
        target = numbers.get(key_of(labels))
        if target is None:
            continue
        for number, reader in views.get(labels["__name__"], ()):
            outcome = reader.outcome(labels)
            ends = who.ends(number, labels) if outcome is not None else None
            if outcome is None or ends is None:
                continue
            reporter, peer = ends
            if reporter != own[target]:
                chosen.targets_of.setdefault(reporter, set()).add(target)
            chosen.rows.append((reader.side, reporter, peer))
            chosen.failures.append(_is_failure(outcome, labels, who, number, strict))
            chosen.sure.append(mesh.recognises_proxies or not mesh.views[number].shared)
            chosen.target.append(target)
            times, values = validation.columns(series["values"])
            chosen.lengths.append(len(times))
            chosen.times.extend(times)
            chosen.values.extend(map(float, values))
    return chosen


def _is_failure(
    outcome: schema.Outcome,
    labels: Mapping[str, str],
    who: reporters.Identities,
    view: int,
    strict: Strict,
) -> bool:
    if outcome is schema.Outcome.CLIENT_ERROR:
        return strict(who.identity(labels, view).namespace)
    return outcome is schema.Outcome.FAILURE


def _samples(chosen: _Counters) -> decode_counters.Samples:
    samples = decode_counters.Samples(
        times=np.array(chosen.times),
        values=np.array(chosen.values),
        first=np.concatenate(([0], np.cumsum(chosen.lengths, dtype=np.int64))).astype(np.int64),
        target=np.array(chosen.target, dtype=np.int64),
    )
    validation.counters(samples.times, samples.values, samples.first)
    return samples


def _calls(
    side: int, chosen: _Counters, counts: decode_counters.Floats, matrix: histograms.Matrix
) -> snapshot.Calls:
    """Return the rows of one side: one per reporter and peer that has a sample in the window.

    `side` is the index in `histograms.SIDES`; `counts` is float64[C].
    """
    rows: dict[tuple[int, int], int] = {}
    line: list[int] = []
    at = np.full(len(chosen.rows), -1, dtype=np.int64)
    for number, (row, seen) in enumerate(zip(chosen.rows, np.isfinite(counts).tolist(), strict=True)):
        if seen and row[0] == side:
            if row[1:] not in rows:
                line.append(matrix.line.get(row, -1))
            at[number] = rows.setdefault(row[1:], len(rows))
    mine = at >= 0
    count = np.asarray(counts[mine], dtype=np.float64)
    failed = np.array(chosen.failures, dtype=np.bool_)[mine]
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
        success=_total(at[mine], np.where(failed, 0.0, count), len(rows)),
        failure=_total(at[mine], np.where(failed, count, 0.0), len(rows)),
        buckets=buckets,
        quantile_values=quantile_values,
        exponential=exponential,
    )


def _total(row: snapshot.Ints, weight: snapshot.Floats, size: int) -> snapshot.Floats:
    """Return float64[size]: the sum of the weights of each row."""
    return np.bincount(row, weights=weight, minlength=size).astype(np.float64)
