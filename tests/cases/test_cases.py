"""Each case is answered with its right values, or refused with the right reason."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import pytest
import pytest_asyncio

from metrics_server.api import cells
from metrics_server.model import quantity
from tests import marks
from tests.cases import case, playing

_WRONG: Mapping[str, str] = {}
"""What is wrong today, by case."""


def _marks(name: str) -> Sequence[pytest.MarkDecorator]:
    if name in _WRONG:
        return [pytest.mark.xfail(strict=True, reason=_WRONG[name])]
    return []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
@marks.needs("dialect")
async def answers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, other_subnet: str
) -> playing.Answers:
    """The answers in the cases that the chosen tests need."""
    chosen = {
        item.callspec.params.get("given") for item in request.session.items if hasattr(item, "callspec")
    }
    needed = [one for one in case.found() if one in chosen]
    return await playing.answers(needed, tmp_path_factory.mktemp("cases"), subnet=other_subnet)


@pytest.mark.parametrize(
    "given", [pytest.param(one, id=one.name, marks=_marks(one.name)) for one in case.found()]
)
def test_a_case_has_its_right_values(answers: playing.Answers, given: case.Case) -> None:
    answer = answers[given.name]
    if isinstance(answer, BaseException):
        raise answer
    faults = [*_faults(given.expected, answer), *_odd_rows(answer)]
    assert not faults, "\n".join(faults)


def _faults(expected: case.Expected, answer: playing.Answer) -> Iterable[str]:
    """Return a sentence for each difference."""
    if expected.refused:
        if not re.search(expected.refused, answer.refused):
            yield f"the refusal {answer.refused!r} does not say {expected.refused!r}"
        return
    if answer.refused:
        yield f"refused: {answer.refused}"
        return
    for name, counts in expected.received.items():
        if answer.received.get(name) != counts:
            yield f"{name} received {counts}, answered {answer.received.get(name)}"
    rest = list(answer.edges)
    for edge in expected.edges:
        found = [one for one in rest if one.caller in edge.callers and one.callee in edge.callees]
        if [(one.succeeded, one.failed) for one in found] != [(edge.succeeded, edge.failed)]:
            yield f"{edge}: answered {found}"
        rest = [one for one in rest if one not in found]
    yield from (f"there is no such edge: {one}" for one in rest)


def _odd_rows(answer: playing.Answer) -> Iterable[str]:
    """Return a sentence for each row of a Table that differs from its item."""
    for name, items, table in answer.lists:
        at = {column["name"]: place for place, column in enumerate(table["columnDefinitions"])}
        if len(items) != len(table["rows"]):
            yield f"{name} has {len(items)} items and {len(table['rows'])} rows"
        for item, row in zip(items, table["rows"], strict=False):
            counts = {one["name"]: float(quantity.parse(one["value"])) for one in item["metrics"]}
            succeeded, failed = counts.get("success_count", 0.0), counts.get("failure_count", 0.0)
            shown = row["cells"][at["Success"]]
            share = cells.success(succeeded / (succeeded + failed) if succeeded + failed else None)
            if shown != share:
                yield f"{name}: {item['metadata']['name']} shows SUCCESS {shown}, its counts are {counts}"
