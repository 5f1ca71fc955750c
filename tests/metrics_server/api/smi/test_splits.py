"""`trafficsplits` of the whole server over TLS, with a fake Prometheus that holds a recorded mesh."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.metrics_server import declared, reading

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[reading.Api]:
    async with declared.served(tmp_path_factory.mktemp("state")) as running:
        yield running


def by_name(items: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {item["metadata"]["name"]: item for item in items}


async def test_there_is_an_item_per_backend_as_the_specification_has_it(api: reading.Api) -> None:
    reply = await api.get("namespaces/shop/trafficsplits?labelSelector=team%3Da")
    assert reply.names == declared.CATALOG
    assert reply.body["kind"] == "TrafficMetricsList"
    assert reply.body["resource"] == {"kind": "TrafficSplit", "namespace": "shop"}
    (first, second) = reply.items
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
    assert everywhere.names == [*declared.DB, *declared.CATALOG, *declared.ROUTE, *declared.SUBSETS]
    inside = [(await api.get(f"namespaces/{name}/trafficsplits")).items for name in ("data", "shop")]
    assert everywhere.items == [*inside[0], *inside[1]]


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("team%3Da", [*declared.DB, *declared.CATALOG]),
        ("team%20in%20(b)", declared.ROUTE),
        ("!team", declared.SUBSETS),
        ("team%3Da,tier%3Dfront", declared.CATALOG),
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
        reply = await api.get(f"namespaces/{meta['namespace']}/trafficsplits/{meta['name']}")
        assert reply.body == item


async def test_a_split_itself_is_all_of_its_backends_together(api: reading.Api) -> None:
    whole = (await api.get("namespaces/shop/trafficsplits/catalog")).body
    parts = [by_name((await api.get("trafficsplits")).items)[name] for name in declared.CATALOG]
    assert reading.counted(whole) == sum(map(reading.counted, parts))
    assert "backend" not in whole
    assert "request_share" not in reading.figures(whole)
    assert whole["metadata"]["labels"] == {"team": "a", "tier": "front"}


async def test_the_edges_of_a_split_are_its_callers_with_each_backend(api: reading.Api) -> None:
    reply = await api.get("namespaces/shop/trafficsplits/catalog/edges")
    assert reply.body["resource"] == {"kind": "TrafficSplit", "namespace": "shop", "name": "catalog"}
    callers = {(item["metadata"]["name"], item["edge"]["resource"]["name"]) for item in reply.items}
    assert callers == {(name, caller) for name in declared.CATALOG for caller in ("frontend", "report")}
    assert {item["edge"]["direction"] for item in reply.items} == {"from"}
    for name in declared.CATALOG:
        one = await api.get(f"namespaces/shop/trafficsplits/{name}/edges")
        assert one.items == [item for item in reply.items if item["metadata"]["name"] == name]
        whole = (await api.get(f"namespaces/shop/trafficsplits/{name}")).body
        assert sum(map(reading.counted, one.items)) == reading.counted(whole)


async def test_subsets_that_nobody_tells_apart_have_no_figures_and_it_is_said_why(
    api: reading.Api,
) -> None:
    reply = await api.get("namespaces/shop/trafficsplits?labelSelector=!team")
    for item, subset in zip(reply.items, "ab", strict=True):
        assert item["metrics"] == []
        assert item["backend"] == {"apex": "catalog", "name": "catalog-v1", "subset": subset, "weight": 50}
        assert (
            "does not follow from what the mesh tells"
            in item["metadata"]["annotations"]["metrics.smi-spec.io/unclear"]
        )
    assert "figures of 2 backends are left out" in (await api.get("trafficsplits")).headers["Warning"]
    one = await api.get(f"namespaces/shop/trafficsplits/{declared.SUBSETS[0]}")
    edges = await api.get(f"namespaces/shop/trafficsplits/{declared.SUBSETS[0]}/edges")
    assert edges.items == []
    for answer in (one, edges):
        assert "there are no figures: which requests went to catalog-v1@a" in answer.headers["Warning"]
    assert "Warning" not in (await api.get("namespaces/data/trafficsplits")).headers


async def test_a_table_has_the_declared_weight_beside_the_share_that_was_seen(api: reading.Api) -> None:
    table = (await api.get("namespaces/shop/trafficsplits", accept=reading.TABLE)).body
    columns = [column["name"] for column in table["columnDefinitions"] if column["priority"] == 0]
    assert columns == ["Name", "Weight", "Target", "Share", "Success", "RPS", "P50", "P90", "P99", "Age"]
    rows = {row["cells"][0]: row["cells"] for row in table["rows"]}
    items = by_name((await api.get("namespaces/shop/trafficsplits")).items)
    assert list(rows) == list(items)
    for name, cells in rows.items():
        shares = reading.figures(items[name])
        share = f"{shares['request_share'] * 100:.1f}%" if "request_share" in shares else "-"
        assert (cells[1], cells[3]) == (str(items[name]["backend"]["weight"]), share)
    assert rows["catalog:catalog-v1"][2] == "90.0%"
    assert rows["httproute.catalog:ghost"][1:3] == ["0", "0.0%"]
    assert rows[declared.SUBSETS[0]][3:6] == ["-", "-", "-"]
    edges = await api.get("namespaces/shop/trafficsplits/catalog/edges", accept=reading.TABLE)
    assert {tuple(row["cells"][:3]) for row in edges.body["rows"]} == {
        (caller, f"catalog-v{number}", weight)
        for caller in ("deployment/frontend", "data/job/report")
        for number, weight in ((1, "900"), (2, "100"))
    }


async def test_a_window_is_used_as_asked(api: reading.Api) -> None:
    assert {item["window"] for item in (await api.get("trafficsplits?window=1m")).items} == {"1m"}


async def test_the_backend_is_explained(api: reading.Api) -> None:
    async with api.session.get(
        f"{api.url}/openapi/v3{reading.ROOT}", headers={"Authorization": f"Bearer {reading.TOKEN}"}
    ) as response:
        schemas = (await response.json())["components"]["schemas"]
    assert set(schemas["TrafficMetrics"]["properties"]["backend"]["properties"]) == {
        "apex", "name", "namespace", "subset", "weight",
    }  # fmt: skip
