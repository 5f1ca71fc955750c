"""The cluster that all tests of an installation share, and the parts of it that they break."""

import json
import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from demo import runner
from tests.cluster import build, cluster
from tests.fakes import unreliable
from tests.installed import judge, reading, verdict
from tests.installed import site as sites


def pytest_itemcollected(item: pytest.Item) -> None:
    """Every test in a cluster here can also run in a given cluster."""
    item.add_marker(pytest.mark.site)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[sites.Site]:
    """A cluster with a node and our images, without an installation. A fixture that installs also removes.

    It uses the session's event loop, and so do the tests that have it.
    """
    state, scratch = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("manifests")
    async with sites.made(state=state, scratch=scratch, name=f"s{os.getpid()}", report=print) as made:
        yield made


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def helm() -> None:
    """Helm, which is built the first time."""
    await build.make(build.HELM, report=print)


@pytest.fixture(scope="module")
def whole(site: sites.Site) -> cluster.Cluster:
    """The cluster itself, which the test may break."""
    if not isinstance(site.ground, cluster.Cluster):
        pytest.skip("a cluster that was given is not broken")
    return site.ground


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def source(whole: cluster.Cluster, mesh: runner.Mesh) -> AsyncIterator[unreliable.Unreliable]:
    """The Prometheus of the mesh, behind a proxy that misbehaves on request."""
    async with unreliable.standing(mesh.prometheus_url, host=whole.place.host) as standing:
        yield standing


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def two(site: sites.Site, source: unreliable.Unreliable) -> AsyncIterator[None]:
    """Two replicas, which query Prometheus again every second."""
    async with site.installed(components=["ha"], prometheus=source.url, TRAFFIC_REFRESH="1"):
        yield


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def judging(mesh: runner.Mesh, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[judge.Judge]:
    async with judge.sitting(mesh, folder=tmp_path_factory.mktemp("judge")) as sits:
        yield sits


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def reader(site: sites.Site, two: None, judging: judge.Judge) -> AsyncIterator[reading.Reader]:
    async with reading.reader(site, namespace="default") as reads:
        await judging.until_true(reads, within=90)
        yield reads


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def serials(site: sites.Site, whole: cluster.Cluster, reader: reading.Reader) -> dict[str, int]:
    """The serial numbers of the serving certificates that the pods presented before all copies were
    deleted.
    """
    await verdict.ready(site, replicas=2)
    presented = await verdict.presented(site, whole)
    patch = json.dumps({"data": None})
    await site.kubectl(
        "patch", "secret", "trafficmetrics-serving", verdict.QUIET, "--type=merge", f"--patch={patch}"
    )
    return presented
