"""The numbers of the measurement behind the rules: 20 requests/s, a scrape every 5 s, a window of 30 s."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.metrics_server import counters

Sample = counters.Sample
Target = counters.Target
count = counters.count
every = counters.every
old = counters.old
starts = counters.starts

STEADY = every(5, 980, 1030)


def test_rule_1_a_series_that_was_there_counts_the_difference_without_extrapolation() -> None:
    assert count(Target(ages=old(STEADY), series=[[(t, 20 * t) for t in STEADY]])) == [600.0]


def test_rule_1_a_pod_that_died_in_the_window_counts_until_its_last_scrape() -> None:
    times = every(5, 980, 1015)
    assert count(Target(ages=old(times), series=[[(t, 20 * t) for t in times]])) == [300.0]


def test_rule_1_a_request_every_20_s_is_counted_exactly() -> None:
    assert count(Target(ages=old(STEADY), series=[[(t, t // 20) for t in STEADY]])) == [
        1030 // 20 - 1000 // 20
    ]


def test_rule_2_a_counter_that_fell_counts_from_zero_again() -> None:
    values = [(1000.0, 500.0), (1005.0, 600.0), (1010.0, 40.0), (1015.0, 140.0)]
    assert count(Target(series=[values])) == [100 + 40 + 100]


def test_rule_2_a_restart_is_seen_by_the_age_where_the_counter_did_not_fall() -> None:
    ages = [(1000.0, 900.0), (1005.0, 905.0), (1010.0, 3.0), (1015.0, 8.0)]
    values = [(1000.0, 5.0), (1005.0, 6.0), (1010.0, 40.0), (1015.0, 90.0)]
    assert count(Target(ages=ages, series=[values])) == [1 + 40 + 50]


def test_rule_2_two_restarts_in_a_window_are_two_resets() -> None:
    ages = [(1000.0, 900.0), (1005.0, 1.0), (1010.0, 6.0), (1015.0, 2.0)]
    values = [(1000.0, 10.0), (1005.0, 20.0), (1010.0, 30.0), (1015.0, 40.0)]
    assert count(Target(ages=ages, series=[values])) == [20 + 10 + 40]


def test_rule_3_nine_first_failures_born_at_once_are_nine() -> None:
    assert count(Target(ages=old(STEADY), series=[[(t, 9.0) for t in every(5, 1015, 1030)]])) == [9.0]


def test_the_requests_with_which_a_series_began_are_known_apart() -> None:
    old_series = [(t, 20 * t) for t in STEADY]
    failures = [(1015.0, 9.0), (1020.0, 10.0), (1025.0, 12.0), (1030.0, 12.0)]
    reset = [(1000.0, 500.0), (1005.0, 40.0)]
    found = counters.counts(Target(ages=old(STEADY), series=[old_series, failures, reset]))
    assert found.requests.tolist() == [600.0, 12.0, 40.0]
    assert found.initial.tolist() == [0.0, 9.0, 0.0]


def test_a_series_of_unknown_past_began_with_no_known_requests() -> None:
    unknown = Target(ages=[(1020.0, 5000.0), (1030.0, 5010.0)], scraped=1020.0, series=[[(1020.0, 50.0)]])
    assert counters.counts(unknown).initial.tolist() == [0.0]


def test_rule_3_a_single_sample_of_a_new_series_counts() -> None:
    assert count(Target(ages=old(STEADY), series=[[(1030.0, 9.0)]])) == [9.0]


def test_rule_3_first_failures_count_where_the_scrape_at_the_start_of_the_window_failed() -> None:
    """Scrapes failed between 990 and 1010. The scrape at 1010 lacks the series, so it began later."""
    times = [980.0, 985.0, 990.0, *every(5, 1010, 1030)]
    assert count(Target(ages=old(times), series=[[(1025.0, 9.0), (1030.0, 9.0)]])) == [9.0]


def test_rule_3_first_failures_count_where_monitoring_began_inside_the_window() -> None:
    failures = [(1025.0, 9.0), (1030.0, 10.0)]
    successes = [(t, 20 * t) for t in every(5, 1015, 1030)]
    began = Target(ages=old(every(5, 1015, 1030)), scraped=1015.0, series=[failures, successes])
    assert count(began) == [10.0, 300.0]


def test_rule_4_a_new_pod_counts_from_its_first_request() -> None:
    times = every(5, 1012, 1030)
    born = Target(
        ages=old(times, begun=1010.0),
        scraped=times[0],
        series=[[(t, 20 * (t - 1010)) for t in times]],
    )
    assert count(born) == [20 * (times[-1] - 1010)]


def test_rule_5_after_a_scrape_gap_over_the_start_only_what_passed_since_counts() -> None:
    times = every(5, 1012, 1030)
    unknown = Target(ages=old(times), scraped=times[0], series=[[(t, 20 * t) for t in times]])
    assert count(unknown) == [20 * (times[-1] - times[0])]


def test_rule_5_a_series_of_unknown_past_with_a_single_sample_counts_nothing() -> None:
    assert count(Target(ages=[(1030.0, 5000.0)], scraped=1030.0, series=[[(1030.0, 2762.0)]])) == [0.0]


def test_without_ages_a_series_of_unknown_past_counts_only_what_passed_since() -> None:
    assert count(Target(scraped=1010.0, series=[[(1010.0, 50.0), (1020.0, 53.0)]])) == [3.0]


def test_a_gap_inside_the_window_loses_and_invents_nothing() -> None:
    times = [980.0, 985.0, 990.0, 995.0, 1000.0, 1005.0, 1025.0, 1030.0]
    assert count(Target(ages=old(times), series=[[(t, 20 * t) for t in times]])) == [600.0]


def test_the_past_of_one_target_says_nothing_of_another() -> None:
    known = Target(ages=old(STEADY), series=[[(1030.0, 9.0)]])
    unknown = Target(ages=old([1030.0]), scraped=1030.0, series=[[(1030.0, 9.0)]])
    assert count(known, unknown, known) == [9.0, 0.0, 9.0]


def test_a_restart_of_one_target_says_nothing_of_another() -> None:
    values = [(1000.0, 10.0), (1010.0, 30.0)]
    restarted = Target(ages=[(1000.0, 900.0), (1010.0, 4.0)], series=[values])
    steady = Target(ages=old([1000.0, 1010.0]), series=[values])
    assert count(restarted, steady) == [30.0, 20.0]


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([(990.0, 5.0), (1000.0, 7.0)], id="only before the window"),
        pytest.param([(1030.5, 7.0)], id="only after it"),
        pytest.param([], id="no sample at all"),
    ],
)
def test_a_series_without_a_sample_in_the_window_has_no_count(values: list[Sample]) -> None:
    counted = count(Target(series=[values, [(1000.0, 1.0), (1030.0, 2.0)], values]))
    assert [math.isnan(value) for value in counted] == [True, False, True]
    assert counted[1] == 1.0


def test_the_end_of_the_window_belongs_to_it_and_the_start_does_not() -> None:
    assert count(Target(series=[[(1000.0, 3.0), (1030.0, 10.0), (1031.0, 99.0)]])) == [7.0]


def test_no_series_no_counts() -> None:
    assert count(Target(series=[])) == []
    assert count() == []


def test_a_restart_later_in_the_window_does_not_make_an_unknown_past_known() -> None:
    ages = [(1010.0, 900.0), (1015.0, 905.0), (1020.0, 2.0)]
    values = [(1010.0, 5000.0), (1015.0, 5010.0), (1020.0, 30.0)]
    assert count(Target(ages=ages, scraped=1010.0, series=[values])) == [10 + 30]


# Start times of processes


@pytest.mark.parametrize(
    ("ages", "expected"),
    [
        pytest.param([], (), id="nothing told"),
        pytest.param([(100.0, 40.0)], (60.0,), id="one sample"),
        pytest.param([(100.0, 40.0), (105.0, 45.0)], (60.0,), id="one process"),
        pytest.param([(100.0, 40.0), (105.0, 2.0), (110.0, 7.0)], (60.0, 103.0), id="a restart"),
        pytest.param(
            [(100.0, 40.0), (101.0, 0.0), (102.0, 0.0), (106.0, 5.0)],
            (60.0, pytest.approx(101.0)),
            id="the new age lags behind",
        ),
    ],
)
def test_ages_tell_when_processes_began(ages: list[Sample], expected: tuple[float, ...]) -> None:
    assert starts(ages) == expected


def test_an_age_that_runs_ahead_does_not_move_a_restart_before_the_last_scrape_of_the_old_process() -> None:
    begun = starts([(100.0, 40.0), (105.0, 9.0)])
    assert begun[0] == 60.0
    assert 100.0 < begun[1] <= 105.0


@settings(deadline=None, max_examples=80)
@given(
    begun=st.floats(100, 110),
    interval=st.floats(0.5, 10),
    flush=st.floats(1, 5),
    scrapes=st.integers(1, 12),
)
def test_a_lagging_age_never_puts_a_beginning_before_the_true_one(
    begun: float, interval: float, flush: float, scrapes: int
) -> None:
    times = [begun + interval * (step + 0.5) for step in range(scrapes)]
    ages = [(time, math.floor((time - begun) // flush * flush)) for time in times]
    (reply,) = starts([(time, float(age)) for time, age in ages])
    assert begun - 1e-6 <= reply <= min(times[0], begun + flush + 1) + 1e-6
