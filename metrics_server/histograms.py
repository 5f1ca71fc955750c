"""Summed buckets, as Prometheus answers them, laid out as one matrix: lines × bounds, cumulative counts.
Pure.

Bounds are told apart as numbers, because Prometheus 2 writes `le="1"` and 3 `le="1.0"`. Answers that speak
of the same line (two listeners of one proxy) are added. A bound that one of them lacks is NaN in that line:
unlike buckets do not add.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from metrics_server import snapshot

Series = dict[str, Any]
Row = tuple[int, int, int]
"""View, reporter, peer."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """The buckets of all lines."""

    bounds: snapshot.Floats
    """Seconds, ascending."""
    line: Mapping[Row, int]
    counts: snapshot.Floats


def lay_out(
    buckets: Iterable[Series], resolve: Callable[[Mapping[str, str]], tuple[Row, float] | None]
) -> Matrix:
    """Return the matrix; `resolve` says whose row a label set is and how many seconds its unit has, or
    that it
    does not count.
    """
    lines: dict[Row, int] = {}
    columns: dict[tuple[str, float], int] = {}
    groups: dict[tuple[tuple[str, str], ...], tuple[int, float]] = {}
    line_of: list[int] = []
    column_of: list[int] = []
    count_of: list[str] = []
    told: Mapping[str, str] | None = None
    line, scale = -1, 1.0
    for series in buckets:
        labels = series["metric"]
        bound = labels.pop("le", "")
        if labels != told:  # Prometheus tells the bounds of a line one after another
            told, key = labels, tuple(labels.items())
            if key not in groups:
                found = resolve(labels)
                groups[key] = (
                    (-1, 1.0) if found is None else (lines.setdefault(found[0], len(lines)), found[1])
                )
            line, scale = groups[key]
        if line >= 0:
            line_of.append(line)
            column_of.append(columns.setdefault((bound, scale), len(columns)))
            count_of.append(series["value"][1])
    members = [line for line, _ in groups.values() if line >= 0]
    bounds, places = _bounds(columns)
    return Matrix(
        bounds, lines, _fill(members, np.array(line_of), places[column_of], count_of, len(lines), len(bounds))
    )


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
    count = np.fromiter(map(float, counts), dtype=np.float64, count=len(counts))
    good = (column >= 0) & np.isfinite(count)
    cell = line[good].astype(np.int64) * width + column[good]
    total = np.bincount(cell, weights=count[good], minlength=height * width).reshape(height, width)
    present = np.bincount(cell, minlength=height * width).reshape(height, width)
    expected = np.bincount(np.array(members, dtype=np.int64), minlength=height)
    return np.where(present < expected[:, None], np.nan, total)
