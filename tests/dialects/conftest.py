"""The plays that tests of several modules ask."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.dialects import playing, spoken


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def plays(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, other_subnet: str
) -> AsyncIterator[playing.Plays]:
    """Those that some chosen test asks."""
    chosen = {
        item.callspec.params.get("asked") for item in request.session.items if hasattr(item, "callspec")
    }
    dialects = [dialect for dialect in spoken.DIALECTS if dialect.name in chosen]
    async with playing.plays(dialects, tmp_path_factory.mktemp("dialects"), subnet=other_subnet) as begun:
        yield begun


@pytest_asyncio.fixture(
    scope="package", loop_scope="package", params=[dialect.name for dialect in spoken.DIALECTS]
)
async def asked(request: pytest.FixtureRequest, plays: playing.Plays) -> playing.Asked:
    return await plays[request.param]
