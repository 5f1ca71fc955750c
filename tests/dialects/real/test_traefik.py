"""Traefik itself: it counts what was sent, and knows neither the caller nor the pod that answered."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests import marks
from tests.cluster import build
from tests.dialects import traffic
from tests.dialects.real import asked, proxies, traefiks, walk

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.go,
    pytest.mark.timeout(3600),
]
_FIRST = 20


@pytest_asyncio.fixture(scope="module", loop_scope="module")
@marks.needs("dialect", "prometheus")
async def mesh(tmp_path_factory: pytest.TempPathFactory, other_subnet: str) -> AsyncIterator[asked.Asked]:
    await build.make(build.TRAEFIK, report=print)
    place = proxies.Place(other_subnet, _FIRST)
    folder = tmp_path_factory.mktemp("traefik")
    async with (
        traefiks.besides(place),
        asked.running(
            traefiks.proxies(place, folder),
            folder,
            place=place,
            profile="traefik",
            happen=lambda: traefiks.happen(place),
        ) as running,
    ):
        yield running


def _besides(hop: walk.Hop) -> traffic.Truth:
    """A status in a trailer is not known; such a call counts as a success."""
    if hop is not traefiks.HOP:
        return traffic.Truth(succeeded=0, failed=0)
    succeeded = traefiks.GRPC["0"] + traefiks.GRPC[""] + traefiks.SOCKETS
    return walk.repeated(succeeded=succeeded, failed=traefiks.GRPC["14"])


async def test_who_is_called_counts_what_callers_saw(mesh: asked.Asked) -> None:
    reply = await mesh.tell("trafficmetrics")
    expected = {}
    for hop in walk.HOPS:
        seen, besides = hop.seen_by_caller, _besides(hop)
        expected[str(hop.callee)] = traffic.Truth(
            succeeded=seen.succeeded + besides.succeeded, failed=seen.failed + besides.failed
        )
    assert {name: count for name, count in reply.counts.items() if count} == expected


async def test_nobody_is_invented_who_called_or_answered(mesh: asked.Asked) -> None:
    assert not any((await mesh.tell("pods")).counts.values())
    edges = await mesh.tell("trafficedges")
    assert set(edges.items) == {f"unknown:{hop.callee}" for hop in walk.HOPS}


async def test_latencies_are_what_prometheus_makes_of_the_same_buckets(mesh: asked.Asked) -> None:
    reply = await mesh.tell("trafficmetrics")
    for hop in walk.HOPS:
        name = f"{hop.callee.namespace}-{hop.callee.name}-.*@http"
        series = f'traefik_service_request_duration_seconds_bucket{{service=~"{name}"}}'
        expected = await mesh.quantiles(reply, series, scale=1.0)
        assert reply.latencies(str(hop.callee)) == pytest.approx(expected, rel=1e-6), hop.callee


async def test_codes_of_grpc_are_its_own_and_a_websocket_has_none(mesh: asked.Asked) -> None:
    """The profile relies on this."""
    rows = await mesh.mesh.ask('sum by (code, protocol) (traefik_service_requests_total{protocol!="http"})')
    reply = {(row["metric"]["protocol"], row["metric"]["code"]): float(row["value"][1]) for row in rows}
    expected = {("grpc", status or "2"): count for status, count in traefiks.GRPC.items()}
    expected["websocket", "0"] = traefiks.SOCKETS
    assert reply == {which: walk.TIMES * count for which, count in expected.items()}
