"""Write traffic as a table in the style of kubectl, as JSON or as CSV.

The table has rounded figures with units. JSON and CSV have exact numbers, and null or an empty cell for an
unknown one.
"""

import csv
import dataclasses
import io
from collections.abc import Callable, Sequence

from dashboard import escaping, format
from dashboard.client import duration, traffic
from dashboard.health import verdict
from dashboard.terminal import screen

GAP = "   "
_COLOURS = {
    verdict.Health.FAILING: "red",
    verdict.Health.DEGRADED: "yellow",
    verdict.Health.HEALTHY: "green",
    verdict.Health.IDLE: "bright_black",
    verdict.Health.UNKNOWN: "bright_black",
}
Value = str | float | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: `header` and `words` are for the table, `key` and `value` for JSON and CSV."""

    header: str
    key: str
    value: Callable[[traffic.Traffic], Value]
    text: Callable[[traffic.Traffic], str]


def success(item: traffic.Traffic) -> float | None:
    """The success rate, 0 to 1; None without requests or with unknown counts."""
    if item.success_count is None or item.failure_count is None:
        return None
    total = item.success_count + item.failure_count
    return item.success_count / total if total else None


def rate(item: traffic.Traffic) -> float | None:
    """Requests per second; None with unknown counts."""
    if item.success_count is None or item.failure_count is None:
        return None
    return (item.success_count + item.failure_count) / item.window


def name(item: traffic.Traffic) -> str:
    """The kind and name of a resource, as kubectl writes it: `deployment/cart`."""
    return f"{item.resource.kind.lower()}/{item.resource.name}"


def _text(header: str, key: str, text: Callable[[traffic.Traffic], str]) -> Column:
    return Column(header=header, key=key, value=text, text=text)


def _latency(quantile: str) -> Column:
    def seconds(item: traffic.Traffic) -> float | None:
        latency: float | None = getattr(item, quantile)
        return latency

    return Column(
        header=f"LATENCY_{quantile.upper()}",
        key=f"{quantile}_seconds",
        value=seconds,
        text=lambda item: format.latency(
            seconds(item),
            clamped=quantile in item.limits.clamped,
            below=item.limits.below.get(quantile),
            approximate=quantile in item.limits.approximate,
        ),
    )


def _fixed(number: float | None, *, digits: int, unit: str = "") -> str:
    """The same number of decimals in each row, so that rows can be compared."""
    return format.UNKNOWN if number is None else f"{number:.{digits}f}{unit}"


def _count(header: str, key: str) -> Column:
    return Column(
        header=header,
        key=key,
        value=lambda item: getattr(item, key),
        text=lambda item: _fixed(getattr(item, key), digits=0),
    )


_NAMESPACE = _text("NAMESPACE", "namespace", lambda item: item.resource.namespace)
_NAME = _text("NAME", "name", name)
_SHORT_NAME = _text("NAME", "name", lambda item: item.resource.name)
_SUCCESS = Column(
    header="SUCCESS", key="success", value=success, text=lambda item: format.success(success(item))
)
_RPS = Column(header="RPS", key="rps", value=rate, text=lambda item: _fixed(rate(item), digits=1, unit="rps"))
_WINDOW = Column(
    header="WINDOW",
    key="window_seconds",
    value=lambda item: item.window,
    text=lambda item: duration.text(item.window),
)
_NOT_TIMED = _text("NOT_TIMED", "not_timed", lambda item: ", ".join(item.limits.not_timed))


def columns(*, wide: bool, namespaces: bool, mixed: bool) -> list[Column]:
    """The columns of the SMI specification's table, or more if `wide`.

    `namespaces` adds the namespace; `mixed` adds the kind to the name.
    """
    return [
        *([_NAMESPACE] if namespaces else []),
        _NAME if mixed else _SHORT_NAME,
        _SUCCESS,
        _RPS,
        *([_latency("p50"), _latency("p90")] if wide else []),
        _latency("p99"),
        *(
            [_count("SUCCEEDED", "success_count"), _count("FAILED", "failure_count"), _WINDOW, _NOT_TIMED]
            if wide
            else []
        ),
    ]


def lines(items: Sequence[traffic.Traffic], shown: Sequence[Column]) -> list[screen.Line]:
    """The heading and a line for each item."""
    headers = [column.header for column in shown]
    padded = aligned([headers, *([column.text(item) for column in shown] for item in items)])
    success_column = headers.index("SUCCESS")
    return [GAP.join(padded[0]).rstrip(), *map(_coloured(success_column), items, padded[1:])]


def aligned(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """The rows, escaped, with each cell padded to the width of its column."""
    plain = [[escaping.one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, cells)) for cells in zip(*plain, strict=True)]
    return [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in plain]


def _coloured(success_column: int) -> Callable[[traffic.Traffic, Sequence[str]], screen.Line]:
    def line(item: traffic.Traffic, row: Sequence[str]) -> screen.Line:
        before = "".join(f"{cell}{GAP}" for cell in row[:success_column])
        after = "".join(f"{GAP}{cell}" for cell in row[success_column + 1 :]).rstrip()
        return before, screen.Mark(row[success_column], _colour(item)), after

    return line


def as_json(items: Sequence[traffic.Traffic], shown: Sequence[Column]) -> str:
    """A JSON list with an object for each item."""
    return escaping.json_document([_record(item, shown) for item in items])


def as_csv(items: Sequence[traffic.Traffic], shown: Sequence[Column]) -> str:
    """CSV with a heading; cells are safe for spreadsheets."""
    out = io.StringIO()
    writer = csv.DictWriter(out, [column.key for column in shown], lineterminator="\n")
    writer.writeheader()
    writer.writerows(_cells(_record(item, shown)) for item in items)
    return out.getvalue().rstrip("\n")


def _record(item: traffic.Traffic, shown: Sequence[Column]) -> dict[str, Value]:
    return {column.key: column.value(item) for column in shown}


def _cells(record: dict[str, Value]) -> dict[str, Value]:
    return {
        key: escaping.spreadsheet_cell(value) if isinstance(value, str) else value
        for key, value in record.items()
    }


def _colour(item: traffic.Traffic) -> str:
    return _COLOURS[
        verdict.judge(
            successes=item.success_count, failures=item.failure_count, thresholds=verdict.Thresholds()
        )
    ]
