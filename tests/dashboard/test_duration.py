"""Durations are read and written in Go's format."""

import hypothesis
import pytest
from hypothesis import strategies as st

from dashboard.client import duration


@hypothesis.given(st.integers(0, 10**6))
def test_whole_seconds_come_back_as_they_were(seconds: int) -> None:
    assert duration.parse(duration.text(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("1h30m", 5400), ("500ms", 0.5), ("1.5m", 90), ("1h0m1s", 3601)]
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert duration.parse(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "s", "1d", "30 s", "-5s", "5s!"])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="write 30s"):
        duration.parse(text)


@pytest.mark.parametrize(
    ("seconds", "text"), [(30, "30s"), (60, "1m"), (5400, "1h30m"), (0, "0s"), (0.5, "0.5s")]
)
def test_durations_are_written_shortly(seconds: float, text: str) -> None:
    assert duration.text(seconds) == text
