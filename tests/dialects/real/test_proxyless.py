"""gRPC without proxies, with the mesh's own plugin for Python: the API has the requests that were sent."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests import marks
from tests.dialects.real import asked, proxies, proxyless, walk

pytestmark = pytest.mark.asyncio(loop_scope="module")
_FIRST = 20


@pytest_asyncio.fixture(scope="module", loop_scope="module")
@marks.needs("dialect", "prometheus")
async def mesh(tmp_path_factory: pytest.TempPathFactory, other_subnet: str) -> AsyncIterator[asked.Asked]:
    await proxyless.make(report=print)
    place = proxies.Place(other_subnet, _FIRST)
    async with asked.running(
        proxyless.proxies(place),
        tmp_path_factory.mktemp("csm"),
        place=place,
        profile="csm",
        happen=lambda: proxyless.happen(place),
    ) as running:
        yield running


async def test_every_edge_counts_what_was_answered(mesh: asked.Asked) -> None:
    """A callee sends its name with its answer: a callee that exceeds the deadline is not known. NOT_FOUND
    is the caller's mistake."""
    reply = await mesh.tell("trafficedges")
    expected = {}
    for hop in walk.HOPS:
        answers = dict(hop.answers)
        late = answers.pop(walk.SLOW)
        succeeded = answers.pop("200") + answers.pop("404", 0)
        expected[hop.edge] = walk.repeated(succeeded=succeeded, failed=sum(answers.values()))
        expected[f"{hop.caller}:unknown"] = walk.repeated(succeeded=0, failed=late)
    assert reply.counts == expected


async def test_who_is_called_counts_what_it_answered_also_too_late(mesh: asked.Asked) -> None:
    reply = await mesh.tell("pods")
    for hop in walk.HOPS:
        succeeded = hop.answers["200"] + hop.answers.get("404", 0) + hop.answers[walk.SLOW]
        truth = walk.repeated(succeeded=succeeded, failed=sum(hop.answers.values()) - succeeded)
        assert reply.counts[hop.callee.pods[0]] == truth, hop.callee


async def test_latencies_are_what_prometheus_makes_of_the_same_buckets(mesh: asked.Asked) -> None:
    reply = await mesh.tell("trafficedges")
    for hop in walk.HOPS:
        labels = f'pod="{hop.caller.pods[0]}", csm_remote_workload_name="{hop.callee.name}"'
        series = f"grpc_client_attempt_duration_seconds_bucket{{{labels}}}"
        expected = await mesh.quantiles(reply, series, scale=1.0)
        assert reply.latencies(hop.edge) == pytest.approx(expected, rel=1e-6), hop.edge
