"""When the tests marked `cluster` run, and the clusters they share."""

import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.cluster import cluster

_SWITCH = "TRAFFIC_CLUSTER"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get(_SWITCH) == "1":
        return
    reason = (
        f"NOT RUN: needs a real Kubernetes (root, minutes to build the first time); set {_SWITCH}=1 to run"
    )
    for item in items:
        if item.get_closest_marker("cluster"):
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def control_plane(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[cluster.Cluster]:
    """A cluster of this test run alone, without a node."""
    state = tmp_path_factory.mktemp("control-plane")
    async with cluster.Cluster(state=state, name=f"c{os.getpid()}", nodes=False, report=print) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def whole_cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[cluster.Cluster]:
    """A cluster of this test run alone, with a node."""
    state = tmp_path_factory.mktemp("cluster")
    async with cluster.Cluster(state=state, name=f"n{os.getpid()}", nodes=True, report=print) as running:
        yield running
