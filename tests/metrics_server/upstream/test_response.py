"""An answer that is decoded in pieces has the same series as the whole answer."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies

from metrics_server.model import faults
from metrics_server.upstream import response

_TEXTS = strategies.one_of(
    strategies.text(max_size=8), strategies.just('},{"metric":'), strategies.just('"result":[')
)
_SERIES = strategies.fixed_dictionaries(
    {
        "metric": strategies.dictionaries(_TEXTS, _TEXTS, max_size=3),
        "value": strategies.tuples(strategies.just(1.5), _TEXTS),
    }
)


def body(result: list[Any], *, spaces: bool = False, **further: Any) -> bytes:
    answer = {"status": "success", "data": {"resultType": "vector", "result": result}, **further}
    return json.dumps(answer, separators=None if spaces else (",", ":"), ensure_ascii=False).encode()


@hypothesis.given(strategies.lists(_SERIES, max_size=12), strategies.integers(1, 400), strategies.booleans())
def test_pieces_of_any_size_hold_every_series_once_and_in_order(
    result: list[Any], piece: int, spaces: bool
) -> None:
    answer = response.PrometheusAnswer(body(result, spaces=spaces, warnings=["slow"]), piece=piece)
    assert list(answer) == json.loads(body(result))["data"]["result"]


def test_an_answer_can_be_read_again() -> None:
    answer = response.PrometheusAnswer(body([{"metric": {}, "value": [0, "1"]}] * 3), piece=1)
    assert list(answer) == list(answer) != []


_NAMED = strategies.fixed_dictionaries(
    {
        "metric": strategies.fixed_dictionaries(
            {"__name__": strategies.sampled_from(["up", "age", "calls"])}
        ),
        "value": strategies.tuples(strategies.just(1.5), _TEXTS),
    }
)


@hypothesis.given(strategies.lists(_NAMED, max_size=12), strategies.integers(1, 400), strategies.booleans())
def test_among_what_is_read_for_some_metrics_is_every_series_of_theirs(
    result: list[Any], piece: int, spaces: bool
) -> None:
    answer = response.PrometheusAnswer(body(result, spaces=spaces), piece=piece)

    def of(series: Iterable[Any]) -> list[Any]:
        return [one for one in series if one["metric"]["__name__"] in ("up", "age")]

    assert of(answer.among(["up", "age"])) == of(answer)


def test_what_has_none_of_some_metrics_is_not_even_decoded() -> None:
    first = (
        '{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"calls"},BROKEN'
    )
    last = '},{"metric":{"__name__":"up"},"value":[1,"1"]}]}}'
    assert list(response.PrometheusAnswer((first + last).encode(), piece=1).among(["up"])) == [
        {"metric": {"__name__": "up"}, "value": [1, "1"]}
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"<html>busy</html>", "not an answer of the query API"),
        (b"[]", "not an answer of the query API"),
        (b'{"status":"success"}', "not an answer of the query API"),
        (b'{"status":"error","errorType":"timeout","error":"took too long"}', "timeout: took too long"),
    ],
)
def test_what_is_no_answer_is_refused_with_the_reason(text: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        response.PrometheusAnswer(text)


def test_an_answer_broken_in_the_middle_is_refused_when_it_is_read() -> None:
    whole = body([{"metric": {}, "value": [0, "1"]}] * 9)
    broken = whole[:150] + b"?" + whole[151:]
    with pytest.raises(faults.BackendRefused):
        list(response.PrometheusAnswer(broken, piece=1))


def test_an_answer_cut_off_in_the_middle_is_refused_at_once() -> None:
    whole = body([{"metric": {}, "value": [0, "1"]}] * 9)
    with pytest.raises(ValueError, match="not an answer of the query API"):
        response.PrometheusAnswer(whole[: len(whole) // 2], piece=1)


def test_a_marker_of_a_series_that_ended_is_no_sample_and_a_series_of_nothing_else_none() -> None:
    ended = {"metric": {"pod": "a"}, "values": [[1, "5"], [2, "NaN"]]}
    goes_on = {"metric": {"pod": "b"}, "values": [[1, "5"], [2, "6"]]}
    long_gone = {"metric": {"pod": "c"}, "values": [[1, "NaN"]]}
    answer = response.PrometheusAnswer(body([ended, goes_on, long_gone] * 9), piece=100)
    assert list(answer) == [{**ended, "values": [[1, "5"]]}, goes_on] * 9


def test_a_figure_that_is_no_number_stays_one() -> None:
    figure = {"metric": {"le": "1"}, "value": [1, "NaN"]}
    assert list(response.PrometheusAnswer(body([figure]))) == [figure]


@pytest.mark.parametrize(("said", "partial"), [({"isPartial": True}, True), ({"isPartial": False}, False)])
def test_an_answer_that_says_that_it_is_partial_is_one_with_a_warning(
    said: dict[str, Any], partial: bool
) -> None:
    assert bool(response.PrometheusAnswer(body([], **said)).warnings) is partial


@pytest.mark.parametrize(
    ("stats", "behind"),
    [({"seriesFetched": "0"}, True), ({"samples": {}}, False), ("few", False), (None, False)],
)
def test_victoria_metrics_is_known_by_its_statistics(stats: object, behind: bool) -> None:
    assert response.PrometheusAnswer(body([], stats=stats)).behind is behind
