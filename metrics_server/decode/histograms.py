"""Collects the histograms of an answer in one matrix of cumulative counts, lines × bounds. Pure.

A line is one side, reporter and peer. Native histograms (`native_histograms`) become lines of the same
matrix. Quantiles that proxies computed themselves go into a second matrix, lines × quantiles.

Bounds are compared as numbers, because Prometheus 2 writes `le="1"` and Prometheus 3 `le="1.0"`. Histograms
of the same line (for example of two listeners of one proxy) are added. A bound that one of them lacks is NaN
in the sum, as histograms with different bounds cannot be added there. A bucket that occurs twice is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from metrics_server.decode import native_histograms
from metrics_server.model import kinds, number_types, snapshot, validation

SIDES = tuple(kinds.Side)
Series = dict[str, Any]
Row = tuple[int, number_types.ReporterNumber, number_types.PeerNumber]
"""Index of the side in `SIDES`, number of the reporter, number of the peer."""


class Line(NamedTuple):
    """The line to which a series belongs, and what its values mean."""

    row: Row
    scale: float
    """Seconds per unit of the bounds or values."""
    quantile: float | None = None
    """The quantile, 0 to 1, if the series is one that a proxy computed."""


Resolve = Callable[[Mapping[str, str]], Line | None]


@dataclass(frozen=True, slots=True)
class Matrix:
    """The latencies of L lines at B bounds and Q quantiles."""

    bounds: snapshot.Floats
    """float64[B]: upper bounds in seconds, ascending."""
    line: Mapping[Row, int]
    """The index of each row's line."""
    counts: snapshot.Floats
    """float64[L, B]: cumulative counts; NaN where the count at a bound is unknown."""
    exponential: snapshot.Bools
    """bool[L]: whether all histograms of the line are native ones whose buckets grow by a constant factor."""
    quantiles: tuple[float, ...]
    """0 to 1, ascending."""
    quantile_values: snapshot.Floats
    """float64[L, Q]: quantiles that proxies computed, in seconds; NaN where there is none."""


def lay_out(answer: Iterable[Series], resolve: Resolve) -> Matrix:
    """Return the matrix of an answer. `resolve` returns the line of a label set, None for one to leave out.

    Raises faults.BackendRefused or one of `validation.SENSELESS`.
    """
    others = _Others()
    classic = _classic(_parted(answer, others), resolve)
    return _joined(classic, others, resolve)


@dataclass(slots=True)
class _Others:
    """The series of an answer that are no buckets of classic histograms."""

    natives: list[Series] = field(default_factory=list)
    quantiles: list[Series] = field(default_factory=list)


def _parted(answer: Iterable[Series], others: _Others) -> Iterator[Series]:
    """Yield the buckets of classic histograms and add all other series to `others`."""
    for series in answer:
        if "le" in series["metric"]:
            yield series
        else:
            (others.natives if "histogram" in series else others.quantiles).append(series)


@dataclass(frozen=True, slots=True)
class _Classic:
    """The classic histograms of an answer: L lines at B bounds."""

    bounds: snapshot.Floats
    """float64[B]: upper bounds in seconds, ascending."""
    lines: dict[Row, int]
    """The index of each row's line."""
    counts: snapshot.Floats
    """float64[L, B]: cumulative counts; NaN where the count at a bound is unknown."""


def _classic(buckets: Iterable[Series], resolve: Resolve) -> _Classic:
    lines: dict[Row, int] = {}
    columns: dict[tuple[str, float], int] = {}
    groups: dict[tuple[tuple[str, str], ...], tuple[int, int, float]] = {}
    group_of: list[int] = []
    line_of: list[int] = []
    column_of: list[int] = []
    count_of: list[str] = []
    times: list[float] = []
    previous: Mapping[str, str] | None = None
    group, line, scale = -1, -1, 1.0
    for series in buckets:
        labels = series["metric"]
        bound = labels.pop("le", "")
        if labels != previous:  # the buckets of one histogram usually follow each other
            previous, key = labels, tuple(sorted(labels.items()))
            if key not in groups:
                validation.labels(labels)
                found = resolve(labels)
                place = (-1, 1.0) if found is None else (lines.setdefault(found.row, len(lines)), found.scale)
                groups[key] = (len(groups), *place)
            group, line, scale = groups[key]
        if line >= 0:
            group_of.append(group)
            line_of.append(line)
            column_of.append(columns.setdefault((bound, scale), len(columns)))
            time, count = series["value"]
            times.append(time)
            count_of.append(count)
    sum(times)  # raises TypeError unless all are numbers
    validation.once(np.array(group_of), np.array(column_of))
    members = [line for _, line, _ in groups.values() if line >= 0]
    bounds, places = _bounds(columns)
    return _Classic(
        bounds, lines, _fill(members, np.array(line_of), places[column_of], count_of, len(lines), len(bounds))
    )


def _joined(classic: _Classic, others: _Others, resolve: Resolve) -> Matrix:
    """Return the matrix of classic and native histograms and quantiles; a native histogram replaces a classic
    one.
    """
    sparse: dict[Row, list[native_histograms.Histogram]] = {}
    twins = validation.UniqueLabelSets()
    for series in others.natives:
        labels = series["metric"]
        twins.see(labels)
        if (found := resolve(labels)) is not None:
            sparse.setdefault(found.row, []).append(
                native_histograms.read(series["histogram"][1], scale=found.scale)
            )
    computed: dict[tuple[Row, float], float] = {}
    for series in others.quantiles:
        twins.see(series["metric"])
        found, value = resolve(series["metric"]), _number(series["value"][1])
        if found is not None and found.quantile is not None and np.isfinite(value):
            validation.figures(np.array([value]))
            key = (found.row, found.quantile)
            computed[key] = max(computed.get(key, 0.0), value * found.scale)

    lines = dict(classic.lines)
    for row in (*sparse, *(row for row, _ in computed)):
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
    quantiles = tuple(sorted({quantile for _, quantile in computed}))
    values = np.full((len(lines), len(quantiles)), np.nan)
    for (row, quantile), value in computed.items():
        values[lines[row], quantiles.index(quantile)] = value
    return Matrix(bounds, lines, counts, exponential, quantiles, values)


def _bounds(columns: Mapping[tuple[str, float], int]) -> tuple[snapshot.Floats, snapshot.Ints]:
    """Return float64[B], the distinct bounds in seconds, ascending, and int64[columns]: the index of each
    column's bound, -1 if its text is not a number.
    """
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
    """Return float64[height, width]: the sums of the counts by line and column, NaN where a member has none.

    `members`: the line of each histogram. `line`, `column`: int64[N], the place of each of N buckets; the
    column is -1 where the bound is not a number. `counts`: N texts.
    """
    "".join(counts)  # raises TypeError unless all are texts
    count = np.fromiter(map(float, counts), dtype=np.float64, count=len(counts))
    validation.figures(count)
    good = (column >= 0) & np.isfinite(count)
    cell = line[good].astype(np.int64) * width + column[good]
    total = np.bincount(cell, weights=count[good], minlength=height * width).reshape(height, width)
    present = np.bincount(cell, minlength=height * width).reshape(height, width)
    expected = np.bincount(np.array(members, dtype=np.int64), minlength=height)
    return np.where(present < expected[:, None], np.nan, total)
