"""The metric names that an autoscaler can ask for, and how each is read from figures. Pure.

The names are those of SMI's TrafficMetrics (https://github.com/servicemeshinterface/smi-spec) and three more.
Rates are requests per second, shares lie between 0 and 1, latencies are seconds, counts are over the window.
A latency may be of any percentile: `p99_response_latency`, `p99.9_response_latency`. A figure that is not
known has no value.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from dataclasses import dataclass

from metrics_server.aggregate import rollup

_LATENCY = re.compile(r"p(\d{1,2}(?:\.\d{1,2})?)_response_latency", re.ASCII)


class Unit(enum.Enum):
    """The unit of a metric's value."""

    PER_SECOND = enum.auto()
    SHARE = enum.auto()
    REQUESTS = enum.auto()
    SECONDS = enum.auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedMetric:
    """One metric: its name, and the function that reads its value from figures."""

    name: str
    about: str
    """A sentence for users, shown in the API's documentation."""
    unit: Unit
    of: Callable[[rollup.Figures], float | None]
    quantiles: tuple[float, ...] = ()
    """The quantiles of latency, 0 to 1, that the figures must have; empty if the metric is no latency."""
    of_requests: bool = False
    """Whether it has no value without requests."""


def _share(of: Callable[[rollup.Figures], float | None]) -> Callable[[rollup.Figures], float | None]:
    """Return a function that divides a count by all requests, and returns None without requests."""

    def share(figures: rollup.Figures) -> float | None:
        part = of(figures)
        if part is None or figures.success is None or figures.failure is None:
            return None
        total = figures.success + figures.failure
        return part / total if total > 0 else None

    return share


def _latency(name: str, percentile: float) -> NamedMetric:
    return NamedMetric(
        name=name,
        about=f"{percentile:g} of 100 requests took no longer, in seconds.",
        unit=Unit.SECONDS,
        of=lambda figures: figures.latency[0],
        quantiles=(round(percentile / 100, 6),),
        of_requests=True,
    )


MEASURES: tuple[NamedMetric, ...] = (
    NamedMetric(
        name="requests_per_second",
        about="Requests per second over the window.",
        unit=Unit.PER_SECOND,
        of=lambda figures: figures.rate,
    ),
    NamedMetric(
        name="success_rate",
        about="Share of requests that did not fail, 0 to 1; not known without requests.",
        unit=Unit.SHARE,
        of=_share(lambda figures: figures.success),
        of_requests=True,
    ),
    NamedMetric(
        name="failure_rate",
        about="Share of requests that failed, 0 to 1; not known without requests.",
        unit=Unit.SHARE,
        of=_share(lambda figures: figures.failure),
        of_requests=True,
    ),
    NamedMetric(
        name="success_count",
        about="Requests in the window that did not fail.",
        unit=Unit.REQUESTS,
        of=lambda figures: figures.success,
    ),
    NamedMetric(
        name="failure_count",
        about="Requests in the window that failed.",
        unit=Unit.REQUESTS,
        of=lambda figures: figures.failure,
    ),
    *(_latency(f"p{percentile}_response_latency", percentile) for percentile in (50, 90, 99)),
)
"""The metrics that discovery lists. A latency of any other percentile can be asked for, too."""

_BY_NAME = {measure.name: measure for measure in MEASURES}


def find(name: str) -> NamedMetric | None:
    """Return the metric with a name, None if there is none."""
    if name in _BY_NAME:
        return _BY_NAME[name]
    matched = _LATENCY.fullmatch(name)
    percentile = float(matched[1]) if matched else 0.0
    return _latency(name, percentile) if percentile else None
