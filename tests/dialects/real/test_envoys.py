"""Envoy, configured to name its metrics as Istio, Consul, Kuma and App Mesh do: the API has what was sent."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping

import pytest
import pytest_asyncio

from tests import marks
from tests.dialects.real import asked, envoys, proxies, walk, wordings

pytestmark = pytest.mark.asyncio(loop_scope="module")
_BY_NAME = {wording.name: wording for wording in wordings.WORDINGS}
_FIRST, _APART = 20, 10
"""The last number of the first address of each mesh, and the distance between two."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
@marks.needs("dialect", "prometheus")
async def meshes(
    tmp_path_factory: pytest.TempPathFactory, other_subnet: str
) -> AsyncIterator[Mapping[str, asked.Asked]]:
    worded = {
        name: asked.running(
            envoys.proxies(wording),
            tmp_path_factory.mktemp(name),
            place=proxies.Place(other_subnet, _FIRST + _APART * number),
            profile=wording.profile,
        )
        for number, (name, wording) in enumerate(_BY_NAME.items())
    }
    async with contextlib.AsyncExitStack() as stack:
        yield await asked.by_name(stack, worded)


@pytest.fixture(params=_BY_NAME)
def name(request: pytest.FixtureRequest) -> str:
    wording: str = request.param
    return wording


@pytest.fixture
def mesh(meshes: Mapping[str, asked.Asked], name: str) -> asked.Asked:
    return meshes[name]


async def test_every_edge_counts_what_its_caller_saw(mesh: asked.Asked) -> None:
    reply = await mesh.tell("trafficedges")
    assert reply.counts == {hop.edge: hop.seen_by_caller for hop in walk.HOPS}


async def test_who_is_called_counts_what_it_answered(mesh: asked.Asked, name: str) -> None:
    reply = await mesh.tell("pods")
    for hop in walk.HOPS:
        truth = hop.seen_by_callee if _BY_NAME[name].is_read_whole else None
        assert reply.counts[hop.callee.pods[0]] == truth, hop.callee


async def test_latencies_are_what_prometheus_makes_of_the_same_buckets(mesh: asked.Asked, name: str) -> None:
    reply = await mesh.tell("trafficedges")
    wording = _BY_NAME[name]
    for hop in walk.HOPS:
        series = f"envoy_cluster_upstream_rq_time_bucket{{{wording.series(hop.caller, hop.callee)}}}"
        expected = await mesh.quantiles(reply, series, scale=0.001) if wording.is_read_whole else {}
        assert reply.latencies(hop.edge) == pytest.approx(expected, rel=1e-6), hop.edge
