"""The metric names that an autoscaler can ask for, and how each is read from figures. Pure.

A metric is one row of MEASURES: discovery, OpenAPI, roles and documentation follow from it. The names are
those of SMI's TrafficMetrics (https://github.com/servicemeshinterface/smi-spec) and three more.
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
from metrics_server.model import kinds

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
    in_objects: bool = False
    """Whether TrafficMetrics objects contain it, as SMI specifies."""


def latency_name(quantile: float) -> str:
    """Return the name of the latency at a quantile (0 to 1), such as `p99_response_latency`."""
    return f"p{quantile * 100:g}_response_latency"


def _latency(name: str, percentile: float) -> NamedMetric:
    return NamedMetric(
        name=name,
        about=f"{percentile:g} of 100 requests took no longer, in seconds.",
        unit=Unit.SECONDS,
        of=lambda figures: figures.latency[0],
        quantiles=(round(percentile / 100, 6),),
        of_requests=True,
        in_objects=True,
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
        of=lambda figures: figures.success_share,
        of_requests=True,
    ),
    NamedMetric(
        name="failure_rate",
        about="Share of requests that failed, 0 to 1; not known without requests.",
        unit=Unit.SHARE,
        of=lambda figures: figures.failure_share,
        of_requests=True,
    ),
    NamedMetric(
        name="success_count",
        about="Requests in the window that did not fail.",
        unit=Unit.REQUESTS,
        of=lambda figures: figures.success,
        in_objects=True,
    ),
    NamedMetric(
        name="failure_count",
        about="Requests in the window that failed.",
        unit=Unit.REQUESTS,
        of=lambda figures: figures.failure,
        in_objects=True,
    ),
    *(_latency(latency_name(quantile), quantile * 100) for quantile in kinds.QUANTILES),
)
"""The metrics that discovery lists. A latency of any other percentile can be asked for, too."""


@dataclass(frozen=True, slots=True)
class ServedMetrics:
    """The metrics that a server has."""

    measures: tuple[NamedMetric, ...] = MEASURES

    @property
    def names(self) -> list[str]:
        """The names that discovery lists."""
        return [one.name for one in self.measures]

    def find(self, name: str) -> NamedMetric | None:
        """Return the metric with a name, None if there is none."""
        for one in self.measures:
            if one.name == name:
                return one
        matched = _LATENCY.fullmatch(name)
        percentile = float(matched[1]) if matched else 0.0
        return _latency(name, percentile) if percentile else None


SERVED = ServedMetrics()
"""The metrics of MEASURES."""
