"""Envoy, told to name what it counts as Istio, Consul, Kuma and App Mesh do: the API says what was sent."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping

import pytest
import pytest_asyncio

from tests.dialects.real import asked, envoys, proxies, stage, walk, wordings

pytestmark = pytest.mark.asyncio(loop_scope="module")
_BY_NAME = {wording.name: wording for wording in wordings.WORDINGS}
_FIRST, _APART = 20, 10
"""The last numbers of the meshes' addresses."""
_QUANTILES = {"p50_response_latency": 0.5, "p90_response_latency": 0.9, "p99_response_latency": 0.99}
_OFF = 0.05
"""By which a quantile may be off: Prometheus extends each bucket to the window on its own."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def meshes(
    tmp_path_factory: pytest.TempPathFactory, other_subnet: str
) -> AsyncIterator[Mapping[str, asked.Asked]]:
    """All at once: what they wait for most is Prometheus, which begins to scrape after five seconds."""
    async with contextlib.AsyncExitStack() as stack:

        async def one(number: int, wording: wordings.Wording) -> asked.Asked:
            place = proxies.Place(other_subnet, _FIRST + _APART * number)
            folder = tmp_path_factory.mktemp(wording.name)
            mesh = await stack.enter_async_context(
                stage.running(envoys.proxies(wording), folder, place=place)
            )
            return await stack.enter_async_context(
                asked.asked(mesh, folder, profile=wording.profile, happen=lambda: walk.happen(place.doors))
            )

        found = await asyncio.gather(*(one(*each) for each in enumerate(wordings.WORDINGS)))
        yield dict(zip(_BY_NAME, found, strict=True))


@pytest.fixture(params=_BY_NAME)
def name(request: pytest.FixtureRequest) -> str:
    wording: str = request.param
    return wording


@pytest.fixture
def mesh(meshes: Mapping[str, asked.Asked], name: str) -> asked.Asked:
    return meshes[name]


async def test_every_edge_counts_what_its_caller_saw(mesh: asked.Asked) -> None:
    items = await mesh.items("trafficedges")
    assert {name: asked.counted(item) for name, item in items.items()} == {
        "deployment.frontend:deployment.cart": walk.HOPS[0].seen_by_caller,
        "deployment.cart:data:statefulset.db": walk.HOPS[1].seen_by_caller,
    }


async def test_who_is_called_counts_what_it_answered(mesh: asked.Asked, name: str) -> None:
    items = await mesh.items("pods")
    for hop in walk.HOPS:
        truth = hop.seen_by_callee
        assert asked.counted(items[hop.callee.pods[0]]) == truth, hop.callee


async def test_latencies_are_what_prometheus_makes_of_the_same_buckets(mesh: asked.Asked, name: str) -> None:
    items = await mesh.items("trafficedges")
    for hop in walk.HOPS:
        (item,) = (one for one in items.values() if one["resource"]["name"] == hop.caller.name)
        found = asked.figures(item)
        for metric, quantile in _QUANTILES.items():
            (row,) = await mesh.mesh.ask(_quantile(quantile, hop, _BY_NAME[name]))
            assert found[metric] * 1000 == pytest.approx(float(row["value"][1]), rel=_OFF), metric


def _quantile(quantile: float, hop: walk.Hop, wording: wordings.Wording) -> str:
    series = f"envoy_cluster_upstream_rq_time_bucket{{{wording.series(hop.caller, hop.callee)}}}"
    return f"histogram_quantile({quantile}, sum by (le) (increase({series}[5m])))"
