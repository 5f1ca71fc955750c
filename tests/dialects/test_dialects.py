"""Whichever mesh tells of it, and whichever database keeps it, the same traffic has the same figures; what a
mesh cannot know is not there.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

import pytest
import pytest_asyncio

from metrics_server import quantity
from tests import serving
from tests.backends import backend
from tests.dialects import stage, traffic, writers

pytestmark = pytest.mark.asyncio(loop_scope="module")
_QUANTILES = {"p50_response_latency": 0.5, "p90_response_latency": 0.9, "p99_response_latency": 0.99}
_BY_NAME = {dialect.name: dialect for dialect in writers.DIALECTS}
_ELSEWHERE = ("istio", "linkerd")
"""Dialects that are also read from another database; plain Envoy is in tests/backends."""
_TOLD = [
    *((name, backend.PROMETHEUS) for name in _BY_NAME),
    *((name, backend.VICTORIA_METRICS) for name in _ELSEWHERE),
]


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """What the server says of the traffic, in a dialect."""

    dialect: writers.Dialect
    api: serving.Api

    async def items(self, path: str) -> dict[str, dict[str, Any]]:
        return {item["metadata"]["name"]: item for item in await self.api.items(f"/{path}")}


@pytest_asyncio.fixture(
    scope="module",
    loop_scope="module",
    params=[pytest.param(told, id=f"{told[0]}-{told[1].name}", marks=told[1].marks) for told in _TOLD],
)
async def asked(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, other_subnet: str
) -> AsyncIterator[Asked]:
    name, store = request.param
    dialect = _BY_NAME[name]
    folder = tmp_path_factory.mktemp(dialect.name)
    host = f"{other_subnet}.{200 + _TOLD.index(request.param)}"
    async with stage.running(dialect, folder, host=host, store=store) as mesh:
        mesh.happen()
        await mesh.scraped()
        await mesh.told()
        # One snapshot for all questions: what happened stays in the window of it.
        options = {"inventory": str(stage.inventory(folder)), "profile": dialect.name, "refresh": "600"}
        options["autoscaling"] = ""
        async with serving.server(folder, prometheus=mesh.url, options=options) as api:
            yield Asked(dialect, api)


def figures(item: Mapping[str, Any]) -> dict[str, float]:
    return {one["name"]: float(quantity.parse(one["value"])) for one in item["metrics"]}


def counted(item: Mapping[str, Any]) -> traffic.Truth:
    found = figures(item)
    return traffic.Truth(succeeded=round(found["success_count"], 6), failed=round(found["failure_count"], 6))


def as_told(calls: Iterable[traffic.Call], dialect: writers.Dialect) -> traffic.Truth:
    """The truth, as far as the dialect knows it: HTTP alone shows no failure of gRPC."""
    known = [call if dialect.sees_grpc else dataclasses.replace(call, grpc_status=None) for call in calls]
    return traffic.told(known)


async def test_every_workload_received_what_it_was_sent(asked: Asked) -> None:
    items = await asked.items("trafficmetrics")
    for workload in traffic.WORKLOADS:
        calls = [call for call in traffic.CALLS if call.callee is workload]
        if calls:
            assert counted(items[str(workload)]) == as_told(calls, asked.dialect), workload


async def test_every_pod_received_what_it_was_sent(asked: Asked) -> None:
    items = await asked.items("pods")
    for workload in traffic.WORKLOADS:
        for pod in workload.pods:
            calls = [call for call in traffic.CALLS if call.answered_by == pod]
            if calls:
                assert counted(items[pod]) == as_told(calls, asked.dialect), pod


async def test_every_edge_between_workloads_is_there_once(asked: Asked) -> None:
    items = await asked.items("trafficedges")
    pairs = {
        (call.caller, call.callee)
        for call in traffic.CALLS
        if call.caller.meshed and (call.caller.scraped or asked.dialect.knows_callers)
    }
    expected = {}
    for caller, callee in pairs:
        name = f"{caller}:{callee}"
        if caller.namespace != callee.namespace:
            name = f"{caller}:{callee.namespace}:{callee}"
        calls = [call for call in traffic.CALLS if (call.caller, call.callee) == (caller, callee)]
        expected[name] = as_told(calls, asked.dialect)
    assert {name: counted(item) for name, item in items.items() if "unknown" not in name} == expected


async def test_an_edge_is_seen_at_its_caller_or_where_that_is_not_asked_at_the_called_one(
    asked: Asked,
) -> None:
    items = await asked.items("trafficedges")
    assert items["deployment.frontend:deployment.cart"]["edge"]["side"] == "client"
    if asked.dialect.knows_callers:
        assert items["deployment.legacy:deployment.cart"]["edge"]["side"] == "server"


async def test_an_autoscaler_reads_the_same_of_each_edge(asked: Asked) -> None:
    for name, item in (await asked.items("trafficedges")).items():
        caller, callee = item["resource"], item["edge"]["resource"]
        if "unknown" in name:
            continue
        query = {"from": caller["name"], "to": callee["name"], "to_namespace": callee["namespace"]}
        labels = ",".join(f"{label}={value}" for label, value in query.items())
        path = f"//apis/external.metrics.k8s.io/v1beta1/namespaces/{caller['namespace']}/success_count"
        (value,) = await asked.api.items(path, labelSelector=labels)
        assert float(quantity.parse(value["value"])) == counted(item).succeeded, name


async def test_who_has_no_proxy_is_an_unknown_caller_and_no_request_is_lost(asked: Asked) -> None:
    items = await asked.items("trafficedges")
    calls = [call for call in traffic.CALLS if not call.caller.meshed]
    assert counted(items["unknown:deployment.frontend"]) == as_told(calls, asked.dialect)


async def test_a_service_and_a_namespace_are_the_sums_of_their_pods(asked: Asked) -> None:
    services, namespaces = await asked.items("services"), await asked.items("namespaces")
    for workload in (traffic.FRONTEND, traffic.CART, traffic.DB):
        calls = [call for call in traffic.CALLS if call.callee is workload]
        assert counted(services[workload.name]) == as_told(calls, asked.dialect)
    for namespace in ("shop", "data"):
        calls = [call for call in traffic.CALLS if call.callee.namespace == namespace]
        assert counted(namespaces[namespace]) == as_told(calls, asked.dialect)


async def test_a_split_is_what_callers_saw_of_its_backends(asked: Asked) -> None:
    items = await asked.items("namespaces/shop/trafficsplits")
    calls = [call for call in traffic.CALLS if call.callee is traffic.CART and call.caller.scraped]
    assert counted(items["canary:cart"]) == as_told(calls, asked.dialect)
    assert [figures(items[f"canary:{name}"])["request_share"] for name in ("cart", "idle")] == [1.0, 0.0]
    assert {item["edge"]["side"] for item in items.values()} == {"client"}


async def test_an_idle_workload_has_no_latency(asked: Asked) -> None:
    items = await asked.items("trafficmetrics")
    idle = figures(items[str(traffic.IDLE)])
    assert not any("latency" in name for name in idle)
    assert set(idle.values()) <= {0.0}


async def test_latencies_lie_in_the_bucket_of_the_truth(asked: Asked) -> None:
    edges, workloads = await asked.items("trafficedges"), await asked.items("trafficmetrics")
    seen = {
        "deployment.frontend:deployment.cart": edges,
        "deployment.cart:data:statefulset.db": edges,
        "deployment.cart": workloads,
        "statefulset.db": workloads,
    }
    for name, items in seen.items():
        callee = traffic.CART if name.endswith("cart") else traffic.DB
        durations = [ms for call in traffic.CALLS if call.callee is callee for ms in call.milliseconds]
        found = figures(items[name])
        for metric, quantile in _QUANTILES.items():
            low, high = _bucket(durations, quantile, asked.dialect)
            assert low <= found[metric] * 1000 <= high, (name, metric)


_SKEW = 0.05
"""Prometheus extends what each proxy counted to the whole window by that proxy's own scrapes, so that in a
sum of several a rank may be a little off.
"""


def _bucket(durations: list[float], quantile: float, dialect: writers.Dialect) -> tuple[float, float]:
    """From the lower end of the lowest bucket that may hold the quantile to the upper of the highest."""
    bounds = (0.0, *dialect.bounds, math.inf)
    below = [sum(one <= bound for one in durations) for bound in bounds]
    first, last = (
        next(place for place, count in enumerate(below) if count >= min(rank, len(durations)))
        for rank in (quantile * len(durations) * skew for skew in (1 - _SKEW, 1 + _SKEW))
    )
    return bounds[max(0, first - 1)], bounds[last]
