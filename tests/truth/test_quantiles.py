"""Every quantile is the one that Prometheus computes at the same instant, read through another library."""

import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import prometheus_api_client
import pytest
import pytest_asyncio

from dashboard.client import quantity
from demo import runner, wait
from tests import serving
from tests.fakes import relay

pytestmark = [pytest.mark.mesh, pytest.mark.asyncio(loop_scope="session")]
_WINDOW = "20s"
_CLOSE = 1e-6
_SETTLED = 4.0
"""Seconds after which no scrape is still being stored."""
_EDGES = 13
"""Edges that have traffic in every window; two more are rare."""
_QUANTILES = {"p50_response_latency": 0.5, "p90_response_latency": 0.9, "p99_response_latency": 0.99}
Asked = tuple[serving.Api, relay.Relay]
Pods = Mapping[str, list[str]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def asked(mesh: runner.Mesh, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Asked]:
    """A server that keeps its snapshot for the whole test, and its queries to Prometheus."""
    options = {"inventory": str(mesh.inventory), "refresh": "120"}
    async with relay.relay(mesh.prometheus_url, behind=_SETTLED) as between:
        folder = tmp_path_factory.mktemp("quantiles")
        async with serving.server(folder, prometheus=between.url, options=options) as api:
            yield api, between


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pods(mesh: runner.Mesh) -> Pods:
    """The pods of each workload."""
    found: dict[str, list[str]] = {}
    for pod in await mesh.pods():
        found.setdefault(pod["workload"]["name"], []).append(pod["name"])
    return found


async def _busy(mesh: runner.Mesh) -> None:
    """Wait until most edges have buckets that grew within the window."""
    connection = prometheus_api_client.PrometheusConnect(url=mesh.prometheus_url)
    timed = 'envoy_cluster_upstream_rq_time_count{envoy_cluster_name=~"outbound.*|[a-z]+/.*"}'

    grown = f"count(sum by (app, envoy_cluster_name) (increase({timed}[{_WINDOW}])) > 0)"

    async def full() -> bool:
        # The server takes what the relay holds back for samples that arrive late, and reads still earlier.
        rows = connection.custom_query(grown, params={"time": time.time() - 2 * _SETTLED - 5.0})
        return bool(rows) and float(rows[0]["value"][1]) >= _EDGES

    await wait.until(full, what="traffic", within=60, pause=0.5)


def _reporters(resource: Mapping[str, str], pods: Pods) -> str:
    """Return the matcher for the proxies of a workload."""
    if resource["kind"] == "ExternalWorkload":
        return f'external_workload="{resource["name"]}"'
    return f'pod=~"{"|".join(map(re.escape, pods[resource["name"]]))}"'.replace("\\", "\\\\")


def _edge_buckets(item: Mapping[str, Any], pods: Pods) -> str:
    service = item["edge"]["resource"]["name"].removesuffix("-vm")
    clusters = f"outbound[|]8080[|][|]{service}[.].*|[a-z]+/{service}"
    reporters = _reporters(item["resource"], pods)
    return f'envoy_cluster_upstream_rq_time_bucket{{{reporters},envoy_cluster_name=~"{clusters}"}}'


def _inbound_buckets(item: Mapping[str, Any], pods: Pods) -> str:
    inbound = 'envoy_http_conn_manager_prefix=~"inbound_8080|ingress_http"'
    return f"envoy_http_downstream_rq_time_bucket{{{_reporters(item['resource'], pods)},{inbound}}}"


def _largest_deviation(
    items: list[dict[str, Any]], mesh: runner.Mesh, at: float, buckets: Callable[[Mapping[str, Any]], str]
) -> tuple[float, int]:
    """Return the largest relative deviation from Prometheus, and how many quantiles were compared."""
    connection = prometheus_api_client.PrometheusConnect(url=mesh.prometheus_url)
    worst, compared = 0.0, 0
    for item in items:
        reply = {m["name"]: float(quantity.parse(m["value"])) for m in item["metrics"]}
        for name, quantile in _QUANTILES.items():
            text = f"histogram_quantile({quantile}, sum by (le) (increase({buckets(item)}[{_WINDOW}])))"
            rows = connection.custom_query(text, params={"time": at})
            theirs = float(rows[0]["value"][1]) / 1000 if rows else float("nan")
            assert (name in reply) == (theirs == theirs), f"{item['metadata']['name']} {name}: {theirs}"
            if name in reply:
                worst, compared = max(worst, abs(reply[name] - theirs) / theirs), compared + 1
    print(f"largest deviation: {worst:.1e} of {compared} quantiles")
    return worst, compared


async def test_quantiles_of_every_edge_are_those_of_prometheus(
    mesh: runner.Mesh, asked: Asked, pods: Pods
) -> None:
    api, between = asked
    await _busy(mesh)
    items = [
        item for item in await api.items("/trafficedges", window=_WINDOW) if item["edge"]["direction"] == "to"
    ]
    at = between.instant_of("_bucket")
    worst, compared = _largest_deviation(items, mesh, at, lambda item: _edge_buckets(item, pods))
    assert worst <= _CLOSE
    assert compared >= 3 * (_EDGES - 1)


async def test_quantiles_of_every_workload_are_those_of_prometheus(
    mesh: runner.Mesh, asked: Asked, pods: Pods
) -> None:
    api, between = asked
    await _busy(mesh)
    items = await api.items("/trafficmetrics", window=_WINDOW)
    at = between.instant_of("_bucket")
    worst, compared = _largest_deviation(items, mesh, at, lambda item: _inbound_buckets(item, pods))
    assert worst <= _CLOSE
    assert compared >= 27
