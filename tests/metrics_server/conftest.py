import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from demo import wait
from metrics_server.model import faults
from tests import loops, marks
from tests.apiservice import pki
from tests.metrics_server import fake_prometheus, guarded_prometheus, reading, recording, scaler, scenes


@pytest.fixture
async def backend() -> AsyncIterator[fake_prometheus.FakePrometheus]:
    """A fake Prometheus without any series."""
    async with fake_prometheus.running(fake_prometheus.FakePrometheus()) as fake:
        yield fake


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[reading.Api]:
    """A server of the recorded mesh, shared by the tests of a module."""
    holds = recording.shop(taken=time.time())
    async with (
        fake_prometheus.running(fake_prometheus.FakePrometheus(holds)) as fake,
        reading.served(
            fake, tmp_path_factory.mktemp("state"), inventory=recording.inventory_file(), refresh=3600
        ) as running,
    ):
        await running.get("trafficmetrics")  # namespaces are then answered from this snapshot
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def autoscaler(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[scaler.Autoscaler]:
    fake = fake_prometheus.FakePrometheus(recording.shop(taken=time.time()))
    state = tmp_path_factory.mktemp("state")
    options = {"inventory": recording.inventory_file(), "refresh": 3600, "autoscaling": True}
    async with (
        fake_prometheus.running(fake) as prometheus,
        reading.served(prometheus, state, **options) as api,
    ):
        await api.get("trafficmetrics")
        yield scaler.Autoscaler(api)


@pytest.fixture(scope="module")
@marks.needs("prometheus")
def guarded(
    tmp_path_factory: pytest.TempPathFactory, other_subnet: str
) -> Iterator[guarded_prometheus.Guarded]:
    """A real Prometheus that serves HTTPS."""
    folder, host = tmp_path_factory.mktemp("guarded"), f"{other_subnet}.77"
    identity = scenes.AUTHORITY.issue(host=host, usages=(pki.SERVER,))
    with loops.entered(guarded_prometheus.running(folder, host=host, identity=identity)) as running:
        yield running


@pytest_asyncio.fixture
async def scene(guarded: guarded_prometheus.Guarded, tmp_path: Path) -> AsyncIterator[scenes.Scene]:
    """The guarded Prometheus, which does not demand credentials yet."""
    guarded.show(scenes.AUTHORITY.issue(host=guarded.host, usages=(pki.SERVER,)))
    guarded.demand()
    made = scenes.Scene(guarded, tmp_path)
    async with scenes.client(made.settings()) as asking:

        async def answers() -> bool:
            with contextlib.suppress(faults.Unavailable):
                (answer,) = await asking.ask(["envoy_server_uptime"], at=scenes.now())
                return list(answer) != []
            return False

        await wait.until(answers, what="the guarded Prometheus", within=30)
    yield made
