"""Dapr itself: its sidecars count what was answered, and the known differences."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests import marks
from tests.cluster import build
from tests.dialects.real import asked, daprs, walk

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.go,
    pytest.mark.timeout(3600),
]
_FIRST = 20
_MILLISECONDS = 1e-3
_SENT = "dapr_runtime_service_invocation_req_sent_total"
_TIMED = "dapr_runtime_service_invocation_res_recv_latency_ms_bucket"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
@marks.needs("dialect", "prometheus")
async def mesh(tmp_path_factory: pytest.TempPathFactory, other_subnet: str) -> AsyncIterator[asked.Asked]:
    await build.make(build.DAPRD, report=print)
    place = daprs.place(other_subnet, _FIRST)
    folder = tmp_path_factory.mktemp("dapr")
    async with asked.running(
        daprs.proxies(place, folder),
        folder,
        place=place,
        profile="dapr",
        happen=lambda: daprs.happen(place),
    ) as running:
        yield running


async def test_every_edge_counts_the_answers_that_its_caller_got(mesh: asked.Asked) -> None:
    reply = await mesh.tell("trafficedges")
    assert reply.counts == {hop.edge: hop.answered for hop in walk.HOPS}


async def test_what_a_caller_got_no_answer_to_is_counted_as_sent_alone(mesh: asked.Asked) -> None:
    """So an edge cannot have it: the profile declares it as unknown."""
    for hop in walk.HOPS:
        series = f'{_SENT}{{pod="{hop.caller.pods[0]}", dst_app_id="{hop.callee.name}"}}'
        sent = hop.seen_by_caller
        assert await mesh.mesh.count(series) == sent.succeeded + sent.failed, hop.edge


async def test_who_is_called_counts_also_those_whose_caller_has_left(mesh: asked.Asked) -> None:
    reply = await mesh.tell("pods")
    for hop in walk.HOPS:
        assert reply.counts[hop.callee.pods[0]] == hop.seen_by_caller, hop.callee


async def test_latencies_are_what_prometheus_makes_of_the_same_buckets(mesh: asked.Asked) -> None:
    reply = await mesh.tell("trafficedges")
    for hop in walk.HOPS:
        series = f'{_TIMED}{{pod="{hop.caller.pods[0]}", src_app_id="{hop.callee.name}"}}'
        expected = await mesh.quantiles(reply, series, scale=_MILLISECONDS)
        assert reply.latencies(hop.edge) == pytest.approx(expected, rel=1e-6), hop.edge


async def test_how_long_it_took_is_known_from_callers_alone(mesh: asked.Asked) -> None:
    reply = await mesh.tell("pods")
    for hop in walk.HOPS:
        assert reply.latencies(hop.callee.pods[0]) == {}, hop.callee
