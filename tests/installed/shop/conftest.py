"""The demo and our server, which all tests here share."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from demo import runner
from tests.installed import demo as demos
from tests.installed import mistakes, showing
from tests.installed import site as sites


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def in_cluster(
    site: sites.Site, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[runner.Reach]:
    """As `make cluster-demo` installs it, but with every kind that splits traffic and a policy; the server
    keeps a snapshot only for a moment, so that each answer is current.
    """
    scratch = tmp_path_factory.mktemp("demo")
    async with showing.everything(
        site,
        scratch=scratch,
        report=print,
        components=["splits"],
        policy=mistakes.strict("shop"),
        TRAFFIC_REFRESH="0.2",
    ) as running:
        yield running


@pytest.fixture
def api(site: sites.Site) -> demos.Api:
    return demos.Api(site)
