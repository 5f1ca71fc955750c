"""From Prometheus' answers to a snapshot.

Each counter series is sorted to the side, reporter and peer it speaks of and counted by the rules of
`counting`; the latencies are laid beside. A process that two scrape jobs report counts once.
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
"""Whether the mistakes of callers (4xx) are failures to the proxies of a namespace."""


def lenient(namespace: str) -> bool:
    """Take the mistakes of callers for successes, wherever."""
    return False


@dataclass(slots=True)
class _Counters:
    """The counter series that count: whose row each is, whether it counts failures, its target, how many
    samples it has; and the samples of all, one series after the other.
    """

    rows: list[histograms.Row] = field(default_factory=list)
    failures: list[bool] = field(default_factory=list)
    target: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    times: array.array[float] = field(default_factory=lambda: array.array("d"))
    values: array.array[float] = field(default_factory=lambda: array.array("d"))
    sure: list[bool] = field(default_factory=list)
    """Which series only a proxy of this mesh has."""
    told_by: dict[int, set[int]] = field(default_factory=dict)
    """The targets that tell of each reporter which is none itself."""


def read(
    counters: Iterable[Series],
    buckets: Iterable[Series],
    *,
    proxies: targets.Targets,
    taken: float,
    window: float,
    interval: float,
    strict: Strict = lenient,
) -> snapshot.Snapshot:
    """Return the moment the answers tell of; `proxies` are those found among `counters`."""
    counted = count(counters, proxies=proxies, taken=taken, window=window, strict=strict)
    return complete(counted, buckets, interval=interval)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A moment whose requests are counted and whose latencies are not known yet."""

    proxies: targets.Targets
    taken: float
    window: float
    who: reporters.Identities
    spans: Mapping[int, snapshot.Span]
    chosen: _Counters
    counts: decode_counters.Floats


def count(
    counters: Iterable[Series],
    *,
    proxies: targets.Targets,
    taken: float,
    window: float,
    strict: Strict = lenient,
) -> Counted:
    """Return what the counters tell; they arrive long before the buckets do."""
    who = reporters.Identities(proxies.mesh)
    start = taken - window
    spans = proxies.spans(who, start=start)
    chosen = _choose(counters, who, proxies, strict)
    found = tuple(proxies.found.values())
    for reporter, told_by in chosen.told_by.items():
        for number in told_by:
            targets.join(spans, reporter, proxies.span(found[number], start=start))
    counts = decode_counters.requests(_samples(chosen), targets=proxies.known, start=start, end=taken)
    return Counted(
        proxies=proxies, taken=taken, window=window, who=who, spans=spans, chosen=chosen, counts=counts
    )


def complete(
    counted: Counted, buckets: Iterable[Series], *, interval: float, partial: bool = False
) -> snapshot.Snapshot:
    """Return the moment, with the latencies that the buckets tell. `partial`: Prometheus warned."""
    mesh, who = counted.proxies.mesh, counted.who
    matrix = histograms.lay_out(buckets, latency_rows.Timing(mesh, who).line)
    return snapshot.Snapshot(
        meshes=(_worth(mesh),),
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
        told=matrix.quantiles,
        partial=partial,
    )


def _sure(chosen: _Counters, counts: decode_counters.Floats) -> frozenset[int]:
    """Return the reporters of which a request was seen that only a proxy of this mesh tells of."""
    counted = (np.nan_to_num(counts) > 0).tolist()
    return frozenset(
        row[1]
        for row, is_sure, is_counted in zip(chosen.rows, chosen.sure, counted, strict=True)
        if is_sure and is_counted
    )


def _worth(mesh: schema.Profile) -> snapshot.Mesh:
    """Return what holds of all that a mesh tells."""
    views = {side: [view for view in mesh.views if view.side is side] for side in kinds.Side}
    sent, received = views[kinds.Side.CLIENT], views[kinds.Side.SERVER]
    return snapshot.Mesh(
        profile=mesh.name,
        told_from_start={
            side: not views[side] or any(view.appears == "at start" for view in views[side])
            for side in kinds.Side
        },
        callers_told=any(view.peer is not None for view in received),
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
    """How a view reads a series of requests. Few label values tell, so each combination is read once."""

    def __init__(self, view: schema.View) -> None:
        self.side = histograms.SIDES.index(view.side)
        self._view = view
        self._told_by = ("__name__", *view.match, *view.outcome_labels)
        self._read: dict[tuple[str | None, ...], schema.Outcome | None] = {}

    def outcome(self, labels: Mapping[str, str]) -> schema.Outcome | None:
        """Return what became of the requests; None for a series that is not of this view."""
        told = tuple(map(labels.get, self._told_by))
        if told not in self._read:
            is_of_it = fields.all_match(self._view.match, labels)
            self._read[told] = self._view.became(labels) if is_of_it else None
        return self._read[told]


def _choose(
    counters: Iterable[Series], who: reporters.Identities, proxies: targets.Targets, strict: Strict
) -> _Counters:
    chosen, mesh = _Counters(), proxies.mesh
    views: dict[str, list[tuple[int, _Reader]]] = {}
    for number, view in enumerate(mesh.views):
        for name in view.counters:
            views.setdefault(name, []).append((number, _Reader(view)))
    own = [who.reporter(one.labels) if mesh.reports_of_targets else -1 for one in proxies.found.values()]
    duplicates = proxies.duplicates(who)
    numbers = {key: number for key, number in proxies.numbers.items() if key not in duplicates}
    key_of = proxies.keys.of
    told_of = {plan.UP, *views, *([mesh.process.metric] if mesh.process else ())}
    for series in counters:
        labels = series["metric"]
        validation.asked((labels["__name__"],), told_of)
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
                chosen.told_by.setdefault(reporter, set()).add(target)
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
    """Return the rows of one side: those with a sample in the window, each reporter and peer once."""
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
    told = np.full((len(rows), len(matrix.quantiles)), np.nan)
    told[timed] = matrix.told[lines[timed]]
    return snapshot.Calls(
        reporter=np.array([reporter for reporter, _ in rows], dtype=np.int64),
        peer=np.array([peer for _, peer in rows], dtype=np.int64),
        success=_total(at[mine], np.where(failed, 0.0, count), len(rows)),
        failure=_total(at[mine], np.where(failed, count, 0.0), len(rows)),
        buckets=buckets,
        told=told,
        exponential=exponential,
    )


def _total(row: snapshot.Ints, weight: snapshot.Floats, size: int) -> snapshot.Floats:
    return np.bincount(row, weights=weight, minlength=size).astype(np.float64)
