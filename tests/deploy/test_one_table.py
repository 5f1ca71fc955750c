"""Names of metrics and of columns are listed once; other files that contain them are generated from that
list.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from metrics_server.aggregate import named_metrics
from metrics_server.api.smi import tables
from tests.deploy import metric_names, pages, table_columns

_SOURCE = pages.ROOT / "metrics_server" / "aggregate" / "named_metrics.py"
_COLUMNS = pages.ROOT / "metrics_server" / "api" / "smi" / "tables.py"
_FEW = 3
"""A file with this many names counts as a list of them."""


def _texts(*folders: str) -> Iterator[tuple[Path, str]]:
    for folder in folders:
        for path in sorted((pages.ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path, path.read_text()


@pytest.mark.parametrize("file", metric_names.files(), ids=lambda path: path.name)
def test_what_names_every_metric_is_as_it_would_be_written(file: Path) -> None:
    assert file.read_text() == metric_names.files()[file], "run: python -m tests.deploy"


def test_the_page_shows_every_column_and_metric() -> None:
    assert table_columns.FILE.read_text() == table_columns.written(), "run: python -m tests.deploy"


def test_no_other_file_lists_the_metrics() -> None:
    names = named_metrics.SERVED.names
    listing = {
        path
        for path, text in _texts("metrics_server", "deploy")
        if sum(name in text for name in names) >= _FEW and not text.startswith(metric_names.WRITTEN)
    }

    assert listing == {_SOURCE}


def test_no_other_file_lists_the_columns() -> None:
    common = {"Name", "Window", "Age", "Kind"}  # the Table of values for autoscalers also has them
    quoted = {f'"{column.name}"' for column in tables.COLUMNS if column.name not in common}
    listing = {
        path for path, text in _texts("metrics_server") if sum(name in text for name in quoted) >= _FEW
    }

    assert listing == {_COLUMNS}


def test_every_table_has_the_columns_that_scripts_cut() -> None:
    """The first columns of a Table keep their places, because scripts select them by number."""
    printed = tables.Tables()
    first = {
        table: [column.name for column in printed.of(table) if not column.wide] for table in tables.Table
    }
    figures = ["Success", "RPS", "P50", "P90", "P99", "Age"]
    assert first == {
        tables.Table.METRICS: ["Name", *figures],
        tables.Table.EDGES: ["From", "To", *figures],
        tables.Table.SPLITS: ["Name", "Weight", "Target", "Share", *figures],
        tables.Table.SPLIT_EDGES: ["From", "To", "Weight", "Target", "Share", *figures],
    }
