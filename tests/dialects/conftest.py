"""The plays that tests of several modules share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests import marks
from tests.backends import backend
from tests.dialects import playing, spoken

_ELSEWHERE = ("istio", "linkerd")
"""Dialects that are also read from another database; plain Envoy is in tests/backends."""
_PLAYS = [
    *(playing.Play(dialect) for dialect in spoken.DIALECTS),
    *(playing.Play(one, backend.VICTORIA_METRICS) for one in spoken.DIALECTS if one.name in _ELSEWHERE),
]


@pytest_asyncio.fixture(scope="package", loop_scope="package")
@marks.needs("dialect")
async def plays(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, other_subnet: str
) -> AsyncIterator[playing.Plays]:
    """The plays that the chosen tests need."""
    chosen = {
        item.callspec.params.get("asked") for item in request.session.items if hasattr(item, "callspec")
    }
    played = [play for play in _PLAYS if play.name in chosen]
    async with playing.plays(played, tmp_path_factory.mktemp("dialects"), subnet=other_subnet) as begun:
        yield begun


@pytest_asyncio.fixture(
    scope="package",
    loop_scope="package",
    params=[pytest.param(play.name, marks=play.store.marks) for play in _PLAYS],
)
async def asked(request: pytest.FixtureRequest, plays: playing.Plays) -> playing.Asked:
    return await plays[request.param]
