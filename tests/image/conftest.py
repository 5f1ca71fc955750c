"""The image, built once, and a cluster that has it."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.cluster import cluster
from tests.image import archive
from tests.installed import images


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def image_archive() -> Path:
    """The path of its archive."""
    return await images.archive(images.PRODUCT, report=print)


@pytest.fixture(scope="session")
def image(image_archive: Path) -> archive.Archive:
    return archive.read(image_archive)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def whole_cluster(
    tmp_path_factory: pytest.TempPathFactory, image_archive: Path
) -> AsyncIterator[cluster.Cluster]:
    """A cluster with a node that has imported the image."""
    state = tmp_path_factory.mktemp("image-cluster")
    async with cluster.Cluster(state=state, name=f"i{os.getpid()}", nodes=True, report=print) as running:
        await running.import_image(image_archive)
        yield running
