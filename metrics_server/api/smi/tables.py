"""The tables that kubectl prints: every column is one row of COLUMNS, with the cell that it prints.

The columns of a Table, its cells and its documentation follow from that one list.
"""

from __future__ import annotations

import datetime
import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from apiservice.resources import declaration
from metrics_server.aggregate import rollup, split_traffic
from metrics_server.api import cells, request, traffic_metrics
from metrics_server.api.smi import rows, split_rows
from metrics_server.model import kinds


class Table(enum.Enum):
    """The Tables of the group."""

    METRICS = enum.auto()
    """`trafficmetrics` and the kinds."""
    EDGES = enum.auto()
    """`trafficedges`, and the edges of one resource."""
    SPLITS = enum.auto()
    """`trafficsplits`."""
    SPLIT_EDGES = enum.auto()
    """The callers of a split."""


_ALL = frozenset(Table)
_BOTH_EDGES = frozenset({Table.EDGES, Table.SPLIT_EDGES})
_BOTH_SPLITS = frozenset({Table.SPLITS, Table.SPLIT_EDGES})


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a Table, and when it is printed."""

    row: declaration.Row
    now: datetime.datetime

    @property
    def detail(self) -> rows.Detail:
        """What the object does not contain."""
        detail: rows.Detail = self.row.detail
        return detail

    @property
    def part(self) -> split_traffic.Part:
        """The split and its backend. Only rows of splits have one."""
        detail: split_rows.Detail = self.row.detail
        return detail.part

    @property
    def figures(self) -> rollup.Figures:
        """The figures of the row."""
        return self.detail.observed.figures

    @property
    def endpoints(self) -> tuple[kinds.Ref, kinds.Ref]:
        """The caller and the callee of an edge."""
        observed = self.detail.observed
        if observed.direction is kinds.Direction.TO:
            return observed.resource, observed.peer
        return observed.peer, observed.resource


@dataclass(frozen=True, slots=True, kw_only=True)
class TableColumn:
    """One column: its heading, its meaning and its cells."""

    name: str
    about: str
    """A sentence for users."""
    cell: Callable[[Line], str]
    tables: frozenset[Table] = _ALL
    wide: bool = False
    """Whether only `-o wide` shows it."""
    format: str = ""
    """As in OpenAPI; kubectl takes the column with the format `name` as the name of the object."""


def _latency(place: int) -> Callable[[Line], str]:
    """Return the cell of the latency at a place in kinds.QUANTILES."""

    def cell(line: Line) -> str:
        figures = line.figures
        limits = cells.LatencyLimits(
            clamped=figures.clamped[place],
            below=figures.below[place],
            approximate=figures.approximate[place],
        )
        return cells.latency(figures.latency[place], limits)

    return cell


def _called(line: Line) -> str:
    return line.detail.name.partition(":")[2]


def _weight(line: Line) -> str:
    return cells.UNKNOWN if line.part.backend is None else str(line.part.backend.weight)


def _target(line: Line) -> str:
    backend = line.part.backend
    return cells.UNKNOWN if backend is None else cells.share(line.part.split.weight_share(backend))


def _sent(line: Line) -> str:
    sent = line.detail.sent
    return cells.rate(None if sent is None else sent.rate)


def _not_timed(line: Line) -> str:
    return ",".join(traffic_metrics.not_timed(line.figures))


def _endpoint(ref: kinds.Ref, line: Line) -> str:
    """Return one end of an edge; with its namespace if it is not that of the item."""
    if ref == kinds.UNKNOWN:
        return "<unknown>"
    here = request.home(line.detail.observed.resource)
    where = f"{ref.namespace}/" if ref.namespace not in ("", here) else ""
    return f"{where}{ref.kind.lower()}/{ref.name}"


COLUMNS: tuple[TableColumn, ...] = (
    TableColumn(
        name="Name",
        about="Name of the item.",
        cell=lambda line: line.detail.name,
        tables=frozenset({Table.METRICS}),
        format="name",
    ),
    TableColumn(
        name="Name",
        about="Name of the split and, after a colon, of the backend.",
        cell=lambda line: line.detail.name,
        tables=frozenset({Table.SPLITS}),
        format="name",
    ),
    TableColumn(
        name="From",
        about="Caller.",
        cell=lambda line: _endpoint(line.endpoints[0], line),
        tables=_BOTH_EDGES,
    ),
    TableColumn(
        name="To",
        about="Callee.",
        cell=lambda line: _endpoint(line.endpoints[1], line),
        tables=frozenset({Table.EDGES}),
    ),
    TableColumn(
        name="To", about="Backend that is called.", cell=_called, tables=frozenset({Table.SPLIT_EDGES})
    ),
    TableColumn(name="Weight", about="Declared weight of the backend.", cell=_weight, tables=_BOTH_SPLITS),
    TableColumn(
        name="Target",
        about="Its share of all weights: what the split asks for.",
        cell=_target,
        tables=_BOTH_SPLITS,
    ),
    TableColumn(
        name="Share",
        about="Its share of the requests to all backends, as observed; - if unknown.",
        cell=lambda line: cells.share(line.part.share),
        tables=_BOTH_SPLITS,
    ),
    TableColumn(
        name="Success",
        about="Share of requests that did not fail, rounded down; - without requests.",
        cell=lambda line: cells.success(line.figures.success_share),
    ),
    TableColumn(
        name="RPS",
        about="Requests per second over the window.",
        cell=lambda line: cells.rate(line.figures.rate),
    ),
    TableColumn(name="P50", about="Median latency.", cell=_latency(0)),
    TableColumn(name="P90", about="Latency that 90 % of the requests did not exceed.", cell=_latency(1)),
    TableColumn(name="P99", about="Latency that 99 % of the requests did not exceed.", cell=_latency(2)),
    TableColumn(
        name="Age",
        about="Age of the data.",
        cell=lambda line: cells.age(line.now.timestamp() - line.detail.moment.timestamp),
    ),
    TableColumn(
        name="Kind",
        about="Kind of the described resource.",
        cell=lambda line: line.detail.observed.resource.kind,
        tables=frozenset({Table.METRICS}),
        wide=True,
    ),
    TableColumn(
        name="Kind",
        about="Kind of the object that declares the split.",
        cell=lambda line: line.part.split.ref.kind,
        tables=frozenset({Table.SPLITS}),
        wide=True,
    ),
    TableColumn(
        name="Apex",
        about="Service or host that callers address.",
        cell=lambda line: line.part.split.apex,
        tables=frozenset({Table.SPLITS}),
        wide=True,
    ),
    TableColumn(
        name="In",
        about="Requests received per second.",
        cell=lambda line: cells.rate(line.figures.rate),
        tables=frozenset({Table.METRICS}),
        wide=True,
    ),
    TableColumn(
        name="Out",
        about="Requests sent per second.",
        cell=_sent,
        tables=frozenset({Table.METRICS}),
        wide=True,
    ),
    TableColumn(
        name="Name",
        about="Name of the item.",
        cell=lambda line: line.detail.name,
        tables=_BOTH_EDGES,
        wide=True,
        format="name",
    ),
    TableColumn(
        name="Window",
        about="Time over which requests were counted.",
        cell=lambda line: str(line.row.object["window"]),
        wide=True,
    ),
    TableColumn(
        name="Side",
        about="Where the traffic was observed: at its caller (client) or its callee (server).",
        cell=lambda line: line.figures.side.value,
        wide=True,
    ),
    TableColumn(
        name="Profile",
        about="Profiles of the meshes whose metrics were read.",
        cell=lambda line: ",".join(line.figures.profiles),
        wide=True,
    ),
    TableColumn(
        name="Not Timed",
        about="Requests that are counted but have no latency.",
        cell=_not_timed,
        wide=True,
    ),
)
"""Every column, in the order in which each Table shows its own."""


@dataclass(frozen=True, slots=True)
class Tables:
    """The Tables that consist of some columns."""

    every: Sequence[TableColumn] = COLUMNS

    def of(self, table: Table) -> tuple[TableColumn, ...]:
        """Return the columns of one Table, in order."""
        return tuple(column for column in self.every if table in column.tables)

    def columns(self, table: Table) -> tuple[declaration.Column, ...]:
        """Return the declarations of its columns."""
        return tuple(
            declaration.Column(
                name=column.name,
                description=column.about,
                priority=1 if column.wide else 0,
                format=column.format,
            )
            for column in self.of(table)
        )

    def printer(self, table: Table) -> declaration.Printer:
        """Return the function that prints the cells of `columns`."""
        functions = [column.cell for column in self.of(table)]

        def cells_of(row: declaration.Row, now: datetime.datetime) -> Sequence[Any]:
            line = Line(row, now)
            return [cell(line) for cell in functions]

        return cells_of
