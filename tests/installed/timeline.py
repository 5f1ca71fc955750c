"""What an autoscaler read and did, second by second, and the real load at that time.

    async with timeline.recorded(stage, "checkout", letter="a", report=print) as line:
        line.mark("surge")
        await line.until(lambda row: row.desired == 3, what="three pods", within=60)

It is saved as a small table in .artifacts/autoscaling/, even if `until` times out.
"""

import asyncio
import contextlib
import dataclasses
import math
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from demo import faults, processes, wait
from metrics_server.model import quantity

_FOLDER = Path(os.environ.get("TRAFFIC_ARTIFACTS", ".artifacts")) / "autoscaling"
_EVERY = 1.0
_PRINTED_EVERY = 2.0
_UNKNOWN = "-"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An autoscaler and its target at one moment."""

    values: Mapping[str, float | None]
    """By the name of the metric; None if it could not be read."""
    desired: int
    ready: int
    trouble: str = ""
    """Why it does not scale: the message of its condition."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    at: float
    """Seconds since the timeline began."""
    load: Mapping[str, float]
    """How many answers a second each caller really had from the target."""
    seen: Seen

    @property
    def value(self) -> float | None:
        """The value of the only metric."""
        return next(iter(self.seen.values.values()), None)


class Stage(Protocol):
    async def load(self) -> Mapping[str, float]: ...

    async def seen(self, autoscaler: str) -> Seen: ...


class Timeline:
    """`report` gets each line as it comes."""

    def __init__(self, *, report: Callable[[str], None]) -> None:
        self._report = report
        self._began = time.monotonic()
        self._printed = -math.inf
        """The time of the last row that was printed."""
        self._lines: list[str] = []
        self.rows: list[Row] = []

    def mark(self, text: str) -> int:
        """Note an event; return the index of the first row after it."""
        self._say(f"-- {self._now():.0f} s: {text}")
        return len(self.rows)

    def add(self, load: Mapping[str, float], seen: Seen) -> None:
        row = Row(at=self._now(), load=load, seen=seen)
        last = self.rows[-1] if self.rows else None
        self.rows.append(row)
        other_columns = last is None or _columns(last) != _columns(row)
        if other_columns:
            self._say(_header(row))
        if seen.trouble and (last is None or last.seen.trouble != seen.trouble):
            self.mark(f"it does not scale: {seen.trouble}")
        changed = other_columns or last is None or _state(last) != _state(row)
        if changed or row.at - self._printed >= _PRINTED_EVERY:
            self._print(row)

    async def until(self, holds: Callable[[Row], bool], *, what: str, within: float) -> Row:
        """Return the first row from now on for which `holds` is true."""
        begin = len(self.rows)
        found: list[Row] = []

        async def seen() -> bool:
            found[:] = [row for row in self.rows[begin:] if holds(row)]
            return bool(found)

        try:
            await wait.until(seen, what=what, within=within)
        except faults.DemoError as error:
            raise faults.DemoError(f"{error}; last seen:\n{self.text(last=12)}") from None
        self._print(found[0])
        return found[0]

    def text(self, *, last: int | None = None) -> str:
        return "\n".join(self._lines[-last:] if last else self._lines)

    def _print(self, row: Row) -> None:
        """Print the row once."""
        if row.at > self._printed:
            self._printed = row.at
            self._say(_line(row))

    def _now(self) -> float:
        return time.monotonic() - self._began

    def _say(self, line: str) -> None:
        self._lines.append(line)
        self._report(line)


@contextlib.asynccontextmanager
async def recorded(
    stage: Stage, autoscaler: str, *, letter: str, report: Callable[[str], None]
) -> AsyncIterator[Timeline]:
    """Record until the block is left. `letter` names the file."""
    line = Timeline(report=report)

    async def go_on() -> None:
        while True:
            # A pod that ends at this moment does not answer; the next second has an answer.
            with contextlib.suppress(faults.DemoError):
                load, seen = await asyncio.gather(stage.load(), stage.seen(autoscaler))
                line.add(load, seen)
            await asyncio.sleep(_EVERY)

    going = asyncio.create_task(go_on())
    try:
        yield line
    finally:
        await processes.cancelled(going)
        _FOLDER.mkdir(parents=True, exist_ok=True)
        (_FOLDER / f"{letter}.txt").write_text(line.text() + "\n", encoding="utf-8")


def read(autoscaler: Mapping[str, Any], deployment: Mapping[str, Any]) -> Seen:
    """Read from the objects of the cluster."""
    status = autoscaler.get("status", {})
    current = [one for one in status.get("currentMetrics") or () if one.get("type")]
    trouble = [
        f"{one['reason']}: {one['message']}"
        for one in status.get("conditions") or ()
        if (one["type"], one["status"]) == ("ScalingActive", "False")
    ]
    return Seen(
        values={_named(one): _value(one) for one in current},
        desired=status.get("desiredReplicas", 0),
        ready=deployment.get("status", {}).get("readyReplicas", 0),
        trouble="".join(trouble),
    )


def _named(current: Mapping[str, Any]) -> str:
    kind = current["type"].lower()
    shared = " per pod" if kind != "pods" and "averageValue" in current[kind]["current"] else ""
    return f"{kind} {current[kind]['metric']['name']}{shared}"


def _value(current: Mapping[str, Any]) -> float | None:
    reply = current[current["type"].lower()]["current"]
    text = reply.get("averageValue") or reply.get("value")
    return None if text is None else float(quantity.parse(text))


def _columns(row: Row) -> tuple[str, ...]:
    return ("s", *(f"{caller}/s" for caller in row.load), *row.seen.values, "desired", "ready")


def _header(row: Row) -> str:
    return "  ".join(f"{name:>10}" for name in _columns(row))


def _line(row: Row) -> str:
    cells = [
        f"{row.at:.0f}",
        *(f"{rate:.1f}" for rate in row.load.values()),
        *(_UNKNOWN if value is None else f"{value:.3g}" for value in row.seen.values.values()),
        str(row.seen.desired),
        str(row.seen.ready),
    ]
    aligned = (f"{cell:>{max(10, len(name))}}" for cell, name in zip(cells, _columns(row), strict=True))
    return "  ".join(aligned) + f"  {row.seen.trouble.partition(':')[0]}".rstrip()


def _state(row: Row) -> tuple[int, int, str]:
    return row.seen.desired, row.seen.ready, row.seen.trouble
