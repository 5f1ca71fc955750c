"""The running mesh, compared with its Envoys and its Prometheus: the truth must be true."""

import asyncio
import collections
import contextlib
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from demo import faults, placement, ports, prometheus, runner, shop, state, wait

pytestmark = pytest.mark.mesh

DEADLINE = 30.0
Counts = collections.Counter[tuple[str, str, str, str]]
"""Calling pod, namespace and name of the service, code → requests."""


@contextlib.asynccontextmanager
async def quiet(mesh: runner.Mesh) -> AsyncIterator[None]:
    await mesh.scenario("quiet")
    try:
        yield
    finally:
        await mesh.scenario("steady")


async def fetch(url: str, **params: str) -> Any:
    async with aiohttp.ClientSession() as http, http.get(url, params=params) as response:
        return await (response.text() if "stats" in url else response.json())


async def samples(mesh: runner.Mesh) -> list[tuple[str, str, dict[str, str], float]]:
    """Pod, metric, labels, value: parsed here, because Prometheus' own parser would add `_total`."""
    found = []
    for pod in await mesh.pods():
        url = f"http://{pod['address']}:{placement.METRICS_PORT}{prometheus.METRICS_PATH}"
        for name, labels, value in re.findall(r"^(\w+)\{(.*)\} (\S+)$", await fetch(url), re.MULTILINE):
            found.append((pod["name"], name, dict(re.findall(r'(\w+)="([^"]*)"', labels)), float(value)))
    return found


async def counters(mesh: runner.Mesh) -> Counts:
    """Every edge as the caller's Envoy counts it."""
    counts: Counts = collections.Counter()
    for pod, metric, labels, value in await samples(mesh):
        if metric == "envoy_cluster_upstream_rq":
            service = service_of(labels["envoy_cluster_name"])
            if service is not None:
                counts[pod, *service, labels["envoy_response_code"]] += int(value)
    return counts


async def answers(mesh: runner.Mesh) -> collections.Counter[tuple[str, str]]:
    """Receiving pod, class of the code → requests, as its Envoy counts them."""
    counts: collections.Counter[tuple[str, str]] = collections.Counter()
    for pod, metric, labels, value in await samples(mesh):
        door = labels.get("envoy_http_conn_manager_prefix")
        if metric == "envoy_http_downstream_rq_xx" and door in {"inbound_8080", "ingress_http"}:
            counts[pod, labels["envoy_response_code_class"]] += int(value)
    return counts


def service_of(cluster: str) -> tuple[str, str] | None:
    if found := re.fullmatch(r"outbound\|8080\|\|([^.]+)\.([^.]+)\.svc\.cluster\.local", cluster):
        return found[2], found[1]
    if found := re.fullmatch(r"([^/]+)/([^/]+)", cluster):
        return found[1], found[2]
    assert cluster in {"inbound|8080||", "local_app", "prometheus_stats", "xds-grpc"}
    return None


def reply(truth: Mapping[str, Any]) -> Counts:
    counts: Counts = collections.Counter()
    for edge in truth["edges"]:
        if edge["from"]["pod"]:
            for code, number in edge["counts"].items():
                key = edge["from"]["pod"], edge["chosen"]["namespace"], edge["chosen"]["name"], code
                counts[key] += number
    return counts


async def since_now(mesh: runner.Mesh) -> float:
    until: float = (await mesh.truth())["until"]
    return until


async def test_envoys_count_exactly_what_the_truth_tells(mesh: runner.Mesh) -> None:
    async with quiet(mesh):
        before, start = await counters(mesh), await since_now(mesh)
    # The load is on while these run, and there are failures of every sort.
    await mesh.scenario("slow")
    await mesh.calls("/checkout", count=60, faults={"payments": 503})
    await mesh.calls("/cart", count=40, faults={"db": 503})
    await mesh.calls("/", count=200)
    async with quiet(mesh):
        truth = await mesh.truth(since=start)
        assert truth["in_flight"] == 0
        grown = await counters(mesh)
        grown.subtract(before)
        assert {key: n for key, n in grown.items() if n} == dict(reply(truth))
        assert sum(grown.values()) > 1000


async def test_receivers_count_what_the_truth_says_they_answered(mesh: runner.Mesh) -> None:
    async with quiet(mesh):
        before, start = await answers(mesh), await since_now(mesh)
        await mesh.calls("/checkout", count=50)
        grown = await answers(mesh)
        grown.subtract(before)
        truth = await mesh.truth(since=start)
    expected: collections.Counter[tuple[str, str]] = collections.Counter()
    for row in truth["received"]:
        for code, number in row["counts"].items():
            # Code 0: the caller's timeout came first, and Envoy counts no answer.
            if code != "0":
                expected[row["by"]["pod"], code[0]] += number
    assert {key: n for key, n in grown.items() if n} == dict(expected)


async def test_forced_failures_are_as_many_as_asked_for(mesh: runner.Mesh) -> None:
    async with quiet(mesh):
        answer = await mesh.calls("/checkout", count=20, faults={"payments": 503, "session-cache": 500})
        truth = await mesh.truth(since=answer["since"])
    assert answer["counts"] == {"502": 20}
    by_service: collections.Counter[tuple[str, str]] = collections.Counter()
    for _, _, service, code in reply(truth).elements():
        by_service[service, code] += 1
    assert by_service["session-cache", "500"] == 20
    assert by_service["payments", "503"] + by_service["cart", "502"] == 20
    assert by_service["frontend", "502"] == 20


