from __future__ import annotations

from typing import Any

import pytest

from metrics_server.model import faults, validation


def series(**labels: str) -> dict[str, Any]:
    return {"metric": labels, "values": [[1, "5"], [2, "6"]]}


def test_a_series_that_two_queries_ask_for_is_taken_once() -> None:
    one, other = series(pod="a"), series(pod="b")
    assert list(validation.distinct([[one, other], [other, one], []])) == [one, other]


def test_a_series_that_one_answer_has_twice_is_refused() -> None:
    answers = [[series(pod="a", app="x")], [series(pod="b", app="x"), series(app="x", pod="b")]]
    with pytest.raises(faults.BackendRefused, match="it contains the same series twice"):
        list(validation.distinct(answers))


def test_labels_with_the_same_values_are_not_the_same() -> None:
    assert len(list(validation.distinct([[series(pod="a"), series(app="a"), series(pod="a", app="")]]))) == 3
