"""Cilium's own code for Hubble's metrics: it knows the callers and callees, and counts what was sent."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests import marks
from tests.cluster import build
from tests.dialects import traffic, writers
from tests.dialects.real import asked, hubbles, proxies, walk

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.go,
    pytest.mark.timeout(3600),
]
_FIRST = 20
_EDGES = {
    "unknown:deployment.frontend": (traffic.BROWSER, traffic.FRONTEND),
    "deployment.frontend:deployment.cart": (traffic.FRONTEND, traffic.CART),
    "deployment.legacy:deployment.cart": (traffic.LEGACY, traffic.CART),
    "deployment.cart:data:statefulset.db": (traffic.CART, traffic.DB),
    "deployment.frontend:data:statefulset.db": (traffic.FRONTEND, traffic.DB),
}
_SENT = (*hubbles.CALLS, hubbles.DENIED)
_TIMED = (
    "deployment.frontend:deployment.cart",
    "deployment.cart:data:statefulset.db",
    "deployment.legacy:deployment.cart",
)
_WITHIN_A_NODE = "deployment.legacy:deployment.cart"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
@marks.needs("dialect", "prometheus")
async def mesh(tmp_path_factory: pytest.TempPathFactory, other_subnet: str) -> AsyncIterator[asked.Asked]:
    await build.make(build.HUBBLE, report=print)
    place = proxies.Place(other_subnet, _FIRST)
    folder = tmp_path_factory.mktemp("hubble")
    async with asked.running(
        hubbles.proxies(), folder, place=place, profile="hubble", happen=lambda: hubbles.happen(place)
    ) as running:
        yield running


def _truth(calls: list[traffic.Call]) -> traffic.Truth:
    """The truth as far as HTTP shows it."""
    failed = sum(call.count for call in calls if writers.by_code(call))
    return walk.repeated(succeeded=sum(call.count for call in calls) - failed, failed=failed)


def _series(caller: traffic.Workload, callee: traffic.Workload, *, reporter: str) -> str:
    ends = {"source_pod": caller.pods, "destination_pod": callee.pods}
    labels = ", ".join(f'{label}=~"{"|".join(pods)}"' for label, pods in ends.items())
    return f'hubble_http_request_duration_seconds_bucket{{reporter="{reporter}", {labels}}}'


async def test_every_edge_counts_what_was_answered_also_by_a_policy(mesh: asked.Asked) -> None:
    reply = await mesh.tell("trafficedges")
    expected = {
        name: _truth([call for call in _SENT if (call.caller, call.callee) == ends])
        for name, ends in _EDGES.items()
    }
    assert reply.counts == expected


async def test_every_edge_between_pods_counts_the_calls_also_from_node_to_node(mesh: asked.Asked) -> None:
    reply = await mesh.tell("trafficedges", fieldSelector="resource.kind=Pod")
    expected = {}
    for one in _SENT:
        if one.caller.meshed:
            elsewhere = "" if one.caller.namespace == one.callee.namespace else f"{one.callee.namespace}:"
            calls = [call for call in _SENT if (call.pod, call.answered_by) == (one.pod, one.answered_by)]
            expected[f"pod.{one.pod}:{elsewhere}pod.{one.answered_by}"] = _truth(calls)
    assert {name: reply.counts[name] for name in reply.items if name.startswith("pod.")} == expected


async def test_every_pod_received_what_it_was_sent(mesh: asked.Asked) -> None:
    reply = await mesh.tell("pods")
    for workload in walk.WORKLOADS:
        for pod in workload.pods:
            calls = [call for call in hubbles.CALLS if call.answered_by == pod]
            assert reply.counts[pod] == _truth(calls), pod
    assert not any(name.startswith("cilium") for name in reply.items)


async def test_an_agent_knows_the_workloads_of_its_own_node_alone(mesh: asked.Asked) -> None:
    """Of pods on other nodes it reports the pod, and Kubernetes has the workload."""
    rows = await mesh.mesh.ask(
        "count by (reporter, source_workload, destination_workload)"
        '(hubble_http_requests_total{destination_pod="db-0"})'
    )
    reply = {tuple(sorted(row["metric"].items())) for row in rows}
    assert reply == {
        (("reporter", "client"), ("source_workload", "cart")),
        (("reporter", "client"), ("source_workload", "frontend")),
        (("destination_workload", "db"), ("reporter", "server")),
    }


@pytest.mark.parametrize("edge", _TIMED)
async def test_an_edge_has_the_latencies_that_the_called_one_is_told_with(
    mesh: asked.Asked, edge: str
) -> None:
    """The expected latencies are what Prometheus computes from the same buckets."""
    reply = await mesh.tell("trafficedges")
    expected = await mesh.quantiles(reply, _series(*_EDGES[edge], reporter="server"), scale=1.0)
    assert reply.latencies(edge) == pytest.approx(expected, rel=1e-6)


async def test_pods_have_the_latencies_of_what_they_received(mesh: asked.Asked) -> None:
    reply = await mesh.tell("pods")
    expected = await mesh.quantiles(reply, _series(traffic.CART, traffic.DB, reporter="server"), scale=1.0)
    assert reply.latencies(traffic.DB.pods[0]) == pytest.approx(expected, rel=1e-6)


async def test_within_a_node_the_called_one_alone_is_told_how_long_it_took(mesh: asked.Asked) -> None:
    """At the first answer to an `X-Request-Id` an agent forgets when it began: the next took 0 s."""
    ends = _EDGES[_WITHIN_A_NODE]
    took = {}
    for reporter in ("client", "server"):
        total = _series(*ends, reporter=reporter).replace("_bucket", "_sum")
        took[reporter] = await mesh.mesh.count(f"sum({total})")
    calls = [call for call in hubbles.CALLS if (call.caller, call.callee) == ends]
    seconds = walk.TIMES * sum(sum(call.milliseconds) for call in calls) / 1000
    assert took == {"client": 0.0, "server": pytest.approx(seconds, rel=1e-6)}
