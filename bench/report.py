"""Tables of figures: for the terminal, and as JSON to compare the next sitting with.

Each table has one column by which its rows are compared with those of the sitting before. Sittings of
different shapes are not compared.
"""

import contextlib
import dataclasses
import datetime
import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import click
import rich.console
import rich.table

from demo import faults

Cells = Mapping[str, float | str]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    name: str
    about: str
    rows: Mapping[str, Cells]
    """By the name of each row: figures by the name of their column, all rows with the same columns."""
    compared: str = ""
    """The column that is compared with the sitting before; none if empty."""


class Sitting:
    """Tables that are printed at once, compared with the sitting before, and written at the end."""

    def __init__(self, folder: Path, *, pods: int, width: int) -> None:
        """`width` in columns, also where the tables go to a file."""
        self._folder = folder
        self._pods = pods
        self._console = rich.console.Console(width=width)
        self._before = previous(folder, pods=pods)
        self._tables: list[Table] = []

    def show(self, table: Table) -> None:
        self._tables.append(table)
        show(table, before=self._before, console=self._console)

    def keep(self) -> None:
        """Write the tables, so that the next sitting can be compared with them."""
        path = save(self._tables, pods=self._pods, folder=self._folder, now=datetime.datetime.now())
        self._console.print(f"kept in {path}")


@contextlib.contextmanager
def sitting(folder: Path, *, pods: int, width: int) -> Iterator[Sitting]:
    """The tables of a sitting, which are written to a file at its end. An error before that is a message.

    Raises demo.faults.DemoError.
    """
    tables = Sitting(folder, pods=pods, width=width)
    try:
        yield tables
    except (RuntimeError, ValueError, OSError, aiohttp.ClientError) as error:
        raise faults.DemoError(str(error)) from error
    tables.keep()


def say(text: str) -> None:
    """Print a line about the current step."""
    click.echo(f"… {text}", err=True)


def save(tables: Sequence[Table], *, pods: int, folder: Path, now: datetime.datetime) -> Path:
    """Write a sitting into a file of its own."""
    content = {
        "pods": pods,
        "machine": {"python": platform.python_version(), "system": platform.platform()},
        "tables": {table.name: table.rows for table in tables},
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{pods}-pods-{now:%Y%m%dT%H%M%S}.json"
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
    return path


def previous(folder: Path, *, pods: int) -> Mapping[str, Any]:
    """Return the tables of the newest sitting of this size, none if there was none."""
    found = sorted(folder.glob(f"{pods}-pods-*.json"))
    tables: Mapping[str, Any] = json.loads(found[-1].read_text(encoding="utf-8"))["tables"] if found else {}
    return tables


def show(table: Table, *, before: Mapping[str, Any], console: rich.console.Console) -> None:
    """Print a table, with the ratio to the sitting before where there is one."""
    columns = list(next(iter(table.rows.values())))
    drawn = rich.table.Table(
        title=table.name, caption=table.about, title_justify="left", caption_justify="left", box=None
    )
    drawn.add_column("", no_wrap=True)
    for column in columns:
        drawn.add_column(column, justify="right")
    earlier = before.get(table.name, {}) if table.compared else {}
    if earlier:
        drawn.add_column("× before", justify="right")
    for name, cells in table.rows.items():
        then = earlier.get(name, {}).get(table.compared)
        ratio = [f"{float(cells[table.compared]) / then:.2f}" if then else "-"] if earlier else []
        drawn.add_row(name, *(_text(cells[column]) for column in columns), *ratio)
    console.print(drawn, end="\n\n")


def _text(cell: float | str) -> str:
    if isinstance(cell, str):
        return cell
    return f"{cell:,.0f}" if abs(cell) >= 100 else f"{cell:.3g}"
