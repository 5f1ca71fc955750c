"""The whole server over TLS on loopback, in front of a fake Prometheus that holds a recorded mesh."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from apiservice import server
from metrics_server import access, quantity, serving, settings, words
from metrics_server.views import cells
from tests.metrics_server import fake_prometheus, recording

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOKEN = "correct-horse"
ROOT = "/apis/metrics.smi-spec.io/v1alpha1"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    status: int
    body: Any
    headers: dict[str, str]

    @property
    def items(self) -> list[dict[str, Any]]:
        assert self.status == 200, self.body
        found: list[dict[str, Any]] = self.body["items"]
        return found

    @property
    def names(self) -> list[str]:
        return [item["metadata"]["name"] for item in self.items]

    def refused(self, status: int) -> str:
        assert (self.status, self.body["kind"], self.body["code"]) == (status, "Status", status), self.body
        return str(self.body["message"])


@dataclasses.dataclass(frozen=True, slots=True)
class Api:
    """A client of a running server, and the fake behind it."""

    session: aiohttp.ClientSession
    url: str
    fake: fake_prometheus.FakePrometheus

    async def get(self, path: str, *, accept: str = "application/json", token: str = TOKEN) -> Told:
        headers = {"Accept": accept, "Authorization": f"Bearer {token}"}
        async with self.session.get(f"{self.url}{ROOT}/{path}", headers=headers) as response:
            body = await response.json(content_type=None)
            return Told(response.status, body, dict(response.headers))


@contextlib.asynccontextmanager
async def served(fake: fake_prometheus.FakePrometheus, state: Path, **more: Any) -> AsyncIterator[Api]:
    chosen = settings.load(prometheus=fake.url, state=state, **more)
    (state / "token").write_text(TOKEN)
    async with (
        access.granted(chosen) as admits,
        serving.api(chosen, admits=admits) as api,
        server.serve(api, host="127.0.0.1", port=0, tls=admits.tls) as bound,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=_trusting(state))) as session,
    ):
        yield Api(session, bound.url, fake)


def _trusting(state: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(state / "ca.crt"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    """The recorded mesh, as it is for the whole module."""
    holds = recording.shop(taken=time.time())
    async with (
        fake_prometheus.running(fake_prometheus.FakePrometheus(holds)) as fake,
        served(
            fake, tmp_path_factory.mktemp("state"), inventory=recording.inventory_file(), refresh=3600
        ) as running,
    ):
        await running.get("trafficmetrics")  # the whole, of which every namespace is then a part
        yield running


def figures(item: dict[str, Any]) -> dict[str, float]:
    return {one["name"]: float(quantity.parse(one["value"])) for one in item["metrics"]}


def counted(item: dict[str, Any]) -> float:
    told = figures(item)
    return told["success_count"] + told["failure_count"]


async def test_trafficmetrics_lists_the_workloads_of_a_namespace(api: Api) -> None:
    told = await api.get("namespaces/data/trafficmetrics")
    assert told.names == ["job.report", "statefulset.db"]
    assert told.body["kind"] == "TrafficMetricsList"
    assert told.body["resource"] == {"namespace": "data"}
    (db,) = (item for item in told.items if item["metadata"]["name"] == "statefulset.db")
    assert db["resource"] == {"kind": "StatefulSet", "namespace": "data", "name": "db"}
    assert db["edge"] == {"direction": "from", "side": "server", "resource": {}}
    assert db["metadata"]["labels"] == {"app": "db"}
    assert db["metadata"]["annotations"]["metrics.smi-spec.io/profile"] == "envoy"
    assert db["window"] == "30s"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", db["timestamp"])
    latencies = [f"{quantile}_response_latency" for quantile in ("p99", "p90", "p50")]
    assert list(figures(db)) == [*latencies, "success_count", "failure_count"]
    assert counted(db) > 0


async def test_an_item_is_got_by_its_name_as_it_stands_in_the_list(api: Api) -> None:
    for item in (await api.get("trafficmetrics")).items:
        meta = item["metadata"]
        told = await api.get(f"namespaces/{meta['namespace']}/trafficmetrics/{meta['name']}")
        assert told.body == item


async def test_an_idle_workload_has_counts_of_zero_and_no_latency(api: Api) -> None:
    told = await api.get("namespaces/shop/trafficmetrics/deployment.wishlist")
    assert figures(told.body) == {"success_count": 0, "failure_count": 0}


async def test_a_machine_outside_kubernetes_is_listed(api: Api) -> None:
    assert "externalworkload.billing-vm" in (await api.get("namespaces/shop/trafficmetrics")).names


@pytest.mark.parametrize("kind", words.KINDS, ids=lambda kind: kind.plural)
async def test_every_kind_is_listed_under_its_plural_and_by_field_selector(
    api: Api, kind: words.Kind
) -> None:
    under_plural = await api.get(kind.plural)
    assert {item["resource"]["kind"] for item in under_plural.items} <= {kind.name}
    selected = await api.get(f"trafficmetrics?fieldSelector=resource.kind={kind.name}")
    prefixed = [f"{kind.singular}.{name}" for name in under_plural.names]
    assert sorted(selected.names) == sorted(prefixed)
    assert selected.body["resource"] == {"kind": kind.name}


async def test_namespaces_have_what_their_pods_have_together(api: Api) -> None:
    pods = (await api.get("pods")).items
    machines = [
        item
        for item in (await api.get("trafficmetrics")).items
        if item["resource"]["kind"] == "ExternalWorkload"
    ]
    for namespace in (await api.get("namespaces")).items:
        name = namespace["metadata"]["name"]
        inside = [item for item in (*pods, *machines) if item["metadata"]["namespace"] == name]
        assert counted(namespace) == pytest.approx(sum(map(counted, inside)))


async def test_labels_select_the_described_objects(api: Api) -> None:
    assert (await api.get("trafficmetrics?labelSelector=app%3Ddb")).names == ["statefulset.db"]
    assert (await api.get("pods?labelSelector=app%3Ddb")).names == ["db-0", "db-1"]


# Edges


async def test_an_edge_is_its_callers_in_the_callers_namespace_and_the_callees_elsewhere(api: Api) -> None:
    everywhere = {item["metadata"]["name"]: item for item in (await api.get("trafficedges")).items}
    edge = everywhere["deployment.cart:data:statefulset.db"]
    assert (edge["kind"], edge["metadata"]["namespace"]) == ("TrafficEdge", "shop")
    assert edge["resource"] == {"kind": "Deployment", "namespace": "shop", "name": "cart"}
    assert edge["edge"]["direction"] == "to"
    assert edge["edge"]["resource"] == {"kind": "StatefulSet", "namespace": "data", "name": "db"}
    here = {item["metadata"]["name"]: item for item in (await api.get("namespaces/data/trafficedges")).items}
    same = here["shop:deployment.cart:statefulset.db"]
    assert (same["edge"]["direction"], same["edge"]["side"]) == ("from", "client")
    assert same["metadata"]["namespace"] == "data"
    assert figures(same) == figures(edge)


async def test_every_edge_stands_once_in_the_namespace_of_each_of_its_ends(api: Api) -> None:
    for edge in (await api.get("trafficedges")).items:
        ends = {edge["resource"].get("namespace"), edge["edge"]["resource"].get("namespace")} - {None}
        pair = {str(edge["resource"]), str(edge["edge"]["resource"])}
        for namespace in ends:
            inside = (await api.get(f"namespaces/{namespace}/trafficedges")).items
            same = [e for e in inside if {str(e["resource"]), str(e["edge"]["resource"])} == pair]
            assert [counted(one) for one in same] == [counted(edge)]


async def test_what_comes_from_outside_is_an_edge_from_nobody_known(api: Api) -> None:
    told = await api.get("namespaces/shop/trafficedges/unknown:deployment.gateway")
    assert told.body["edge"] == {"direction": "from", "side": "server", "resource": {}}


async def test_the_edges_of_one_resource_go_both_ways(api: Api) -> None:
    told = await api.get("namespaces/shop/deployments/cart/edges")
    assert told.body["resource"] == {"kind": "Deployment", "namespace": "shop", "name": "cart"}
    assert set(told.names) == {"cart"}
    peers = {(item["edge"]["direction"], item["edge"]["resource"]["name"]) for item in told.items}
    assert peers == {("to", "db"), ("from", "frontend"), ("from", "checkout")}


async def test_a_service_behind_nothing_is_a_peer_as_a_service(api: Api) -> None:
    told = await api.get("namespaces/shop/trafficedges/deployment.frontend:service.ghost")
    assert told.body["edge"]["resource"] == {"kind": "Service", "namespace": "shop", "name": "ghost"}
    assert figures(told.body)["failure_count"] > 0


# Tables


def seconds(cell: str) -> float | None:
    """The latency that a cell shows, `-` being none."""
    if cell == cells.UNKNOWN:
        return None
    found = re.fullmatch(r">?([0-9.]+)(µs|ms|s)", cell)
    assert found is not None
    return float(found[1]) * {"µs": 1e-6, "ms": 1e-3, "s": 1.0}[found[2]]


@pytest.mark.parametrize("path", ["trafficmetrics", "pods", "namespaces", "services"])
async def test_a_table_shows_the_figures_of_the_json(api: Api, path: str) -> None:
    items, table = (await api.get(path)).items, (await api.get(path, accept=TABLE)).body
    columns = [column["name"] for column in table["columnDefinitions"]]
    assert columns[:7] == ["Name", "Success", "RPS", "P50", "P90", "P99", "Age"]
    assert len(table["rows"]) == len(items) > 0
    for row, item in zip(table["rows"], items, strict=True):
        shown, told = dict(zip(columns, row["cells"], strict=True)), figures(item)
        succeeded, failed = told.get("success_count"), told.get("failure_count")
        assert shown["Name"] == item["metadata"]["name"]
        assert shown["Success"] == cells.success(succeeded, failed)
        assert shown["RPS"] == cells.rate(None if succeeded is None else counted(item), 30.0)
        for quantile in ("P50", "P90", "P99"):
            exact = told.get(f"{quantile.lower()}_response_latency")
            assert seconds(shown[quantile]) == (None if exact is None else pytest.approx(exact, rel=0.05))
        assert (shown["Side"], shown["Window"], shown["Profile"]) == (item["edge"]["side"], "30s", "envoy")
        assert shown["In"] == shown["RPS"]


async def test_a_table_of_edges_says_from_whom_to_whom(api: Api) -> None:
    table = (await api.get("namespaces/data/trafficedges", accept=TABLE)).body
    columns = [column["name"] for column in table["columnDefinitions"]]
    assert columns[:8] == ["From", "To", "Success", "RPS", "P50", "P90", "P99", "Age"]
    ends = {tuple(row["cells"][:2]) for row in table["rows"]}
    assert ("shop/deployment/cart", "statefulset/db") in ends
    outside = (await api.get("namespaces/shop/trafficedges", accept=TABLE)).body
    assert ("<unknown>", "deployment/gateway") in {tuple(row["cells"][:2]) for row in outside["rows"]}


# Windows


@pytest.mark.parametrize("parameter", ["window=1m", "t=1m", "window=1m&t=1m", "window=60s"])
async def test_a_window_is_used_as_asked(api: Api, parameter: str) -> None:
    told = await api.get(f"namespaces/shop/trafficmetrics?{parameter}")
    assert {item["window"] for item in told.items} == {"1m"}


async def test_a_window_too_short_for_two_scrapes_is_widened_and_the_item_says_so(api: Api) -> None:
    told = await api.get("namespaces/shop/trafficmetrics?window=1s")
    assert {item["window"] for item in told.items} == {"10s"}


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("window=5x", "'5x' is not a duration; write one such as 30s, 5m or 1h30m"),
        ("t=", "'' is not a duration"),
        ("window=0s", "is outside 1s"),
        ("window=1000h", "is outside 1s"),
        ("window=30s&t=1m", "`window` and `t` mean the same and differ here"),
        ("fieldSelector=resource.kind=Gadget", "'Gadget' is not a served kind; served are Pod, Namespace"),
        ("fieldSelector=spec.x=1", "spec.x"),
        ("labelSelector=a%3D%3D%3D", "label"),
    ],
)
async def test_a_question_that_makes_no_sense_is_a_400_that_says_why(api: Api, query: str, why: str) -> None:
    assert why in (await api.get(f"namespaces/shop/trafficmetrics?{query}")).refused(400)


# What is not there


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("namespaces/shop/trafficmetrics/deployment.crat", "did you mean deployment.cart"),
        ("namespaces/shop/deployments/crat", "did you mean cart"),
        ("namespaces/shop/deployments/zzzzzzzzzz", "Deployments with a scraped proxy"),
        ("namespaces/shop/deployments/crat/edges", "did you mean cart"),
        ("namespaces/shop/trafficedges/deployment.cart:x", "not found"),
        ("namespaces/shpo/trafficmetrics", 'namespaces "shpo" not found: did you mean shop?'),
        ("namespaces/shpo/trafficmetrics/deployment.cart", "did you mean shop"),
        ("namespaces/shop/jobs/report", "no job has a scraped proxy here"),
    ],
)
async def test_what_is_not_there_is_a_404_with_near_names(api: Api, path: str, why: str) -> None:
    assert why.lower() in (await api.get(path)).refused(404).lower()


async def test_a_wrong_token_is_a_401(api: Api) -> None:
    assert (await api.get("trafficmetrics", token="wrong")).refused(401)


UNSCRAPED = """
{kind: List, items: [
  {kind: Namespace, metadata: {name: quiet}},
  {kind: Deployment, metadata: {name: still, namespace: quiet}},
  {kind: Pod, metadata: {name: silent, namespace: shop}}]}
