"""One entry in the code defines a metric or a column; every place that shows it uses that entry."""

from __future__ import annotations

import json

import pytest

from metrics_server.aggregate import named_metrics
from metrics_server.api.smi import tables
from tests.deploy import metric_names, table_columns
from tests.metrics_server import in_process, meshes, reading, scaler

METRIC = named_metrics.NamedMetric(
    name="requests_per_minute",
    about="Requests per minute over the window.",
    unit=named_metrics.Unit.PER_SECOND,
    of=lambda figures: None if figures.rate is None else figures.rate * 60,
)
SERVED = named_metrics.ServedMetrics((*named_metrics.MEASURES, METRIC))
COLUMN = tables.TableColumn(
    name="Total",
    about="Requests of either outcome.",
    cell=lambda line: f"{line.figures.total:.0f}",
    tables=frozenset({tables.Table.METRICS}),
    wide=True,
)
COLUMNS = (*tables.COLUMNS, COLUMN)


@pytest.fixture
def api() -> in_process.Api:
    taken = meshes.moment([meshes.WEB], server=[(0, -1, 50.0, 10.0)])
    return in_process.api(taken, meshes.inventory(meshes.owned("web", None)), columns=COLUMNS, served=SERVED)


@pytest.mark.asyncio
async def test_discovery_lists_a_metric_of_the_table(api: in_process.Api) -> None:
    for version in ("v1beta1", "v1beta2"):
        listed = (await api.get(f"/apis/custom.metrics.k8s.io/{version}"))["resources"]
        names = {one["name"] for one in listed}
        assert {f"pods/{METRIC.name}", f"deployments.apps/{METRIC.name}"} <= names
    external = {one["name"]: one["kind"] for one in (await api.get(scaler.EXTERNAL))["resources"]}
    assert external[METRIC.name] == "RequestsPerMinute"


@pytest.mark.asyncio
async def test_openapi_describes_a_metric_of_the_table(api: in_process.Api) -> None:
    for group in (scaler.CUSTOM, scaler.EXTERNAL):
        document = json.dumps(await api.get(f"/openapi/v3{group}"))
        assert f"{METRIC.name}: {METRIC.about}" in document


@pytest.mark.asyncio
async def test_a_metric_of_the_table_has_a_value(api: in_process.Api) -> None:
    for path in (
        f"{scaler.SHOP}/pods/web/{METRIC.name}",
        f"{scaler.SHOP}/metrics/{METRIC.name}",
        f"{scaler.EXTERNAL}/namespaces/shop/{METRIC.name}?labelSelector=name%3Dweb",
    ):
        (item,) = (await api.get(path))["items"]
        assert scaler.number(item) == 120.0


@pytest.mark.asyncio
async def test_a_table_prints_a_column_of_the_table(api: in_process.Api) -> None:
    for resource in ("pods", "trafficmetrics"):
        (row,) = await api.table(f"{reading.ROOT}/namespaces/shop/{resource}")
        assert row["Total"] == "60"
    (row,) = await api.table(f"{reading.ROOT}/namespaces/shop/trafficedges")
    assert "Total" not in row


def test_roles_and_pages_name_a_metric_of_the_table() -> None:
    roles = metric_names.roles(SERVED)
    assert f"      - pods/{METRIC.name}\n" in roles
    assert roles.count(f"      - {METRIC.name}\n") == 2
    assert f"- {METRIC.name}\n" in metric_names.chart_names(SERVED)
    assert f"| `{METRIC.name}` | {METRIC.about} |" in metric_names.api_table(SERVED)
    assert f"| `{METRIC.name}` | requests a second |" in metric_names.guide_table(SERVED)


def test_the_page_shows_a_column_of_the_table() -> None:
    (line,) = [line for line in table_columns.lists(COLUMNS).splitlines() if "TOTAL" in line]
    assert line.endswith("NOT TIMED TOTAL |")
    assert f"| TOTAL | {COLUMN.about} |" in table_columns.meanings(COLUMNS)
