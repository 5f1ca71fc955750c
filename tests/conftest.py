"""What tests of several packages share."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from demo import runner

MESH_SUBNET = "127.23.0"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[runner.Mesh]:
    """The one running mesh of a test session, scraped every second, in scenario `steady`.

    It is shared: a test that changes its scenario, or a sidecar, puts that back.
    """
    state = tmp_path_factory.mktemp("mesh")
    async with runner.Mesh(state=state, subnet=MESH_SUBNET, scrape_interval=1.0) as running:
        yield running
