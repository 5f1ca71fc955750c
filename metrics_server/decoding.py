"""From Prometheus' answers to a snapshot.

Each counter series is sorted to the view, reporter and peer it speaks of and counted by the rules of
`counting`; the summed buckets are laid beside. A process that two scrape jobs report counts once.
"""

from __future__ import annotations

import array
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from metrics_server import counting, histograms, identities, profile, snapshot, targets, words

Series = dict[str, Any]


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


def read(
    counters: Iterable[Series],
    buckets: Iterable[Series],
    *,
    proxies: targets.Targets,
    taken: float,
    window: float,
    interval: float,
) -> snapshot.Snapshot:
    """Return the moment the answers tell of; `proxies` are those found among `counters`."""
    counted = count(counters, proxies=proxies, taken=taken, window=window)
    return complete(counted, buckets, interval=interval)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A moment whose requests are counted and whose latencies are not known yet."""

    proxies: targets.Targets
    taken: float
    window: float
    who: identities.Identities
    spans: Mapping[int, snapshot.Span]
    chosen: _Counters
    counts: counting.Floats


def count(counters: Iterable[Series], *, proxies: targets.Targets, taken: float, window: float) -> Counted:
    """Return what the counters tell; they arrive long before the buckets do."""
    who = identities.Identities(proxies.mesh)
    known = proxies.known(start=taken - window)
    spans = proxies.spans(who, start=taken - window)
    chosen = _choose(counters, proxies.mesh, who, proxies, proxies.duplicates(who))
    counts = counting.requests(_samples(chosen), targets=known, start=taken - window, end=taken)
    return Counted(
        proxies=proxies, taken=taken, window=window, who=who, spans=spans, chosen=chosen, counts=counts
    )


def complete(
    counted: Counted, buckets: Iterable[Series], *, interval: float, partial: bool = False
) -> snapshot.Snapshot:
    """Return the moment, with the latencies that the buckets tell. `partial`: Prometheus warned."""
    mesh, who = counted.proxies.mesh, counted.who
    matrix = histograms.lay_out(buckets, lambda labels: _row_of_buckets(labels, mesh, who))
    return snapshot.Snapshot(
        profile=mesh.name,
        taken=counted.taken,
        timestamp=counted.proxies.newest,
        window=counted.window,
        interval=interval,
        reporters=who.reporters,
        spans=tuple(counted.spans[number] for number in range(len(who.reporters))),
        peers=who.peers,
        bounds=matrix.bounds,
        calls={
            side: _calls(_views_of(mesh, side), counted.chosen, counted.counts, matrix) for side in words.Side
        },
        told_from_start={
            side: any(mesh.views[view].appears == "at start" for view in _views_of(mesh, side))
            for side in words.Side
        },
        callers_told=any(view.peer is not None for view in mesh.views if view.side is words.Side.SERVER),
        partial=partial,
    )


def _views_of(mesh: profile.Profile, side: words.Side) -> set[int]:
    return {number for number, view in enumerate(mesh.views) if view.side is side}


class _Reader:
    """How a view reads a series of requests. Few label values tell, so each combination is read once."""

    def __init__(self, view: profile.View) -> None:
        self._view = view
        self._told_by = (*view.match, *(rule.label for rule in view.outcome if rule.label))
        self._read: dict[tuple[str | None, ...], profile.Outcome | None] = {}

    def outcome(self, labels: Mapping[str, str]) -> profile.Outcome | None:
        """Return what became of the requests; None for a series that is not of this view."""
        told = tuple(map(labels.get, self._told_by))
        if told not in self._read:
            self._read[told] = _outcome(self._view, labels) if _matches(self._view, labels) else None
        return self._read[told]


def _choose(
    counters: Iterable[Series],
    mesh: profile.Profile,
    who: identities.Identities,
    proxies: targets.Targets,
    duplicates: set[targets.Key],
) -> _Counters:
    chosen = _Counters()
    views: dict[str, list[tuple[int, _Reader]]] = {}
    for number, view in enumerate(mesh.views):
        views.setdefault(view.requests, []).append((number, _Reader(view)))
    numbers = {key: number for key, number in proxies.numbers.items() if key not in duplicates}
    for series in counters:
        labels = series["metric"]
        target = numbers.get(targets.key_of(labels))
        if target is None:
            continue
        for number, reader in views.get(labels["__name__"], ()):
            outcome = reader.outcome(labels)
            peer = who.peer(number, labels) if outcome is not None else None
            if peer is not None:
                chosen.rows.append((number, who.reporter(labels), peer))
                chosen.failures.append(outcome is profile.Outcome.FAILURE)
                chosen.target.append(target)
                samples = series["values"]
                chosen.lengths.append(len(samples))
                chosen.times.extend([sample[0] for sample in samples])
                chosen.values.extend([float(sample[1]) for sample in samples])
    return chosen


def _matches(view: profile.View, labels: Mapping[str, str]) -> bool:
    return all(re.fullmatch(pattern, labels.get(label, "")) for label, pattern in view.match.items())


def _outcome(view: profile.View, labels: Mapping[str, str]) -> profile.Outcome:
    for rule in view.outcome:
        if (
            rule.label is None
            or rule.matches is None
            or re.fullmatch(rule.matches, labels.get(rule.label, ""))
        ):
            return rule.is_
    raise AssertionError("the last rule holds for all")


def _samples(chosen: _Counters) -> counting.Samples:
    return counting.Samples(
        times=np.array(chosen.times),
        values=np.array(chosen.values),
        first=np.concatenate(([0], np.cumsum(chosen.lengths, dtype=np.int64))).astype(np.int64),
        target=np.array(chosen.target, dtype=np.int64),
    )


def _row_of_buckets(
    labels: Mapping[str, str], mesh: profile.Profile, who: identities.Identities
) -> tuple[histograms.Row, float] | None:
    for number, view in enumerate(mesh.views):
        if view.latency and _tells_its_peer(view, labels) and _matches(view, labels):
            peer, reporter = who.peer(number, labels), who.known(labels)
            if peer is None or reporter is None:
                return None
            return (number, reporter, peer), view.latency.scale
    return None


def _tells_its_peer(view: profile.View, labels: Mapping[str, str]) -> bool:
    """Whether buckets can be of a view: a name is there; labels of their own may all be empty."""
    return not isinstance(view.peer, profile.Named) or view.peer.label in labels


def _calls(
    views: set[int], chosen: _Counters, counts: counting.Floats, matrix: histograms.Matrix
) -> snapshot.Calls:
    """Return the rows of one side: those with a sample in the window, each reporter and peer once."""
    rows: dict[tuple[int, int], int] = {}
    line: list[int] = []
    at = np.full(len(chosen.rows), -1, dtype=np.int64)
    for number, (row, seen) in enumerate(zip(chosen.rows, np.isfinite(counts).tolist(), strict=True)):
        if seen and row[0] in views:
            if row[1:] not in rows:
                line.append(matrix.line.get(row, -1))
            at[number] = rows.setdefault(row[1:], len(rows))
    mine = at >= 0
    count = np.asarray(counts[mine], dtype=np.float64)
    failed = np.array(chosen.failures, dtype=np.bool_)[mine]
    lines = np.array(line, dtype=np.int64)
    buckets = np.zeros((len(rows), len(matrix.bounds)))
    buckets[lines >= 0] = matrix.counts[lines[lines >= 0]]
    return snapshot.Calls(
        reporter=np.array([reporter for reporter, _ in rows], dtype=np.int64),
        peer=np.array([peer for _, peer in rows], dtype=np.int64),
        success=_total(at[mine], np.where(failed, 0.0, count), len(rows)),
        failure=_total(at[mine], np.where(failed, count, 0.0), len(rows)),
        buckets=buckets,
    )


def _total(row: snapshot.Ints, weight: snapshot.Floats, size: int) -> snapshot.Floats:
    return np.bincount(row, weights=weight, minlength=size).astype(np.float64)
