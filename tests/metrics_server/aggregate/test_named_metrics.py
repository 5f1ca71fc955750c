from __future__ import annotations

import pytest

from metrics_server.aggregate import named_metrics, rollup
from metrics_server.model import kinds


def figures(success: float | None, failure: float | None, *latency: float | None) -> rollup.Figures:
    return rollup.Figures(
        side=kinds.Side.SERVER,
        success=success,
        failure=failure,
        timestamp=None,
        latency=latency,
        clamped=(False,) * len(latency),
        below=(None,) * len(latency),
        approximate=(False,),
        without=(),
        profiles=("toy",),
        seconds=30.0,
    )


def value(name: str, of: rollup.Figures) -> float | None:
    found = named_metrics.SERVED.find(name)
    assert found is not None
    return found.of(of)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("requests_per_second", 2.0),
        ("success_count", 45.0),
        ("failure_count", 15.0),
        ("success_rate", 0.75),
        ("failure_rate", 0.25),
    ],
)
def test_a_measure_is_one_number_of_the_figures(name: str, expected: float) -> None:
    assert value(name, figures(45, 15)) == expected


def test_without_requests_there_is_a_rate_of_zero_and_no_share() -> None:
    idle = figures(0, 0)
    assert [value(one.name, idle) for one in named_metrics.MEASURES[:5]] == [0.0, None, None, 0.0, 0.0]


def test_what_proxies_do_not_tell_has_no_value() -> None:
    silent = figures(None, None, None)
    assert [value(one.name, silent) for one in named_metrics.MEASURES] == [None] * 8


@pytest.mark.parametrize(
    ("name", "quantile"),
    [("p50", 0.5), ("p99", 0.99), ("p95", 0.95), ("p99.9", 0.999), ("p1", 0.01), ("p99.99", 0.9999)],
)
def test_a_latency_may_be_of_any_percentile(name: str, quantile: float) -> None:
    found = named_metrics.SERVED.find(f"{name}_response_latency")
    assert found is not None
    assert found.quantiles == (quantile,)
    assert found.of(figures(1, 0, 0.048)) == 0.048


@pytest.mark.parametrize(
    "name",
    ["p0_response_latency", "p100_response_latency", "p_response_latency", "p-1_response_latency",
     "p9٣_response_latency",
         "p99_latency", "requests", "", "p99.999_response_latency"],
)  # fmt: skip
def test_anything_else_is_no_measure(name: str) -> None:
    assert named_metrics.SERVED.find(name) is None


def test_told_latencies_are_those_of_the_specification() -> None:
    quantiles = [one.quantiles[0] for one in named_metrics.MEASURES if one.quantiles]
    assert tuple(quantiles) == kinds.QUANTILES
