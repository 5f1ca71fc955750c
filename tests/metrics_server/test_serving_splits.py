"""`trafficsplits` of the whole server, over TLS on loopback, in front of a fake Prometheus that holds a
recorded mesh.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.metrics_server import fake_prometheus, reading, recording

pytestmark = pytest.mark.asyncio(loop_scope="module")

SPLITS = """
---
apiVersion: split.smi-spec.io/v1alpha1
kind: TrafficSplit
metadata: {name: catalog, namespace: shop, labels: {team: a, tier: front}}
spec: {service: catalog, backends: [{service: catalog-v1, weight: 900m}, {service: catalog-v2, weight: 100m}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: catalog, namespace: shop, labels: {team: b}}
spec:
  parentRefs: [{group: "", kind: Service, name: catalog}]
  rules:
    - backendRefs:
        - {name: catalog-v1, weight: 9}
        - {name: catalog-v2, weight: 1}
        - {name: ghost, weight: 0}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: catalog, namespace: shop}
spec:
  hosts: [catalog]
  http:
    - route:
        - {destination: {host: catalog-v1, subset: a}, weight: 50}
        - {destination: {host: catalog-v1, subset: b}, weight: 50}
---
apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: {name: db, namespace: data, labels: {team: a}}
spec: {service: db, backends: [{service: db, weight: 1}, {service: db-next, weight: 0}]}
---
apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: {name: broken, namespace: data}
spec: {service: db, backends: [{service: db, weight: -1}]}
"""
CATALOG = ["catalog:catalog-v1", "catalog:catalog-v2"]
DB = ["db:db", "db:db-next"]
ROUTE = ["httproute.catalog:catalog-v1", "httproute.catalog:catalog-v2", "httproute.catalog:ghost"]
SUBSETS = ["virtualservice.catalog:catalog-v1@a", "virtualservice.catalog:catalog-v1@b"]


@pytest.fixture(scope="module")
def things(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("things") / "inventory.yaml"
    path.write_text(recording.inventory_file().read_text(encoding="utf-8") + SPLITS, encoding="utf-8")
    return path


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(things: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[reading.Api]:
    holds = recording.shop(taken=time.time())
    async with (
        fake_prometheus.running(fake_prometheus.FakePrometheus(holds)) as fake,
        reading.served(
            fake,
            tmp_path_factory.mktemp("state"),
            inventory=things,
            splits="smi,gateway,istio",
            refresh=3600,
        ) as running,
    ):
        yield running


def by_name(items: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {item["metadata"]["name"]: item for item in items}


async def test_there_is_an_item_per_backend_as_the_specification_has_it(api: reading.Api) -> None:
    told = await api.get("namespaces/shop/trafficsplits?labelSelector=team%3Da")
    assert told.names == CATALOG
    assert told.body["kind"] == "TrafficMetricsList"
    assert told.body["resource"] == {"kind": "TrafficSplit", "namespace": "shop"}
    (first, second) = told.items
    assert first["kind"] == "TrafficMetrics"
    assert first["resource"] == {"kind": "TrafficSplit", "namespace": "shop", "name": "catalog"}
    assert first["edge"] == {"direction": "from", "side": "client", "resource": {}}
    assert first["backend"] == {"apex": "catalog", "name": "catalog-v1", "weight": 900}
    assert second["backend"] == {"apex": "catalog", "name": "catalog-v2", "weight": 100}
    assert first["metadata"]["labels"] == {"team": "a", "tier": "front"}
    assert first["window"] == "30s"


async def test_shares_are_of_the_requests_that_were_seen(api: reading.Api) -> None:
    first, second = (
        reading.figures(item) for item in (await api.get("namespaces/shop/trafficsplits")).items[:2]
    )
    total = sum(one["success_count"] + one["failure_count"] for one in (first, second))
    assert total > 100
    for one in (first, second):
        assert one["request_share"] == pytest.approx((one["success_count"] + one["failure_count"]) / total)
    assert first["request_share"] == pytest.approx(0.9, abs=0.05)


async def test_a_backend_has_what_its_callers_edges_have(api: reading.Api) -> None:
    edges = (await api.get("trafficedges")).items
    (item,) = (await api.get("trafficsplits?fieldSelector=metadata.name%3Dcatalog:catalog-v1")).items
    mine = [edge for edge in edges if edge["edge"]["resource"].get("name") == "catalog-v1"]
    assert reading.counted(item) == sum(map(reading.counted, mine)) > 0


async def test_all_namespaces_have_what_each_has(api: reading.Api) -> None:
    everywhere = await api.get("trafficsplits")
    assert everywhere.names == [*DB, *CATALOG, *ROUTE, *SUBSETS]
    inside = [(await api.get(f"namespaces/{name}/trafficsplits")).items for name in ("data", "shop")]
    assert everywhere.items == [*inside[0], *inside[1]]


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("team%3Da", [*DB, *CATALOG]),
        ("team%20in%20(b)", ROUTE),
        ("!team", SUBSETS),
        ("team%3Da,tier%3Dfront", CATALOG),
        ("team%3Dz", []),
    ],
)
async def test_labels_select_the_objects_that_split(
    api: reading.Api, selector: str, names: list[str]
) -> None:
    assert (await api.get(f"trafficsplits?labelSelector={selector}")).names == names


async def test_an_item_is_got_by_its_name_as_it_stands_in_the_list(api: reading.Api) -> None:
    for item in (await api.get("trafficsplits")).items:
        meta = item["metadata"]
        told = await api.get(f"namespaces/{meta['namespace']}/trafficsplits/{meta['name']}")
        assert told.body == item


async def test_a_split_itself_is_all_of_its_backends_together(api: reading.Api) -> None:
    whole = (await api.get("namespaces/shop/trafficsplits/catalog")).body
    parts = [by_name((await api.get("trafficsplits")).items)[name] for name in CATALOG]
    assert reading.counted(whole) == sum(map(reading.counted, parts))
    assert "backend" not in whole
    assert "request_share" not in reading.figures(whole)
    assert whole["metadata"]["labels"] == {"team": "a", "tier": "front"}


async def test_the_edges_of_a_split_are_its_callers_with_each_backend(api: reading.Api) -> None:
    told = await api.get("namespaces/shop/trafficsplits/catalog/edges")
    assert told.body["resource"] == {"kind": "TrafficSplit", "namespace": "shop", "name": "catalog"}
    callers = {(item["metadata"]["name"], item["edge"]["resource"]["name"]) for item in told.items}
    assert callers == {(name, caller) for name in CATALOG for caller in ("frontend", "report")}
    assert {item["edge"]["direction"] for item in told.items} == {"from"}
    for name in CATALOG:
        one = await api.get(f"namespaces/shop/trafficsplits/{name}/edges")
        assert one.items == [item for item in told.items if item["metadata"]["name"] == name]
        whole = (await api.get(f"namespaces/shop/trafficsplits/{name}")).body
        assert sum(map(reading.counted, one.items)) == reading.counted(whole)


async def test_subsets_that_nobody_tells_apart_have_no_figures_and_it_is_said_why(
    api: reading.Api,
) -> None:
    told = await api.get("namespaces/shop/trafficsplits?labelSelector=!team")
    for item, subset in zip(told.items, "ab", strict=True):
        assert item["metrics"] == []
        assert item["backend"] == {"apex": "catalog", "name": "catalog-v1", "subset": subset, "weight": 50}
        assert (
            "does not follow from what the mesh tells"
            in item["metadata"]["annotations"]["metrics.smi-spec.io/unclear"]
        )
    assert "figures of 2 backends are left out" in (await api.get("trafficsplits")).headers["Warning"]
    one = await api.get(f"namespaces/shop/trafficsplits/{SUBSETS[0]}")
    edges = await api.get(f"namespaces/shop/trafficsplits/{SUBSETS[0]}/edges")
    assert edges.items == []
    for answer in (one, edges):
        assert "there are no figures: which requests went to catalog-v1@a" in answer.headers["Warning"]
    assert "Warning" not in (await api.get("namespaces/data/trafficsplits")).headers


async def test_a_table_has_the_declared_weight_beside_the_share_that_was_seen(api: reading.Api) -> None:
    table = (await api.get("namespaces/shop/trafficsplits", accept=reading.TABLE)).body
    columns = [column["name"] for column in table["columnDefinitions"] if column["priority"] == 0]
    assert columns == ["Name", "Weight", "Meant", "Share", "Success", "RPS", "P50", "P90", "P99", "Age"]
    rows = {row["cells"][0]: row["cells"] for row in table["rows"]}
    items = by_name((await api.get("namespaces/shop/trafficsplits")).items)
    assert list(rows) == list(items)
    for name, cells in rows.items():
        shares = reading.figures(items[name])
        share = f"{shares['request_share'] * 100:.1f}%" if "request_share" in shares else "-"
        assert (cells[1], cells[3]) == (str(items[name]["backend"]["weight"]), share)
    assert rows["catalog:catalog-v1"][2] == "90.0%"
    assert rows["httproute.catalog:ghost"][1:3] == ["0", "0.0%"]
    assert rows[SUBSETS[0]][3:6] == ["-", "-", "-"]
    edges = await api.get("namespaces/shop/trafficsplits/catalog/edges", accept=reading.TABLE)
    assert {tuple(row["cells"][:3]) for row in edges.body["rows"]} == {
        (caller, f"catalog-v{number}", weight)
        for caller in ("deployment/frontend", "data/job/report")
        for number, weight in ((1, "900"), (2, "100"))
    }


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("namespaces/shop/trafficsplits/catalgo", "did you mean catalog?"),
        ("namespaces/shop/trafficsplits/catalog:catalog-v3", "did you mean catalog:catalog-v"),
        ("namespaces/shop/trafficsplits/zzzzzzzz", "splits are catalog, catalog:catalog-v1"),
        ("namespaces/shop/trafficsplits/zzzzzzzz/edges", "splits are catalog, catalog:catalog-v1"),
        ("namespaces/data/trafficsplits/broken", "splits are db, db:db, db:db-next"),
        ("namespaces/shpo/trafficsplits", "did you mean shop?"),
    ],
)
async def test_what_is_not_there_is_a_404_with_near_names(api: reading.Api, path: str, why: str) -> None:
    assert why in (await api.get(path)).refused(404)


@pytest.mark.parametrize("name", ["%22", "%7B%7D", "..%2f", ".*", "a%0Ab", "%F0%9F%98%80", "x" * 4000])
async def test_a_hostile_name_is_only_not_found(api: reading.Api, name: str) -> None:
    told = await api.get(f"namespaces/shop/trafficsplits/{name}")
    assert told.status in (400, 404)
    assert told.body["kind"] == "Status"


async def test_a_window_is_used_as_asked(api: reading.Api) -> None:
    assert {item["window"] for item in (await api.get("trafficsplits?window=1m")).items} == {"1m"}


async def test_only_the_chosen_sources_count(api: reading.Api, things: Path, tmp_path: Path) -> None:
    async with reading.served(api.fake, tmp_path, inventory=things) as plain:
        assert (await plain.get("trafficsplits")).names == [*DB, *CATALOG]


async def test_without_anything_that_tells_of_splits_the_list_is_empty_and_says_why(
    api: reading.Api, tmp_path: Path
) -> None:
    async with reading.served(api.fake, tmp_path) as bare:
        told = await bare.get("trafficsplits")
        assert told.items == []
        assert "give the server --inventory or --cluster" in told.headers["Warning"]
        assert "no split is known here" in (await bare.get("namespaces/shop/trafficsplits/x")).refused(404)


@pytest.fixture
def quiet(tmp_path: Path) -> Path:
    """Things with splits in a namespace of which nothing is scraped."""
    path = tmp_path / "things.yaml"
    namespace = "{kind: Namespace, metadata: {name: quiet}}"
    path.write_text(namespace + SPLITS.replace("namespace: data", "namespace: quiet"), encoding="utf-8")
    return path


async def test_a_split_that_nobody_is_seen_to_call_has_no_requests_and_no_share(
    api: reading.Api, quiet: Path, tmp_path: Path
) -> None:
    async with reading.served(api.fake, tmp_path, inventory=quiet) as running:
        told = await running.get("namespaces/quiet/trafficsplits")
        assert told.names == DB
        assert [reading.figures(item) for item in told.items] == [
            {"success_count": 0, "failure_count": 0}
        ] * 2


async def test_a_split_of_which_no_proxy_could_tell_exists_all_the_same(
    api: reading.Api, quiet: Path, tmp_path: Path
) -> None:
    shipped = (resources.files("metrics_server") / "profiles" / "envoy.yaml").read_text(encoding="utf-8")
    nameless = [line for line in shipped.splitlines() if "(?P<namespace>" not in line]
    mesh = tmp_path / "mesh.yaml"
    mesh.write_text("\n".join(nameless), encoding="utf-8")
    async with reading.served(api.fake, tmp_path, inventory=quiet, profile=str(mesh)) as running:
        assert (await running.get("namespaces/quiet/trafficsplits")).items == []
        for name in (DB[0], "db"):
            why = (await running.get(f"namespaces/quiet/trafficsplits/{name}")).refused(404)
            assert "it exists, but no proxy is scraped" in why
        assert "splits are db" in (await running.get("namespaces/quiet/trafficsplits/x")).refused(404)


async def test_the_backend_is_explained(api: reading.Api) -> None:
    async with api.session.get(
        f"{api.url}/openapi/v3{reading.ROOT}", headers={"Authorization": f"Bearer {reading.TOKEN}"}
    ) as response:
        schemas = (await response.json())["components"]["schemas"]
    print(list(schemas)[:9])
    assert set(schemas["TrafficMetrics"]["properties"]["backend"]["properties"]) == {
        "apex", "name", "namespace", "subset", "weight",
    }  # fmt: skip


# Subsets, as Istio tells of them

REVIEWS = """
{kind: List, items: [
  {kind: Service, metadata: {name: reviews, namespace: shop}, spec: {selector: {app: reviews}}},
  {kind: Deployment, metadata: {name: reviews-v1, namespace: shop}},
  {kind: Deployment, metadata: {name: reviews-v2, namespace: shop}},
  {kind: Pod, metadata: {name: reviews-v1-x, namespace: shop, labels: {app: reviews, version: v1},
    ownerReferences: [{kind: Deployment, name: reviews-v1, controller: true}]}},
  {kind: Pod, metadata: {name: reviews-v2-x, namespace: shop, labels: {app: reviews, version: v2},
    ownerReferences: [{kind: Deployment, name: reviews-v2, controller: true}]}},
  {apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: reviews, namespace: shop},
    spec: {host: reviews, subsets: [{name: old, labels: {version: v1}}, {name: new, labels: {version: v2}}]}},
  {apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: reviews, namespace: shop},
    spec: {hosts: [reviews], http: [{route: [
      {destination: {host: reviews, subset: old}, weight: 80},
      {destination: {host: reviews.shop.svc.cluster.local, subset: new}, weight: 20}]}]}}]}
