"""Latencies, as Prometheus answers them, laid out as one matrix: lines × bounds, cumulative counts. Pure.

Native histograms (`native`) become lines of the same matrix; quantiles that proxies told themselves have one
of their own.

Bounds are told apart as numbers, because Prometheus 2 writes `le="1"` and 3 `le="1.0"`. Answers that speak
of the same line (two listeners of one proxy) are added. A bound that one of them lacks is NaN in that line:
unlike buckets do not add. A bucket that comes twice is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from metrics_server.decode import native_histograms
from metrics_server.model import kinds, snapshot, validation

SIDES = tuple(kinds.Side)
Series = dict[str, Any]
Row = tuple[int, int, int]
"""The number of the side, of the reporter, and of the peer."""


class Line(NamedTuple):
    """Whose line some labels tell of, and in what words."""

    row: Row
    scale: float
    """Seconds per unit."""
    quantile: float | None = None
    """Which quantile the value is, where it is one."""


Resolve = Callable[[Mapping[str, str]], Line | None]


@dataclass(frozen=True, slots=True)
class Matrix:
    """The latencies of all lines."""

    bounds: snapshot.Floats
    """Seconds, ascending."""
    line: Mapping[Row, int]
    counts: snapshot.Floats
    exponential: snapshot.Bools
    quantiles: tuple[float, ...]
    told: snapshot.Floats
    """Lines × quantiles, in seconds; NaN where nobody told."""


def lay_out(answer: Iterable[Series], resolve: Resolve) -> Matrix:
    """Return the matrix; `resolve` says whose line a label set is, or that it does not count."""
    others = _Others()
    classic = _classic(_parted(answer, others), resolve)
    return _joined(classic, others, resolve)


@dataclass(slots=True)
class _Others:
    """What is no bucket of a classic histogram."""

    natives: list[Series] = field(default_factory=list)
    told: list[Series] = field(default_factory=list)


def _parted(answer: Iterable[Series], others: _Others) -> Iterator[Series]:
    """Give the buckets of classic histograms, and put aside everything else."""
    for series in answer:
        if "le" in series["metric"]:
            yield series
        else:
            (others.natives if "histogram" in series else others.told).append(series)


@dataclass(frozen=True, slots=True)
class _Classic:
    bounds: snapshot.Floats
    lines: dict[Row, int]
    counts: snapshot.Floats


def _classic(buckets: Iterable[Series], resolve: Resolve) -> _Classic:
    lines: dict[Row, int] = {}
    columns: dict[tuple[str, float], int] = {}
    groups: dict[tuple[tuple[str, str], ...], tuple[int, int, float]] = {}
    group_of: list[int] = []
    line_of: list[int] = []
    column_of: list[int] = []
    count_of: list[str] = []
    times: list[float] = []
    told: Mapping[str, str] | None = None
    group, line, scale = -1, -1, 1.0
    for series in buckets:
        labels = series["metric"]
        bound = labels.pop("le", "")
        if labels != told:  # Prometheus tells the bounds of a line one after another
            told, key = labels, tuple(sorted(labels.items()))
            if key not in groups:
                validation.labels(labels)
                found = resolve(labels)
                whose = (-1, 1.0) if found is None else (lines.setdefault(found.row, len(lines)), found.scale)
                groups[key] = (len(groups), *whose)
            group, line, scale = groups[key]
        if line >= 0:
            group_of.append(group)
            line_of.append(line)
            column_of.append(columns.setdefault((bound, scale), len(columns)))
            time, count = series["value"]
            times.append(time)
            count_of.append(count)
    sum(times)  # numbers all of them, or a TypeError
    validation.once(np.array(group_of), np.array(column_of))
    members = [line for _, line, _ in groups.values() if line >= 0]
    bounds, places = _bounds(columns)
    return _Classic(
        bounds, lines, _fill(members, np.array(line_of), places[column_of], count_of, len(lines), len(bounds))
    )


def _joined(classic: _Classic, others: _Others, resolve: Resolve) -> Matrix:
    """Return classic histograms with what else was told; of who tells both ways the native one counts."""
    sparse: dict[Row, list[native_histograms.Histogram]] = {}
    twins = validation.Twins()
    for series in others.natives:
        labels = series["metric"]
        twins.see(labels)
        if (found := resolve(labels)) is not None:
            sparse.setdefault(found.row, []).append(
                native_histograms.read(series["histogram"][1], scale=found.scale)
            )
    told: dict[tuple[Row, float], float] = {}
    for series in others.told:
        twins.see(series["metric"])
        found, value = resolve(series["metric"]), _number(series["value"][1])
        if found is not None and found.quantile is not None and np.isfinite(value):
            validation.figures(np.array([value]))
            key = (found.row, found.quantile)
            told[key] = max(told.get(key, 0.0), value * found.scale)

    lines = dict(classic.lines)
    for row in (*sparse, *(row for row, _ in told)):
        lines.setdefault(row, len(lines))
    bounds, counts = classic.bounds, classic.counts
    if sparse:
        bounds = native_histograms.union(
            [classic.bounds, *(one.bounds for each in sparse.values() for one in each)]
        )
        counts = native_histograms.widened(classic.counts, classic.bounds, bounds)
    counts = np.concatenate([counts, np.zeros((len(lines) - len(counts), len(bounds)))])
    exponential = np.zeros(len(lines), dtype=np.bool_)
    for row, each in sparse.items():
        counts[lines[row]] = sum(native_histograms.cumulative(one, bounds) for one in each)
        exponential[lines[row]] = all(one.exponential for one in each)
    quantiles = tuple(sorted({quantile for _, quantile in told}))
    values = np.full((len(lines), len(quantiles)), np.nan)
    for (row, quantile), value in told.items():
        values[lines[row], quantiles.index(quantile)] = value
    return Matrix(bounds, lines, counts, exponential, quantiles, values)


def _bounds(columns: Mapping[tuple[str, float], int]) -> tuple[snapshot.Floats, snapshot.Ints]:
    """Return the distinct bounds in seconds, ascending, and for each spelling its place among them."""
    seconds = np.array([_number(text) * scale for text, scale in columns])
    bounds, places = np.unique(seconds[~np.isnan(seconds)], return_inverse=True)
    where = np.full(len(columns), -1, dtype=np.int64)
    where[~np.isnan(seconds)] = places
    return bounds, where


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.nan


def _fill(
    members: list[int], line: snapshot.Ints, column: snapshot.Ints, counts: list[str], height: int, width: int
) -> snapshot.Floats:
    "".join(counts)  # words all of them, or a TypeError
    count = np.fromiter(map(float, counts), dtype=np.float64, count=len(counts))
    validation.figures(count)
    good = (column >= 0) & np.isfinite(count)
    cell = line[good].astype(np.int64) * width + column[good]
    total = np.bincount(cell, weights=count[good], minlength=height * width).reshape(height, width)
    present = np.bincount(cell, minlength=height * width).reshape(height, width)
    expected = np.bincount(np.array(members, dtype=np.int64), minlength=height)
    return np.where(present < expected[:, None], np.nan, total)
