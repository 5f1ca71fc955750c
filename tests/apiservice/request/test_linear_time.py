"""The time to parse a client's input grows at most linearly with the length of the input."""

import contextlib
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from apiservice.http import errors
from apiservice.request import list_options, selectors
from tests.apiservice import parsers

LENGTH = 20_000
"""The length of the texts, in characters."""


def steps(parser: Callable[[str], Any], text: str) -> int:
    """Return how many functions the parser calls, in Python and in C."""
    count = 0

    def counted(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(counted)
    try:
        parser(text)
    except (errors.StatusError, ValueError):
        pass
    finally:
        sys.setprofile(None)
    return count


def seconds(parser: Callable[[str], Any], text: str) -> float:
    """Return the shortest CPU time of up to three runs, in seconds.

    It includes the work of regular expressions, which `steps` counts as one call.
    """
    shortest = float("inf")
    for _ in range(3):
        began = time.thread_time()
        with contextlib.suppress(errors.StatusError, ValueError):
            parser(text)
        shortest = min(shortest, time.thread_time() - began)
        if shortest < _SHORT:
            break
    return shortest


_SHORT = 0.05
"""A time in seconds that is short enough. A quadratic parser takes several seconds for such a text."""


@pytest.mark.parametrize("name", parsers.PARSERS)
def test_twice_the_text_takes_at_most_twice_the_steps(name: str) -> None:
    for before, after in parsers.FRAMES:
        for piece in parsers.PIECES:
            once, twice = (
                steps(parsers.PARSERS[name], before + piece * (length // len(piece)) + after)
                for length in (LENGTH // 40, LENGTH // 20)
            )
            assert twice <= 2.2 * once + 50, (before, piece, after)


@pytest.mark.parametrize("name", parsers.PARSERS)
def test_no_step_takes_longer_than_its_text_explains(name: str) -> None:
    for before, after in parsers.FRAMES:
        for piece in parsers.PIECES:
            text = before + piece * (LENGTH // len(piece)) + after
            assert seconds(parsers.PARSERS[name], text) < 10 * _SHORT, (before, piece, after)


@pytest.mark.parametrize(
    "refused",
    [
        lambda text: selectors.LabelSelector.parse(f"{text}$"),
        selectors.FieldSelector.parse,
        lambda text: list_options.deadline({"timeout": text}, longest=1.0),
        lambda text: list_options.include_object({"includeObject": text}),
        lambda text: list_options.selection({"limit": text}, field_labels=frozenset()),
    ],
)
def test_a_message_does_not_repeat_what_is_very_long(refused: Callable[[str], Any]) -> None:
    with pytest.raises(errors.BadRequest) as raised:
        refused("x" * 1_000_000)
    assert len(raised.value.message) < 5_000


def test_a_selector_has_a_limited_number_of_conditions() -> None:
    many = ",".join(f"a{number}" for number in range(selectors.MOST_CONDITIONS + 1))
    with pytest.raises(errors.BadRequest, match="more than 100 requirements"):
        selectors.LabelSelector.parse(many)
    assert selectors.LabelSelector.parse(many.rpartition(",")[0]).requirements
    terms = ",".join(f"a{number}=b" for number in range(selectors.MOST_CONDITIONS + 1))
    with pytest.raises(errors.BadRequest, match="more than 100 terms"):
        selectors.FieldSelector.parse(terms)
