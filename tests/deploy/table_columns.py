"""docs/api.md: its tables of the columns and of the metrics, generated from `tables.COLUMNS` and
`MEASURES`.
"""

from collections.abc import Sequence
from pathlib import Path

from metrics_server.api.smi import tables
from tests.deploy import metric_names, pages, written_part

FILE: Path = pages.ROOT / "docs" / "api.md"
_LISTS = {
    tables.Table.METRICS: "`trafficmetrics` and the kinds",
    tables.Table.SPLITS: "`trafficsplits`",
    tables.Table.SPLIT_EDGES: "`trafficsplits/…/edges`",
    tables.Table.EDGES: "`trafficedges`, `…/edges`",
}
"""The page's name for each Table."""


def written() -> str:
    """The page with the current tables."""
    return written_part.all_replaced(
        FILE, {"tables": lists(), "columns": meanings(), "metrics": metric_names.api_table()}
    )


def lists(columns: Sequence[tables.TableColumn] = tables.COLUMNS) -> str:
    """The columns of each Table."""
    printed = tables.Tables(columns)
    rows = [
        (name, _headings(printed.of(table), wide=False), _headings(printed.of(table), wide=True))
        for table, name in _LISTS.items()
    ]
    return written_part.table(rows, head=("list", "columns", "with `-o wide`"))


def _headings(columns: Sequence[tables.TableColumn], *, wide: bool) -> str:
    return " ".join(column.name.upper() for column in columns if column.wide is wide)


def meanings(columns: Sequence[tables.TableColumn] = tables.COLUMNS) -> str:
    """The meaning of each column."""
    about: dict[str, list[str]] = {}
    for column in columns:
        said = about.setdefault(column.name.upper(), [])
        if column.about not in said:
            said.append(column.about)
    return written_part.table(
        [(name, " ".join(texts)) for name, texts in about.items()], head=("column", "what")
    )
