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
    limits: cells.LatencyLimits


COLUMNS = (
    declaration.Column(name="Name", description="The described object.", format="name"),
    declaration.Column(name="Metric", description="Name of the metric."),
    declaration.Column(name="Value", description="The value, with its unit."),
    declaration.Column(name="Window", description="Time over which requests were counted."),
    declaration.Column(name="Age", description="Age of the data."),
    declaration.Column(
        name="Not Timed", description="Requests that are counted but have no latency.", priority=1
    ),
)
_SPELLED: Mapping[named_metrics.Unit, Callable[[Detail], str]] = {
    named_metrics.Unit.PER_SECOND: lambda detail: f"{cells.rate(detail.number)}/s",
    named_metrics.Unit.SHARE: lambda detail: f"{detail.number * 100:.2f}%",
    named_metrics.Unit.REQUESTS: lambda detail: f"{detail.number:.0f}",
    named_metrics.Unit.SECONDS: lambda detail: cells.latency(detail.number, detail.limits),
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
        _SPELLED[detail.wanted.unit](detail),
        f"{detail.seconds:.0f}s",
        cells.age((now - taken).total_seconds()),
        ",".join(detail.limits.not_timed),
    )