async def test_a_retried_request_is_one_request_and_two_attempts(mesh: runner.Mesh) -> None:
    async with quiet(mesh):
        answer = await mesh.calls("/cart", count=10, faults={"db": 503})
        truth = await mesh.truth(since=answer["since"])
    sent = [edge["counts"] for edge in truth["edges"] if edge["to"]["name"] == "db"]
    received = [row["counts"] for row in truth["received"] if row["by"]["name"] == "db"]
    assert sum(counts["503"] for counts in sent) == 10
    assert sum(counts["503"] for counts in received) == 20


async def test_a_split_is_told_by_what_was_chosen(mesh: runner.Mesh) -> None:
    async with quiet(mesh):
        answer = await mesh.calls("/product/7", count=200)
        truth = await mesh.truth(since=answer["since"])
    chosen: collections.Counter[str] = collections.Counter()
    for edge in truth["edges"]:
        if edge["to"]["name"] == "catalog":
            chosen[edge["chosen"]["name"]] += sum(edge["counts"].values())
            assert all(pod.startswith(edge["chosen"]["name"]) for pod in edge["pods"])
    assert chosen.total() == 200
    assert chosen["catalog-v1"] > chosen["catalog-v2"] > 0


async def test_metrics_have_envoys_stock_names(mesh: runner.Mesh) -> None:
    names: dict[str, set[frozenset[str]]] = collections.defaultdict(set)
    for _, metric, labels, _ in await samples(mesh):
        names[metric].add(frozenset(labels))
        if metric == "envoy_cluster_upstream_rq_xx":
            assert labels["envoy_response_code_class"] in set("12345")
    assert not [name for name in names if "cluster_local" in name or "svc" in name]
    assert names["envoy_cluster_upstream_rq_xx"] == {
        frozenset({"envoy_cluster_name", "envoy_response_code_class"})
    }
    assert names["envoy_cluster_upstream_rq_time_bucket"] == {frozenset({"envoy_cluster_name", "le"})}
    assert names["envoy_http_downstream_rq_xx"] == {
        frozenset({"envoy_http_conn_manager_prefix", "envoy_response_code_class"})
    }


async def test_the_admin_interface_is_not_behind_the_metrics_door(mesh: runner.Mesh) -> None:
    pod = (await mesh.pods())[0]
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"http://{pod['address']}:{placement.METRICS_PORT}/quitquitquit") as response,
    ):
        assert response.status == 404


async def test_prometheus_scrapes_every_pod_of_the_inventory(mesh: runner.Mesh) -> None:
    answer = await fetch(f"{mesh.prometheus_url}/api/v1/query", query="up == 1")
    up = {
        row["metric"].get("pod", row["metric"].get("external_workload")) for row in answer["data"]["result"]
    }
    items = yaml.safe_load(mesh.inventory.read_text())["items"]
    assert up == {each["metadata"]["name"] for each in items if each["kind"] in {"Pod", "ExternalWorkload"}}


async def test_a_killed_sidecar_is_down_until_it_is_restarted(mesh: runner.Mesh) -> None:
    pod = next(pod["name"] for pod in await mesh.pods() if pod["workload"]["name"] == "wishlist")

    async def is_up(expected: str) -> None:
        async def seen() -> bool:
            url = f"{mesh.prometheus_url}/api/v1/query"
            rows = (await fetch(url, query=f'up{{pod="{pod}"}}'))["data"]["result"]
            return [row["value"][1] for row in rows] == [expected]

        await wait.until(seen, what=f"up {expected} for {pod}", within=DEADLINE)

    await mesh.kill(pod)
    try:
        await is_up("0")
    finally:
        await mesh.restart(pod)
    await is_up("1")


async def test_a_restarted_sidecar_counts_from_nothing(mesh: runner.Mesh) -> None:
    pod = next(pod["name"] for pod in await mesh.pods() if pod["workload"]["name"] == "session-cache")

    async def answered() -> int:
        return sum(number for (name, _), number in (await answers(mesh)).items() if name == pod)

    async with quiet(mesh):
        await mesh.calls("/", count=30)
        assert await answered() >= 10
        await mesh.restart(pod)
        assert await answered() == 0


@pytest.mark.parametrize(
    ("ask", "reply"),
    [
        (lambda mesh: mesh.scenario("storm"), "no scenario 'storm'"),
        (lambda mesh: mesh.calls("/", count=0), "count is 0"),
        (lambda mesh: mesh.calls("/", count=1, faults={"db": "no"}), "faults are"),
        (lambda mesh: mesh.kill("nobody"), "no pod nobody"),
    ],
)
async def test_what_cannot_be_done_is_refused_in_words(mesh: runner.Mesh, ask: Any, reply: str) -> None:
    with pytest.raises(faults.DemoError, match=reply):
        await ask(mesh)


async def test_another_mesh_runs_beside_it_and_ends_without_a_trace(
    mesh: runner.Mesh, tmp_path: Path, other_subnet: str
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "demo", "mesh", "--state", str(tmp_path), "--subnet", other_subnet),
        *("--scrape-interval", "1s", "--scenario", "quiet"),
        stdout=asyncio.subprocess.PIPE,
    )
    try:

        async def up() -> bool:
            return state.Folder(tmp_path).addresses.exists() or process.returncode is not None

        await wait.until(up, what="the other mesh", within=90)
        assert process.returncode is None
        assert state.control_url(tmp_path) != mesh.control_url
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        output, _ = await process.communicate()
    assert await process.wait() == 0, output.decode()
    assert not state.Folder(tmp_path).addresses.exists()
    ports.demand_free(
        placement.place(shop.SHOP, subnet=other_subnet).addresses(), advice="this should be free"
    )
