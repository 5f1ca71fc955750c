"""The tables that kubectl prints: columns, and the cells of a row."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from apiservice.resources import declaration
from metrics_server.api import cells, request
from metrics_server.api.smi import rows, split_rows
from metrics_server.model import kinds


def _column(name: str, description: str, *, wide: bool = False, format: str = "") -> declaration.Column:
    return declaration.Column(name=name, description=description, priority=1 if wide else 0, format=format)


_FIGURES = (
    _column("Success", "Share of requests that did not fail, rounded down; - without requests."),
    _column("RPS", "Requests per second over the window."),
    _column("P50", "Median latency."),
    _column("P90", "Latency that 90 % of the requests did not exceed."),
    _column("P99", "Latency that 99 % of the requests did not exceed."),
    _column("Age", "Age of the data."),
)
_OBSERVED = (
    _column("Window", "Time over which requests were counted.", wide=True),
    _column(
        "Side", "Where the traffic was observed: at its caller (client) or its callee (server).", wide=True
    ),
    _column("Profile", "Profiles of the meshes whose metrics were read.", wide=True),
    _column("Not Timed", "Requests that are counted but have no latency.", wide=True),
)
METRIC_COLUMNS = (
    _column("Name", "Name of the item.", format="name"),
    *_FIGURES,
    _column("Kind", "Kind of the described resource.", wide=True),
    _column("In", "Requests received per second.", wide=True),
    _column("Out", "Requests sent per second.", wide=True),
    *_OBSERVED,
)
EDGE_COLUMNS = (
    _column("From", "Caller."),
    _column("To", "Callee."),
    *_FIGURES,
    _column("Name", "Name of the item.", wide=True, format="name"),
    *_OBSERVED,
)


_WEIGHED = (
    _column("Weight", "Declared weight of the backend."),
    _column("Target", "Its share of all weights: what the split asks for."),
    _column("Share", "Its share of the requests to all backends, as observed; - if unknown."),
)
SPLIT_COLUMNS = (
    _column("Name", "Name of the split and, after a colon, of the backend.", format="name"),
    *_WEIGHED,
    *_FIGURES,
    _column("Kind", "Kind of the object that declares the split.", wide=True),
    _column("Apex", "Service or host that callers address.", wide=True),
    *_OBSERVED,
)
SPLIT_EDGE_COLUMNS = (
    _column("From", "Caller."),
    _column("To", "Backend that is called."),
    *_WEIGHED,
    *_FIGURES,
    _column("Name", "Name of the item.", wide=True, format="name"),
    *_OBSERVED,
)


def print_metrics(row: declaration.Row, now: datetime.datetime) -> Sequence[Any]:
    """Return the cells of METRIC_COLUMNS."""
    detail: rows.Detail = row.detail
    seconds, figures = detail.moment.window, detail.observed.figures
    received = None if figures.success is None else figures.success + (figures.failure or 0)
    return (
        detail.name,
        *_figures(detail, now),
        detail.observed.resource.kind,
        cells.rate(received, seconds),
        cells.rate(detail.sent, seconds),
        *_observed(row),
    )


def print_edge(row: declaration.Row, now: datetime.datetime) -> Sequence[Any]:
    """Return the cells of EDGE_COLUMNS."""
    detail: rows.Detail = row.detail
    ends = (detail.observed.resource, detail.observed.peer)
    caller, callee = ends if detail.observed.direction is kinds.Direction.TO else ends[::-1]
    here = request.home(detail.observed.resource)
    return _end(caller, here), _end(callee, here), *_figures(detail, now), detail.name, *_observed(row)


def print_split(row: declaration.Row, now: datetime.datetime) -> Sequence[Any]:
    """Return the cells of SPLIT_COLUMNS."""
    detail: split_rows.Detail = row.detail
    split = detail.part.split
    return detail.name, *_weighed(detail), *_figures(detail, now), split.ref.kind, split.apex, *_observed(row)


def print_split_edge(row: declaration.Row, now: datetime.datetime) -> Sequence[Any]:
    """Return the cells of SPLIT_EDGE_COLUMNS."""
    detail: split_rows.Detail = row.detail
    caller = _end(detail.part.caller, detail.part.split.ref.namespace)
    called = detail.name.partition(":")[2]
    return caller, called, *_weighed(detail), *_figures(detail, now), detail.name, *_observed(row)


def _weighed(detail: split_rows.Detail) -> Sequence[str]:
    part = detail.part
    share = cells.share(part.share)
    if part.backend is None:
        return cells.UNKNOWN, cells.UNKNOWN, share
    return str(part.backend.weight), cells.share(part.split.weight_share(part.backend)), share


def _end(end: kinds.Ref, here: str) -> str:
    """Return one end of an edge; with its namespace if it is not that of the item."""
    if end == kinds.UNKNOWN:
        return "<unknown>"
    where = f"{end.namespace}/" if end.namespace not in ("", here) else ""
    return f"{where}{end.kind.lower()}/{end.name}"


def _figures(detail: rows.Detail, now: datetime.datetime) -> Sequence[str]:
    figures = detail.observed.figures
    total = None if figures.success is None else figures.success + (figures.failure or 0)
    latencies = zip(figures.latency, figures.clamped, figures.approximate, strict=True)
    return (
        cells.success(figures.success, figures.failure),
        cells.rate(total, detail.moment.window),
        *(
            cells.latency(seconds, clamped=clamped, approximate=approximate)
            for seconds, clamped, approximate in latencies
        ),
        cells.age(now.timestamp() - detail.moment.timestamp),
    )


def _observed(row: declaration.Row) -> Sequence[str]:
    detail: rows.Detail = row.detail
    figures = detail.observed.figures
    timed = any(seconds is not None for seconds in figures.latency)
    return (
        row.object["window"],
        figures.side.value,
        ",".join(figures.profiles),
        ",".join(figures.without) if timed else "",
    )
