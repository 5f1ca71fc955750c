"""The recipes of CONTRIBUTING.md are true: their files exist, their lists are complete, the toy is read."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from metrics_server.aggregate import named_metrics
from metrics_server.api.smi import tables
from metrics_server.profiles import loading
from metrics_server.query import plan
from tests.deploy import metric_names, pages, table_columns
from tests.dialects import page
from tests.metrics_server import recording, scraped

_PAGE = pages.ROOT / "CONTRIBUTING.md"
_PRODUCT = ("metrics_server", "apiservice", "dashboard", "deploy")
_NAMED = {
    "Add a mesh": r"nginx.?mesh",
    "Add a Table column": r'"Apex"',
    "Add a metric name": r"\bfailure_rate\b",
    "Add a setting": r"stale_after: Annotated|--stale-after|chosen\.stale_after",
    "Add an API resource": r'"trafficedges"|[\[ ]trafficedges\b',
    "Add a dashboard control": r"\bgrouping\b",
}
"""A pattern for the example of each recipe where the product declares or uses it."""
_WRITTEN = {
    "Add a mesh": "nginx-mesh",
    "Add a Table column": "APEX",
    "Add a metric name": "failure_rate",
    "Add a setting": "--stale-after",
    "Add an API resource": "trafficedges",
}
"""The name of the example on a page."""
_SAMPLE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")
Samples = Mapping[tuple[str, str], float]
"""Value by name and labels."""


def recipes() -> dict[str, str]:
    text = _PAGE.read_text().partition("\n## Recipes\n")[2].partition("\n## ")[0]
    return {part.partition("\n")[0]: part for part in text.split("\n### ")[1:]}


def files(text: str) -> set[str]:
    """Return the paths in backticks that belong to this repository."""
    return set(re.findall(r"`([^`\s]+/[^`\s]+\.(?:py|yaml|md|js))`", text))


def example(recipe: str) -> set[str]:
    (paragraph,) = re.findall(r"^Example(?:,|:).+?(?=\n\n|\Z)", recipe, re.MULTILINE | re.DOTALL)
    return files(paragraph)


def product() -> Iterator[Path]:
    for folder in _PRODUCT:
        for path in (pages.ROOT / folder).rglob("*"):
            if path.suffix in (".py", ".yaml", ".js") and path.is_file():
                yield path


def test_there_is_a_recipe_for_each_kind_of_change() -> None:
    assert set(recipes()) == set(_NAMED)


@pytest.mark.parametrize("title", _NAMED)
def test_the_files_of_a_recipe_exist(title: str) -> None:
    named = {name for name in files(recipes()[title]) if "NAME" not in name}

    assert {name for name in named if not [*pages.ROOT.glob(name)]} == set()
    assert len(named) >= 3


@pytest.mark.parametrize("title", _NAMED)
def test_the_example_is_named_in_the_files_of_its_recipe_alone(title: str) -> None:
    found = {
        str(path.relative_to(pages.ROOT))
        for path in product()
        if re.search(_NAMED[title], path.read_text(), re.IGNORECASE if title == "Add a mesh" else 0)
    }

    assert found == {name for name in example(recipes()[title]) if name.startswith(_PRODUCT)}


@pytest.mark.parametrize("title", _WRITTEN)
def test_the_pages_of_a_recipe_name_the_example(title: str) -> None:
    read = [name for name in example(recipes()[title]) if name.startswith("docs/")]

    assert read
    assert [name for name in read if _WRITTEN[title] not in (pages.ROOT / name).read_text()] == []


def test_the_column_of_the_recipe_is_one_row_and_the_page_follows() -> None:
    without = [column for column in tables.COLUMNS if column.name != "Apex"]

    assert len(without) == len(tables.COLUMNS) - 1
    for written in (table_columns.lists, table_columns.meanings):
        assert "APEX" in written()
        assert "APEX" not in written(without)


def test_the_metric_of_the_recipe_is_one_row_and_roles_and_pages_follow() -> None:
    rest = tuple(one for one in named_metrics.MEASURES if one.name != "failure_rate")
    without = named_metrics.ServedMetrics(rest)

    assert len(rest) == len(named_metrics.MEASURES) - 1
    for written in (
        metric_names.roles,
        metric_names.chart_names,
        metric_names.api_table,
        metric_names.guide_table,
    ):
        assert "failure_rate" in written()
        assert "failure_rate" not in written(without)


def exposed() -> list[Samples]:
    """Return the two expositions of the recipe for a mesh."""
    blocks = re.findall(r"^```text\n(.*?)^```$", recipes()["Add a mesh"], re.MULTILINE | re.DOTALL)
    return [
        {(one[1], one[2] or ""): float(one[3]) for one in map(_SAMPLE.fullmatch, block.splitlines()) if one}
        for block in blocks
    ]


def test_the_toy_mesh_is_read_from_its_exposition() -> None:
    mesh = loading.read(page.example(), source="docs/meshes.md")
    first, last = exposed()
    proxy = scraped.Proxy()
    series = [proxy.series(plan.UP, [1.0] * len(scraped.TIMES))]
    for (name, labels), start in first.items():
        values = np.linspace(start, last[name, labels], len(scraped.TIMES))
        series.append(proxy.series(name, values.tolist(), **dict(re.findall(r'(\w+)="([^"]*)"', labels))))

    asked = plan.make(mesh, scope=plan.QueryScope(), window=scraped.WINDOW, reach=scraped.REACH)
    assert asked.buckets is not None
    recorded = recording.Recording(tuple(series))
    counters = [one for query in asked.counters for one in recorded.ask(query, at=scraped.NOW)]
    taken = scraped.decode(counters, recorded.ask(asked.buckets, at=scraped.NOW), mesh=mesh)

    calls = scraped.client(taken)
    assert [(peer.namespace, peer.workload) for peer in taken.peers] == [("shop", "cart")]
    assert (calls.success.tolist(), calls.failure.tolist()) == ([30.0], [6.0])
    assert calls.buckets.tolist() == [pytest.approx([24.0, 24.0 + 12.0])]
    assert scraped.server(taken).success.tolist() == []