"""


async def test_a_namespace_that_exists_without_proxies_is_an_empty_list(api: Api, tmp_path: Path) -> None:
    things = tmp_path / "things.yaml"
    things.write_text(UNSCRAPED, encoding="utf-8")
    async with served(api.fake, tmp_path, inventory=things) as quiet:
        assert (await quiet.get("namespaces/quiet/trafficmetrics")).items == []
        assert (await quiet.get("namespaces/quiet/trafficedges")).items == []
        assert "none of its proxies is scraped" in (
            await quiet.get("namespaces/quiet/deployments/still")
        ).refused(404)
        assert "none of its proxies is scraped" in (await quiet.get("namespaces/shop/pods/silent")).refused(
            404
        )
        assert "not found" in (await quiet.get("namespaces/nowhere/trafficmetrics")).refused(404)


async def test_without_an_inventory_every_list_still_answers(api: Api, tmp_path: Path) -> None:
    async with served(api.fake, tmp_path) as bare:
        assert "deployment.cart" in (await bare.get("namespaces/shop/trafficmetrics")).names
        for kind in words.KINDS:
            assert (await bare.get(kind.plural)).status == 200


# When Prometheus cannot answer


async def test_who_reads_what_prometheus_knows_in_part_is_warned(api: Api, tmp_path: Path) -> None:
    async with served(api.fake, tmp_path, inventory=recording.inventory_file()) as partial:
        api.fake.warnings = ["a store did not answer"]
        try:
            for path in ("trafficmetrics", "namespaces/shop/trafficmetrics/deployment.cart", "pods"):
                told = await partial.get(path)
                assert "traffic may be missing" in told.headers["Warning"]
                assert "store" not in told.headers["Warning"]
        finally:
            api.fake.warnings = []


async def test_every_trouble_of_the_backend_is_a_503_without_retry_after(api: Api, tmp_path: Path) -> None:
    async with (
        fake_prometheus.running(fake_prometheus.FakePrometheus()) as fake,
        served(fake, tmp_path) as troubled,
    ):
        told = await troubled.get("trafficmetrics")
        assert "holds no recent metric of a known mesh" in told.refused(503)
        fake.behaviour = fake_prometheus.fixed("<html>", status=502)
        strange = await troubled.get("trafficmetrics")
        assert strange.refused(503) == "Prometheus did not answer the query"
        fake.behaviour, fake.holds = fake.well, recording.shop(taken=time.time() - 200)
        stale = await troubled.get("trafficmetrics?window=10m")
        assert "s old; figures older than 90 s are not served" in stale.refused(503)
        fake.holds = recording.shop(taken=time.time())
        assert (await troubled.get("trafficmetrics")).items
    for answer in (told, strange, stale):
        assert "Retry-After" not in answer.headers
        assert fake.url not in answer.refused(503)
