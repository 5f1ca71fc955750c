"""The clusters that the tests of a module share."""

import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.cluster import cluster


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def control_plane(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[cluster.Cluster]:
    """A cluster for this test run only, without a node."""
    state = tmp_path_factory.mktemp("control-plane")
    async with cluster.Cluster(state=state, name=f"c{os.getpid()}", nodes=False, report=print) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def whole_cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[cluster.Cluster]:
    """A cluster for this test run only, with a node."""
    state = tmp_path_factory.mktemp("cluster")
    async with cluster.Cluster(state=state, name=f"n{os.getpid()}", nodes=True, report=print) as running:
        yield running
