"""Native histograms of real Envoys, from a real Prometheus 3: counts and latencies as with classic ones."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping

import pytest
import pytest_asyncio

from tests import marks
from tests.cluster import build
from tests.dialects.real import asked, envoys, proxies, record, walk, wordings

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.go,
    pytest.mark.timeout(3600),
]
_BY_NAME = {"exponential": record.EXPONENTIAL, "coarse": record.COARSE, "custom": record.CUSTOM}
_FIRST, _APART = 20, 10


@pytest_asyncio.fixture(scope="module", loop_scope="module")
@marks.needs("dialect", "prometheus")
async def meshes(
    tmp_path_factory: pytest.TempPathFactory, other_subnet: str
) -> AsyncIterator[Mapping[str, asked.Asked]]:
    await build.make(build.PROMETHEUS, report=print)
    ways = {
        name: asked.running(
            envoys.proxies(wordings.PLAIN),
            tmp_path_factory.mktemp(name),
            place=proxies.Place(other_subnet, _FIRST + _APART * number),
            profile=wordings.PLAIN.profile,
            program=build.PROMETHEUS.path,
            job=way.job,
        )
        for number, (name, way) in enumerate(_BY_NAME.items())
    }
    async with contextlib.AsyncExitStack() as stack:
        yield await asked.by_name(stack, ways)


@pytest.fixture(params=_BY_NAME)
def mesh(meshes: Mapping[str, asked.Asked], request: pytest.FixtureRequest) -> asked.Asked:
    return meshes[request.param]


async def test_there_is_no_classic_bucket(mesh: asked.Asked) -> None:
    assert await mesh.mesh.count('count({__name__=~".+_bucket"})') == 0


async def test_every_edge_counts_what_its_caller_saw(mesh: asked.Asked) -> None:
    reply = await mesh.tell("trafficedges")
    assert reply.counts == {hop.edge: hop.seen_by_caller for hop in walk.HOPS}


async def test_latencies_are_what_prometheus_makes_of_the_same_buckets(mesh: asked.Asked) -> None:
    reply = await mesh.tell("trafficedges")
    for hop in walk.HOPS:
        series = f"envoy_cluster_upstream_rq_time{{{wordings.PLAIN.series(hop.caller, hop.callee)}}}"
        expected = await mesh.quantiles(reply, series, scale=0.001)
        assert reply.latencies(hop.edge) == pytest.approx(expected, rel=1e-6), hop.edge
