"""Verdicts follow the thresholds; a failure among a few requests never makes a resource failing."""

import hypothesis
import pytest
from hypothesis import strategies as st

from dashboard.health import verdict

_USUAL = verdict.Thresholds()
Health = verdict.Health


@pytest.mark.parametrize(
    ("successes", "failures", "health"),
    [
        (100, 0, Health.HEALTHY),
        (99, 1, Health.HEALTHY),
        (989, 11, Health.DEGRADED),
        (95, 5, Health.DEGRADED),
        (949, 51, Health.FAILING),
        (0, 30, Health.FAILING),
        (0, 10, Health.FAILING),
        (0, 0, Health.IDLE),
    ],
)
def test_the_share_of_successes_decides(successes: int, failures: int, health: Health) -> None:
    assert verdict.judge(successes=successes, failures=failures, thresholds=_USUAL) == health


@pytest.mark.parametrize(("successes", "failures"), [(None, None), (3, None), (None, 0)])
def test_counts_nobody_knows_are_neither_good_nor_bad_nor_idle(
    successes: float | None, failures: float | None
) -> None:
    assert verdict.judge(successes=successes, failures=failures, thresholds=_USUAL) == Health.UNKNOWN


@hypothesis.given(st.integers(0, 9), st.integers(1, 9))
def test_a_failure_among_a_handful_is_shown_but_not_called_failing(successes: int, failures: int) -> None:
    hypothesis.assume(successes + failures < _USUAL.handful)
    assert verdict.judge(successes=successes, failures=failures, thresholds=_USUAL) == Health.DEGRADED


def test_a_handful_without_failures_is_healthy() -> None:
    assert verdict.judge(successes=1, failures=0, thresholds=_USUAL) == Health.HEALTHY


def test_thresholds_can_be_chosen() -> None:
    strict = verdict.Thresholds(healthy=0.999, failing=0.99)
    assert verdict.judge(successes=995, failures=5, thresholds=strict) == Health.DEGRADED
    assert verdict.judge(successes=98, failures=2, thresholds=strict) == Health.FAILING


@pytest.mark.parametrize(("healthy", "failing"), [(0.9, 0.95), (1.2, 0.9), (0.9, -0.1)])
def test_thresholds_that_contradict_each_other_are_refused(healthy: float, failing: float) -> None:
    with pytest.raises(ValueError, match="must not be above"):
        verdict.Thresholds(healthy=healthy, failing=failing)
