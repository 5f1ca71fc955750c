"""Every edge's counts are those that the callers saw, whatever happens to proxies meanwhile."""

import asyncio
import time

import pytest

from demo import runner
from tests import serving
from tests.truth import span

pytestmark = [pytest.mark.mesh, pytest.mark.asyncio(loop_scope="session")]


async def _compare(
    api: serving.Api, mesh: runner.Mesh, over: span.Span
) -> dict[span.Edge, tuple[float, float]]:
    """Demand that truth and API agree on a span, and return the API's counts."""
    reply = await span.told_edges(api, mesh, window=over.window)
    truth = span.true_edges(await mesh.truth(since=over.begin, until=over.end))
    assert list(span.wrong(truth, reply)) == []
    print(f"largest error: {span.largest_error(truth, reply):g} of {sum(sum(c) for c in truth.values()):g}")
    return reply


async def test_steady_traffic_is_counted_on_every_edge(mesh: runner.Mesh, api: serving.Api) -> None:
    async with span.idle_around(mesh) as over:
        await mesh.scenario("steady")
        await asyncio.sleep(12)  # the duration of the load, not a wait for a condition
    reply = await _compare(api, mesh, over)
    assert len([edge for edge, counts in reply.items() if sum(counts) > 0]) >= 16


async def test_what_a_workload_receives_is_what_its_pods_answered(
    mesh: runner.Mesh, api: serving.Api
) -> None:
    async with span.idle_around(mesh) as over:
        await mesh.calls("/cart", count=120)
    items = await api.items("/pods", window=over.window)
    reply = {item["metadata"]["name"]: sum(span.counts(item)) for item in items}
    truth = {
        row["by"]["pod"]: sum(count for code, count in row["counts"].items() if code != "0")
        for row in (await mesh.truth(since=over.begin, until=over.end))["received"]
    }
    pods = [pod for pod in truth if pod.startswith(("cart-", "db-", "frontend-", "session-"))]
    assert len(pods) >= 8
    assert {pod: truth[pod] for pod in pods} == pytest.approx(
        {pod: reply[pod] for pod in pods}, abs=span.SLACK
    )


async def test_nine_first_ever_failures_are_nine(mesh: runner.Mesh, api: serving.Api) -> None:
    async with span.idle_around(mesh) as over:
        await mesh.calls("/product/7", count=9, faults={"catalog-v1": 503, "catalog-v2": 503})
    await _compare(api, mesh, over)
    reply = await span.told_edges(api, mesh, window=over.window)
    assert sum(failed for (_, service), (_, failed) in reply.items() if service.startswith("catalog-v")) == 9


async def test_a_proxy_that_restarts_loses_nothing_that_was_scraped(
    mesh: runner.Mesh, api: serving.Api
) -> None:
    pod = next(pod["name"] for pod in await mesh.pods() if pod["name"].startswith("checkout-"))
    async with span.idle_around(mesh) as over:
        await mesh.calls("/checkout", count=40)
        await span.later(mesh, time.time() + 1.0)
        await mesh.restart(pod)
        await span.later(mesh, time.time())
        await mesh.calls("/checkout", count=25)
    reply = await _compare(api, mesh, over)
    assert sum(reply[pod, "cart"]) == 65


async def test_a_proxy_that_dies_keeps_what_it_counted(mesh: runner.Mesh, api: serving.Api) -> None:
    pod = next(pod["name"] for pod in await mesh.pods() if pod["name"].startswith("payments-"))
    try:
        async with span.idle_around(mesh) as over:
            await mesh.calls("/checkout", count=60)
            await span.later(mesh, time.time() + 1.0)
            await mesh.kill(pod)
            await mesh.calls("/checkout", count=10)
        reply = await _compare(api, mesh, over)
        assert sum(reply[pod, "billing"]) > 20
    finally:
        await mesh.restart(pod)
