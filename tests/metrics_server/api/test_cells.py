from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics_server.api import cells
from tests.metrics_server import meshes


@pytest.mark.parametrize(
    ("succeeded", "failed", "text"),
    [
        (10, 0, "100.00%"),
        (0, 10, "0.00%"),
        (1198, 2, "99.83%"),
        (99_999, 1, "99.99%"),
        (9_999_999, 1, "99.99%"),
        (1, 2, "33.33%"),
        (0, 0, "-"),
        (None, None, "-"),
        (None, 1, "-"),
        (1, None, "-"),
    ],
)
def test_a_share_of_successes_is_rounded_down(
    succeeded: float | None, failed: float | None, text: str
) -> None:
    assert cells.success(meshes.figures(succeeded, failed).success_share) == text


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_only_what_never_failed_is_a_hundred_percent(succeeded: int, failed: int) -> None:
    assert cells.success(meshes.figures(succeeded, failed).success_share) != "100.00%"


@pytest.mark.parametrize(
    ("count", "seconds", "text"),
    [(0, 30, "0.0"), (1, 30, "0.03"), (29, 30, "0.97"), (30, 30, "1.0"), (1197, 30, "39.9"), (None, 30, "-")],
)
def test_a_rate_has_a_decimal_and_below_one_two(count: float | None, seconds: float, text: str) -> None:
    assert cells.rate(meshes.figures(count, 0, seconds=seconds).rate) == text


@pytest.mark.parametrize(
    ("seconds", "clamped", "text"),
    [
        (None, False, "-"),
        (0.0, False, "0µs"),
        (0.00073, False, "730µs"),
        (0.0025, False, "2.5ms"),
        (0.00251, False, "2.51ms"),
        (0.048, False, "48ms"),
        (0.0482, False, "48ms"),
        (0.25, False, "250ms"),
        (1.25, False, "1.25s"),
        (59.5, False, "59.50s"),
        (60.0, True, ">60s"),
        (3600.0, True, ">3600s"),
        (0.25, True, ">250ms"),
    ],
)
def test_a_latency_is_short_and_marked_where_it_is_only_a_lower_limit(
    seconds: float | None, clamped: bool, text: str
) -> None:
    assert cells.latency(seconds, cells.LatencyLimits(clamped=clamped)) == text


@pytest.mark.parametrize(
    ("below", "approximate", "text"),
    [(5.0, False, "<5.00s"), (0.0005, False, "<500µs"), (0.01, False, "<10ms"), (5.0, True, "~<5.00s")],
)
def test_a_latency_of_which_an_upper_limit_is_known_is_that_limit(
    below: float, approximate: bool, text: str
) -> None:
    limits = cells.LatencyLimits(below=below, approximate=approximate)
    assert cells.latency(0.0002, limits) == text
    assert cells.latency(None, limits) == "-"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0s"), (0.9, "0s"), (12.9, "12s"), (119, "119s"), (120, "2m"), (125, "2m5s"), (3600, "60m")],
)
def test_an_age_is_printed_as_kubectl_does(seconds: float, text: str) -> None:
    assert cells.age(seconds) == text
