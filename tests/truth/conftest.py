"""A real server on the real mesh, with a current answer to every request."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from demo import runner
from tests import serving


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def api(mesh: runner.Mesh, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[serving.Api]:
    """The server keeps a snapshot only for a moment, so that each answer is current."""
    options = {"inventory": str(mesh.inventory), "refresh": "0.2"}
    folder = tmp_path_factory.mktemp("server")
    async with serving.server(folder, prometheus=mesh.prometheus_url, options=options) as running:
        yield running
