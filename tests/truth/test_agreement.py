"""Table, JSON and the dashboard's client have the same figures, and kubectl prints them."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

import dashboard.client.api
from dashboard.client import duration, quantity
from demo import runner
from tests import serving
from tests.truth import span

pytestmark = [pytest.mark.mesh, pytest.mark.asyncio(loop_scope="session")]
_KUBECTL = Path(sys.executable).with_name("kubectl")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def still(mesh: runner.Mesh, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[serving.Api]:
    """A server whose snapshot stays the same for the whole test."""
    await span.busy(mesh)
    options = {"inventory": str(mesh.inventory), "refresh": "300", "stale-after": "600"}
    folder = tmp_path_factory.mktemp("still")
    async with serving.server(folder, prometheus=mesh.prometheus_url, options=options) as api:
        yield api


async def _kubectl(api: serving.Api, *arguments: str) -> tuple[int, str]:
    """Return kubectl's exit status and all it printed."""
    cache = api.kubeconfig.with_name("kubectl-cache")
    command = [str(_KUBECTL), f"--kubeconfig={api.kubeconfig}", f"--cache-dir={cache}", *arguments]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    printed, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, printed.decode()


def _figures(item: dict[str, Any]) -> dict[str, float]:
    return {metric["name"]: float(quantity.parse(metric["value"])) for metric in item["metrics"]}


@pytest.mark.parametrize("resource", ["trafficmetrics", "trafficedges"])
async def test_table_and_json_tell_the_same(still: serving.Api, resource: str) -> None:
    items = await still.items(f"/{resource}")
    status, table = await still.ask(f"/{resource}", accept=serving.TABLE)
    assert status == 200
    titles = [column["name"] for column in table["columnDefinitions"]]
    assert len(table["rows"]) == len(items) > 10
    for row, item in zip(table["rows"], items, strict=True):
        cells = dict(zip(titles, row["cells"], strict=True))
        figures = _figures(item)
        total = figures["success_count"] + figures["failure_count"]
        assert cells["Name"] == item["metadata"]["name"] == row["object"]["metadata"]["name"]
        assert float(cells["RPS"]) == pytest.approx(total / 30, abs=0.051)
        if total:
            assert float(cells["Success"].rstrip("%")) == pytest.approx(
                100 * figures["success_count"] / total, abs=0.011
            )
        else:
            assert cells["Success"] == "-"
        assert (cells["P99"] == "-") == ("p99_response_latency" not in figures)


async def test_the_dashboards_client_reads_what_the_api_says(still: serving.Api) -> None:
    client = dashboard.client.api.connect(str(still.kubeconfig))
    try:
        for read, resource in ((client.metrics, "trafficmetrics"), (client.edges, "trafficedges")):
            reply = {(t.resource.namespace, t.name): t for t in await asyncio.to_thread(read)}
            items = await still.items(f"/{resource}")
            assert len(reply) == len(items)
            for item in items:
                seen = reply[item["resource"].get("namespace", ""), item["metadata"]["name"]]
                figures = _figures(item)
                assert seen.success_count == figures["success_count"]
                assert seen.failure_count == figures["failure_count"]
                assert (seen.p50, seen.p90, seen.p99) == tuple(
                    figures.get(f"p{q}_response_latency") for q in (50, 90, 99)
                )
    finally:
        client.close()


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["get", "trafficmetrics", "-n", "shop"], ["deployment.cart", "deployment.wishlist"]),
        (["get", "tm", "-A", "-o", "wide"], ["PROFILE", "statefulset.db", "job.report", "envoy"]),
        (
            ["get", "tm", "deployment.cart", "-n", "shop", "-o", "yaml"],
            ["p99_response_latency", "window: 30s"],
        ),
        (["get", "tm", "-n", "shop", "-l", "app=cart"], ["deployment.cart"]),
        (
            ["get", "tm", "-n", "shop", "--field-selector", "resource.kind=Pod"],
            ["pod.cart-", "pod.frontend-"],
        ),
        (["get", "trafficedges", "-n", "shop"], ["deployment/frontend", "service/ghost", "FROM"]),
        (["get", "te", "-A", "-o", "json"], ['"kind": "List"', "deployment.frontend:deployment.cart"]),
        (["explain", "trafficmetrics.metrics"], ["success_count", "Unknown figures are left out"]),
        (["explain", "trafficedges.edge.side"], ["Where it was observed"]),
        (["api-resources", "--api-group=metrics.smi-spec.io"], ["trafficmetrics", "te ", "statefulsets"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
async def test_kubectl_prints(still: serving.Api, arguments: list[str], shown: list[str]) -> None:
    status, printed = await _kubectl(still, *arguments)
    assert status == 0, printed
    assert [text for text in shown if text not in printed] == [], printed


@pytest.mark.parametrize("suffix", ["", "?window=1m"])
@pytest.mark.parametrize(
    "path",
    [
        "namespaces",
        "namespaces/shop",
        "namespaces/shop/edges",
        "nodes",
        "nodes/node-a",
        "nodes/node-a/edges",
        "pods",
        *(
            f"namespaces/{namespace}/{plural}{more}"
            for namespace, plural, name in (
                ("shop", "deployments", "cart"),
                ("shop", "services", "catalog"),
                ("shop", "services", "ghost"),
                ("data", "statefulsets", "db"),
                ("shop", "daemonsets", "session-cache"),
                ("data", "jobs", "report"),
            )
            for more in ("", f"/{name}", f"/{name}/edges")
        ),
    ],
)
async def test_kubectl_reads_the_paths_of_the_specification(
    still: serving.Api, path: str, suffix: str
) -> None:
    status, printed = await _kubectl(still, "get", "--raw", f"{serving.GROUP}/{path}{suffix}")
    assert status == 0, printed
    assert '"kind":"TrafficMetrics' in printed
    asked = 60.0 if suffix else 30.0
    reply = json.loads(printed)
    windows = {duration.parse(item["window"]) for item in reply.get("items", [reply])}
    assert max(windows) <= asked
    if path != "pods":  # a pod may be younger than the window
        assert asked in windows


async def test_replica_sets_are_served_by_their_own_name(still: serving.Api) -> None:
    items = await still.items("/namespaces/shop/replicasets")
    cart = next(item for item in items if item["metadata"]["name"].startswith("cart-"))
    status, edges = await still.ask(f"/namespaces/shop/replicasets/{cart['metadata']['name']}/edges")
    assert status == 200
    assert {item["edge"]["resource"]["name"] for item in edges["items"]} >= {"db"}


async def test_a_namespace_is_the_sum_of_its_pods(still: serving.Api) -> None:
    pods = [_figures(item) for item in await still.items("/namespaces/data/pods")]
    status, namespace = await still.ask("/namespaces/data")
    assert status == 200
    for name in ("success_count", "failure_count"):
        assert _figures(namespace)[name] == pytest.approx(sum(pod[name] for pod in pods))
