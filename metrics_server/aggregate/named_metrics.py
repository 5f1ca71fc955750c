"""What can be asked of some traffic by name, as a number: the figures an autoscaler compares with its target.

Names are those of the SMI specification, and three more. Rates are requests per second, shares lie between
0 and 1, latencies are seconds, counts are over the window. A latency is of any percentile:
`p99_response_latency`, `p99.9_response_latency`. What is not known has no value. Pure.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from dataclasses import dataclass

from metrics_server.aggregate import rollup

_LATENCY = re.compile(r"p(\d{1,2}(?:\.\d{1,2})?)_response_latency", re.ASCII)


class Unit(enum.Enum):
    """What a number is of."""

    PER_SECOND = enum.auto()
    SHARE = enum.auto()
    REQUESTS = enum.auto()
    SECONDS = enum.auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One number of some traffic."""

    name: str
    about: str
    unit: Unit
    of: Callable[[rollup.Figures], float | None]
    quantiles: tuple[float, ...] = ()
    """Of latency, which the figures must be of; none where latency does not matter."""
    of_requests: bool = False
    """Whether it is not known without requests."""


def _share(of: Callable[[rollup.Figures], float | None]) -> Callable[[rollup.Figures], float | None]:
    def share(figures: rollup.Figures) -> float | None:
        part = of(figures)
        if part is None or figures.success is None or figures.failure is None:
            return None
        total = figures.success + figures.failure
        return part / total if total > 0 else None

    return share


def _latency(name: str, percentile: float) -> Measure:
    return Measure(
        name=name,
        about=f"{percentile:g} of 100 requests took no longer, in seconds.",
        unit=Unit.SECONDS,
        of=lambda figures: figures.latency[0],
        quantiles=(round(percentile / 100, 6),),
        of_requests=True,
    )


MEASURES: tuple[Measure, ...] = (
    Measure(
        name="requests_per_second",
        about="Requests per second over the window.",
        unit=Unit.PER_SECOND,
        of=lambda figures: figures.rate,
    ),
    Measure(
        name="success_rate",
        about="Share of requests that did not fail, 0 to 1; not known without requests.",
        unit=Unit.SHARE,
        of=_share(lambda figures: figures.success),
        of_requests=True,
    ),
    Measure(
        name="failure_rate",
        about="Share of requests that failed, 0 to 1; not known without requests.",
        unit=Unit.SHARE,
        of=_share(lambda figures: figures.failure),
        of_requests=True,
    ),
    Measure(
        name="success_count",
        about="Requests in the window that did not fail.",
        unit=Unit.REQUESTS,
        of=lambda figures: figures.success,
    ),
    Measure(
        name="failure_count",
        about="Requests in the window that failed.",
        unit=Unit.REQUESTS,
        of=lambda figures: figures.failure,
    ),
    *(_latency(f"p{percentile}_response_latency", percentile) for percentile in (50, 90, 99)),
)
"""Those that can be told beforehand; a latency may be of any other percentile, too."""

_BY_NAME = {measure.name: measure for measure in MEASURES}


def find(name: str) -> Measure | None:
    """Return the measure of a name."""
    if name in _BY_NAME:
        return _BY_NAME[name]
    told = _LATENCY.fullmatch(name)
    percentile = float(told[1]) if told else 0.0
    return _latency(name, percentile) if percentile else None
