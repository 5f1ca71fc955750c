"""Rows → text: kubectl's borderless table, and the same rows for programs.

What the table abbreviates for people, JSON and CSV say in full: numbers without units, and nothing for the
unknown.
"""

import csv
import dataclasses
import io
import json
from collections.abc import Callable, Sequence

import click

from dashboard import spelling
from dashboard.client import duration, traffic
from dashboard.health import verdict

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
    """How one figure is called and written for people, and what it is for programs."""

    header: str
    key: str
    value: Callable[[traffic.Traffic], Value]
    words: Callable[[traffic.Traffic], str]


def success(item: traffic.Traffic) -> float | None:
    if item.success_count is None or item.failure_count is None:
        return None
    total = item.success_count + item.failure_count
    return item.success_count / total if total else None


def rate(item: traffic.Traffic) -> float | None:
    if item.success_count is None or item.failure_count is None:
        return None
    return (item.success_count + item.failure_count) / item.window


def name(item: traffic.Traffic) -> str:
    """`deployment/cart`, as kubectl names things of several kinds."""
    return f"{item.resource.kind.lower()}/{item.resource.name}"


def _text(header: str, key: str, text: Callable[[traffic.Traffic], str]) -> Column:
    return Column(header=header, key=key, value=text, words=text)


def _latency(quantile: str) -> Column:
    def seconds(item: traffic.Traffic) -> float | None:
        latency: float | None = getattr(item, quantile)
        return latency

    return Column(
        header=f"LATENCY_{quantile.upper()}",
        key=f"{quantile}_seconds",
        value=seconds,
        words=lambda item: spelling.latency(seconds(item), approximate=quantile in item.approximate),
    )


def _fixed(number: float | None, *, digits: int, unit: str = "") -> str:
    """As many digits in every row, so that a column can be compared at a glance."""
    return spelling.UNKNOWN if number is None else f"{number:.{digits}f}{unit}"


def _count(header: str, key: str) -> Column:
    return Column(
        header=header,
        key=key,
        value=lambda item: getattr(item, key),
        words=lambda item: _fixed(getattr(item, key), digits=0),
    )


_NAMESPACE = _text("NAMESPACE", "namespace", lambda item: item.resource.namespace)
_NAME = _text("NAME", "name", name)
_SHORT_NAME = _text("NAME", "name", lambda item: item.resource.name)
_SUCCESS = Column(
    header="SUCCESS", key="success", value=success, words=lambda item: spelling.success(success(item))
)
_RPS = Column(
    header="RPS", key="rps", value=rate, words=lambda item: _fixed(rate(item), digits=1, unit="rps")
)
_WINDOW = Column(
    header="WINDOW",
    key="window_seconds",
    value=lambda item: item.window,
    words=lambda item: duration.spell(item.window),
)


def columns(*, wide: bool, namespaces: bool, mixed: bool) -> list[Column]:
    """The table of the SMI specification, or more of it; `mixed` when items are of several kinds."""
    return [
        *([_NAMESPACE] if namespaces else []),
        _NAME if mixed else _SHORT_NAME,
        _SUCCESS,
        _RPS,
        *([_latency("p50"), _latency("p90")] if wide else []),
        _latency("p99"),
        *([_count("SUCCEEDED", "success_count"), _count("FAILED", "failure_count"), _WINDOW] if wide else []),
    ]


def text(items: Sequence[traffic.Traffic], shown: Sequence[Column], *, colour: bool) -> str:
    rows = [[column.words(item) for column in shown] for item in items]
    headers = [column.header for column in shown]
    widths = [max(map(len, cells)) for cells in zip(headers, *rows, strict=True)]
    padded = [
        [cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in [headers, *rows]
    ]
    if colour:
        success_column = headers.index("SUCCESS")
        for item, row in zip(items, padded[1:], strict=True):
            row[success_column] = click.style(row[success_column], fg=_colour(item))
    return "\n".join(GAP.join(row).rstrip() for row in padded)


def as_json(items: Sequence[traffic.Traffic], shown: Sequence[Column]) -> str:
    return json.dumps([_record(item, shown) for item in items], indent=2)


def as_csv(items: Sequence[traffic.Traffic], shown: Sequence[Column]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, [column.key for column in shown], lineterminator="\n")
    writer.writeheader()
    writer.writerows(_record(item, shown) for item in items)
    return out.getvalue().rstrip("\n")


def _record(item: traffic.Traffic, shown: Sequence[Column]) -> dict[str, Value]:
    return {column.key: column.value(item) for column in shown}


def _colour(item: traffic.Traffic) -> str:
    return _COLOURS[
        verdict.judge(
            successes=item.success_count, failures=item.failure_count, thresholds=verdict.Thresholds()
        )
    ]
