"""The cluster that all tests of an installation share."""

import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.installed import site as sites


def pytest_itemcollected(item: pytest.Item) -> None:
    """Whatever is tried in a cluster here can be tried in one that is given."""
    item.add_marker(pytest.mark.site)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[sites.Site]:
    """A cluster with a node and our images; nothing is installed. Who installs something removes it.

    It lives in the session's loop, and so do the tests that have it.
    """
    state, scratch = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("manifests")
    async with sites.made(state=state, scratch=scratch, name=f"s{os.getpid()}", report=print) as made:
        yield made