"""
REQUESTS = {"reviews-v1": 30, "reviews-v2": 10}


def told_by_istio(requests: dict[str, int]) -> recording.Recording:
    """A caller's proxy that sends requests to workloads of one service, and the proxies of both versions."""
    now = time.time()
    times = [now - 60 + 5 * number for number in range(13)]
    found = []
    for pod in ("web-x", "reviews-v1-x", "reviews-v2-x"):
        target = {"namespace": "shop", "pod": pod, "job": "istio", "instance": pod}
        found += [
            recording.series("up", [(at, 1) for at in times], **target),
            recording.series("envoy_server_uptime", [(at, at - now + 9000) for at in times], **target),
        ]
    target = {"namespace": "shop", "pod": "web-x", "job": "istio", "instance": "web-x"}
    for workload, count in requests.items():
        counted = [(at, 100 + count * (place >= 9)) for place, at in enumerate(times)]
        labels = {
            "reporter": "source",
            "response_code": "200",
            "destination_workload": workload,
            "destination_workload_namespace": "shop" if workload != "unknown" else "unknown",
            "destination_service_name": "reviews",
            "destination_service_namespace": "shop",
        }
        found.append(recording.series("istio_requests_total", counted, **target, **labels))
    return recording.Recording(found)


@pytest.mark.parametrize(
    ("requests", "shares"),
    [
        (REQUESTS, [0.25, 0.75]),
        ({**REQUESTS, "unknown": 0}, [0.25, 0.75]),
        pytest.param({**REQUESTS, "unknown": 1}, [None, None], id="one that reached no pod"),
    ],
)
async def test_subsets_are_told_apart_by_the_workload_that_was_called(
    requests: dict[str, int], shares: list[float | None], tmp_path: Path
) -> None:
    things = tmp_path / "things.yaml"
    things.write_text(REVIEWS, encoding="utf-8")
    async with (
        fake_prometheus.running(fake_prometheus.FakePrometheus(told_by_istio(requests))) as fake,
        reading.served(fake, tmp_path, inventory=things, splits="istio", profile="istio") as running,
    ):
        told = await running.get("namespaces/shop/trafficsplits")
        assert told.names == [f"virtualservice.reviews:reviews@{subset}" for subset in ("new", "old")]
        assert [item["backend"]["weight"] for item in told.items] == [20, 80]
        assert [reading.figures(item).get("request_share") for item in told.items] == shares
        if None not in shares:
            assert [reading.counted(item) for item in told.items] == [10, 30]
