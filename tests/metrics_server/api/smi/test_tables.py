"""Tables of the whole server show the same figures as its JSON."""

from __future__ import annotations

import re

import pytest

from metrics_server.api import cells
from metrics_server.model import quantity
from tests.metrics_server import meshes, reading

pytestmark = pytest.mark.asyncio(loop_scope="module")


def seconds(cell: str) -> float | None:
    """Return the latency in a cell, in seconds; None if the cell is `-`."""
    if cell == cells.UNKNOWN:
        return None
    found = re.fullmatch(r">?([0-9.]+)(µs|ms|s)", cell)
    assert found is not None
    return float(found[1]) * {"µs": 1e-6, "ms": 1e-3, "s": 1.0}[found[2]]


@pytest.mark.parametrize("path", ["trafficmetrics", "pods", "namespaces", "services"])
async def test_a_table_shows_the_figures_of_the_json(api: reading.Api, path: str) -> None:
    items, table = (await api.get(path)).items, (await api.get(path, accept=reading.TABLE)).body
    columns = [column["name"] for column in table["columnDefinitions"]]
    assert columns[:7] == ["Name", "Success", "RPS", "P50", "P90", "P99", "Age"]
    assert len(table["rows"]) == len(items) > 0
    for row, item in zip(table["rows"], items, strict=True):
        shown, reply = dict(zip(columns, row["cells"], strict=True)), reading.figures(item)
        succeeded, failed = reply.get("success_count"), reply.get("failure_count")
        assert shown["Name"] == item["metadata"]["name"]
        figures = meshes.figures(succeeded, failed, seconds=quantity.duration(item["window"]))
        assert shown["Success"] == cells.success(figures.success_share)
        assert shown["RPS"] == cells.rate(figures.rate)
        for quantile in ("P50", "P90", "P99"):
            exact = reply.get(f"{quantile.lower()}_response_latency")
            assert seconds(shown[quantile]) == (None if exact is None else pytest.approx(exact, rel=0.05))
        assert (shown["Side"], shown["Window"], shown["Profile"]) == (
            item["edge"]["side"],
            item["window"],
            "envoy",
        )
        assert shown["In"] == shown["RPS"]


async def test_a_table_of_edges_says_from_whom_to_whom(api: reading.Api) -> None:
    table = (await api.get("namespaces/data/trafficedges", accept=reading.TABLE)).body
    columns = [column["name"] for column in table["columnDefinitions"]]
    assert columns[:8] == ["From", "To", "Success", "RPS", "P50", "P90", "P99", "Age"]
    ends = {tuple(row["cells"][:2]) for row in table["rows"]}
    assert ("shop/deployment/cart", "statefulset/db") in ends
    outside = (await api.get("namespaces/shop/trafficedges", accept=reading.TABLE)).body
    assert ("<unknown>", "deployment/gateway") in {tuple(row["cells"][:2]) for row in outside["rows"]}
