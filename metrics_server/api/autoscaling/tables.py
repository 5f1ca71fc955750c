"""The tables that kubectl prints of values: with readable units, such as `48ms` for the quantity `48200u`."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apiservice.resources import declaration
from metrics_server.aggregate import named_metrics
from metrics_server.api import cells


@dataclass(frozen=True, slots=True)
class Detail:
    """What a table prints and the object does not contain."""

    wanted: named_metrics.NamedMetric
    number: float
    seconds: float


COLUMNS = tuple(
    declaration.Column(name=name, description=about, format="name" if name == "Name" else "")
    for name, about in (
        ("Name", "The described object."),
        ("Metric", "Name of the metric."),
        ("Value", "The value, with its unit."),
        ("Window", "Time over which requests were counted."),
        ("Age", "Age of the data."),
    )
)
_SPELLED: Mapping[named_metrics.Unit, Callable[[float], str]] = {
    named_metrics.Unit.PER_SECOND: lambda value: f"{cells.rate(value)}/s",
    named_metrics.Unit.SHARE: lambda value: f"{value * 100:.2f}%",
    named_metrics.Unit.REQUESTS: lambda value: f"{value:.0f}",
    named_metrics.Unit.SECONDS: lambda value: cells.latency(value, clamped=False),
}


def of_objects(row: declaration.Row, now: datetime.datetime) -> Sequence[Any]:
    """Return the cells of a MetricValue of either version."""
    described = row.object["describedObject"]
    return _cells(f"{described['kind'].lower()}/{described['name']}", row, now)


def by_labels(row: declaration.Row, now: datetime.datetime) -> Sequence[Any]:
    """Return the cells of an ExternalMetricValue."""
    asked = row.object["metricLabels"].items()
    return _cells(",".join(f"{label}={value}" for label, value in asked), row, now)


def _cells(name: str, row: declaration.Row, now: datetime.datetime) -> Sequence[Any]:
    detail: Detail = row.detail
    taken = datetime.datetime.fromisoformat(row.object["timestamp"])
    return (
        name,
        detail.wanted.name,
        _SPELLED[detail.wanted.unit](detail.number),
        f"{detail.seconds:.0f}s",
        cells.age((now - taken).total_seconds()),
    )
