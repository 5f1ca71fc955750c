"""All stages of a run have one sum, and an empty stage is reported."""

import itertools
from collections.abc import Collection

import pytest
from _pytest.mark.expression import Expression

from tests import marks, stages

_STAGE = stages.Stage("quick", "not slow", True)
_REPORT = """<testsuites><testsuite>
<testcase classname="a.test_b" name="test_good" time="0.5" />
<testcase classname="a.test_b" name="test_bad" time="2.25"><failure message="no">no</failure></testcase>
<testcase classname="a.test_b" name="test_broken" time="0"><error message="no">no</error></testcase>
<testcase classname="a.test_b" name="test_absent" time="0"><skipped message="no" /></testcase>
</testsuite></testsuites>"""
_RESULTS = stages.read(_REPORT)


def _ran(status: int, results: list[stages.Result]) -> stages.Ran:
    return stages.Ran(_STAGE, status, results)


def test_an_error_is_a_failure() -> None:
    assert [result.outcome for result in _RESULTS] == ["passed", "failed", "failed", "skipped"]


def test_the_last_line_is_the_sum_of_all_stages() -> None:
    assert stages.closing([_ran(1, _RESULTS), _ran(1, _RESULTS)]) == ["2 passed, 4 failed, 2 skipped"]


@pytest.mark.parametrize("results", [[], [_RESULTS[-1]]], ids=["none", "skipped"])
def test_a_stage_that_ran_no_test_is_named(results: list[stages.Result]) -> None:
    first, last = stages.closing([_ran(0, results)])
    assert first == "!! stage quick ran no test: none is selected by 'not slow'"
    assert last.startswith("0 passed")


def test_a_stage_that_did_not_end_is_named() -> None:
    first, _ = stages.closing([_ran(4, [])])
    assert first == "!! stage quick did not come to its end: status 4 of pytest"


@pytest.mark.parametrize(
    ("statuses", "whole"),
    [((0, 0), 0), ((5, 0), 0), ((0, 5), 0), ((1, 0), 1), ((5, 1), 1), ((1, 4), 4), ((2,), 2), ((5, 5), 5)],
)
def test_an_empty_stage_is_a_failure_only_if_all_are(statuses: tuple[int, ...], whole: int) -> None:
    assert stages.status([_ran(status, []) for status in statuses]) == whole


def test_the_slowest_comes_first() -> None:
    lines = stages.slowest_first(_RESULTS)
    assert lines[0] == "    2.250 s  a.test_b::test_bad"
    assert len(lines) == len(_RESULTS)


def test_each_test_is_in_one_stage_of_the_whole_run_or_of_the_long_one() -> None:
    names = (*marks.PROGRAMS, "conformance", "alone", marks.LONG)
    selects = [stage.select for stage in (*stages.STAGES["test"], *stages.STAGES["long"])]
    for count in range(len(names) + 1):
        for marked in itertools.combinations(names, count):
            among = [select for select in selects if _selects(select, marked)]
            assert len(among) == 1, f"{marked}: {among}"


def _selects(select: str, marked: Collection[str]) -> bool:
    """Whether an expression of marks selects a test with these marks, as `pytest -m` does."""

    def is_marked(name: str, /, **_: object) -> bool:
        return name in marked

    return Expression.compile(select).evaluate(is_marked)
