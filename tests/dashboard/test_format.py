"""Figures are printed in a short form; a share of successes below 100 % is never rounded up to it."""

import pytest

from dashboard import format


@pytest.mark.parametrize(
    ("share", "text"),
    [(None, "-"), (1.0, "100.00%"), (0.9983, "99.83%"), (0.999999, "99.99%"), (0.0, "0.00%")],
)
def test_success(share: float | None, text: str) -> None:
    assert format.success(share) == text


@pytest.mark.parametrize(
    ("share", "text"), [(1.0, "100%err"), (0.117, "12%err"), (0.0033, "0.3%err"), (0.00001, "<0.1%err")]
)
def test_failure(share: float, text: str) -> None:
    assert format.failure(share) == text


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (None, "-"),
        (0, "0rps"),
        (0.001, "<0.01rps"),
        (0.066, "0.07rps"),
        (8.0, "8rps"),
        (12.345, "12.3rps"),
        (100.0, "100rps"),
        (1234.5, "1234rps"),
        (45_678, "45.7krps"),
    ],
)
def test_rate(rate: float | None, text: str) -> None:
    assert format.rate(rate) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0.00073, "730µs"),
        (0.0012, "1.2ms"),
        (0.0482, "48ms"),
        (0.9996, "1s"),
        (1.25, "1.25s"),
        (75.0, "75s"),
        (0.0, "0µs"),
    ],
)
def test_latency(seconds: float | None, text: str) -> None:
    assert format.latency(seconds) == text


def test_an_approximate_latency_is_marked_and_an_unknown_one_is_not() -> None:
    assert format.latency(0.0482, approximate=True) == "~48ms"
    assert format.latency(None, approximate=True) == "-"


def test_a_limit_of_a_latency_is_marked() -> None:
    assert format.latency(3600.0, clamped=True) == ">3600s"
    assert format.latency(2.5, below=5.0) == "<5s"
    assert format.latency(2.5, below=5.0, approximate=True) == "~<5s"
    assert format.latency(None, clamped=True, below=5.0) == "-"


@pytest.mark.parametrize(("number", "text"), [(None, "-"), (0.0, "0"), (1198.0, "1,198")])
def test_count(number: float | None, text: str) -> None:
    assert format.count(number) == text
