"""MOSN itself: it counts what was sent, and the API shows its percentiles unchanged."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests import marks
from tests.cluster import build
from tests.dialects.real import asked, mosns, proxies, walk

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.go,
    pytest.mark.timeout(3600),
]
_FIRST = 20
_PERCENTILES = {"p50_response_latency": "P50", "p90_response_latency": "P90", "p99_response_latency": "P99"}
_NANOSECONDS = 1e-9


@pytest_asyncio.fixture(scope="module", loop_scope="module")
@marks.needs("dialect", "prometheus")
async def mesh(tmp_path_factory: pytest.TempPathFactory, other_subnet: str) -> AsyncIterator[asked.Asked]:
    await build.make(build.MOSN, report=print)
    place = proxies.Place(other_subnet, _FIRST)
    folder = tmp_path_factory.mktemp("mosn")
    async with asked.running(mosns.proxies(), folder, place=place, profile="mosn") as running:
        yield running


async def test_every_edge_counts_what_its_caller_saw(mesh: asked.Asked) -> None:
    reply = await mesh.tell("trafficedges")
    assert reply.counts == {hop.edge: hop.seen_by_caller for hop in walk.HOPS}


async def test_what_was_answered_is_known_from_callers_alone(mesh: asked.Asked) -> None:
    reply = await mesh.tell("pods")
    assert set(reply.counts.values()) <= {None}


async def test_latencies_are_the_percentiles_that_mosn_tells(mesh: asked.Asked) -> None:
    reply = await mesh.tell("trafficedges")
    for hop in walk.HOPS:
        expected = {}
        for metric, percentile in _PERCENTILES.items():
            labels = f'cluster="{mosns.cluster(hop.callee)}", host="", percentile="{percentile}"'
            (row,) = await mesh.mesh.ask(f"upstream_request_duration_time{{{labels}}}", at=reply.at)
            expected[metric] = float(row["value"][1]) * _NANOSECONDS
        assert reply.latencies(hop.edge) == pytest.approx(expected, rel=1e-6), hop.edge
        assert "metrics.smi-spec.io/approximate" in reply.items[hop.edge]["metadata"]["annotations"]
