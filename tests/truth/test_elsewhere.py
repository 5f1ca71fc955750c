"""The counts are those that callers saw, also with VictoriaMetrics, which scrapes the same real sidecars."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
import yaml

from demo import runner, state
from tests import serving
from tests.backends import backend
from tests.truth import span

pytestmark = [
    pytest.mark.mesh,
    *backend.VICTORIA_METRICS.marks,
    pytest.mark.asyncio(loop_scope="session"),
]


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A server on a database other than the mesh's own."""

    api: serving.Api
    database: str
    mesh: runner.Mesh

    async def later(self, moment: float) -> None:
        """Wait until both databases have a scrape after a moment, or a failed one."""
        await span.later(self.mesh, moment)
        await backend.tells(self.database, of=len(await self.mesh.pods()), since=moment)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def elsewhere(
    mesh: runner.Mesh, tmp_path_factory: pytest.TempPathFactory, other_subnet: str
) -> AsyncIterator[Elsewhere]:
    folder = tmp_path_factory.mktemp("elsewhere")
    own = yaml.safe_load((state.Folder(mesh.state).prometheus / "prometheus.yml").read_text())
    scrapes = {"global": {"scrape_interval": "1s"}, "scrape_configs": own["scrape_configs"]}
    options = {"inventory": str(mesh.inventory), "refresh": "0.2"}
    async with (
        backend.running(backend.VICTORIA_METRICS, folder, host=f"{other_subnet}.140", scrapes=scrapes) as (
            url,
            _,
        ),
        serving.server(folder, prometheus=url, options=options) as api,
    ):
        yield Elsewhere(api, url, mesh)


async def test_first_failures_a_restart_and_a_lost_proxy_are_counted_as_they_were(
    mesh: runner.Mesh, elsewhere: Elsewhere
) -> None:
    pods = [pod["name"] for pod in await mesh.pods()]
    restarted = next(name for name in pods if name.startswith("checkout-"))
    lost = next(name for name in pods if name.startswith("payments-"))
    await elsewhere.later(time.time())
    try:
        async with span.idle_around(mesh) as over:
            await mesh.calls("/product/7", count=9, faults={"catalog-v1": 503, "catalog-v2": 503})
            await mesh.calls("/checkout", count=20)
            await elsewhere.later(time.time() + 1.0)
            await mesh.restart(restarted)
            await mesh.kill(lost)
            await span.later(mesh, time.time())
            await mesh.calls("/checkout", count=10)
        await elsewhere.later(over.end)
        reply = await span.told_edges(elsewhere.api, mesh, window=over.window)
    finally:
        await mesh.restart(lost)
    truth = span.true_edges(await mesh.truth(since=over.begin, until=over.end))
    assert list(span.wrong(truth, reply)) == []
    print(f"largest error: {span.largest_error(truth, reply):g} of {sum(sum(c) for c in truth.values()):g}")
    assert sum(failed for (_, service), (_, failed) in reply.items() if service.startswith("catalog-v")) == 9
    assert sum(reply[restarted, "cart"]) == 30
