"""Whether the rates of half an hour add up to the requests that there were.

    python -m bench bias

Scrapes of pods whose requests are known are written into each database at once, and read as of every moment
of that time: by the server's own collector, and by `rate` and `increase` of the database at the same moments.
A bias of -10 % means that the mean of all rates is a tenth lower than the truth. Where a function needs two
samples and the window has fewer, it answers nothing (-).
"""

import contextlib
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import click

from bench import report, site
from demo import ending
from tests.backends import backend
from tests.cases.scrape import databases, history

_FOLDER = Path(".bench/bias").resolve()
_WINDOWS = (10.0, 30.0, 60.0)
_SCRAPES = (5.0, 15.0, 30.0, 60.0)
_STEP = 5.0
"""Seconds from one read to the next."""
_AIM = 0.005
_FUNCTIONS = ("rate", "increase")
_DATABASES = (databases.RECEIVER, backend.VICTORIA_METRICS)
_LONGEST = 45
"""Minutes: Prometheus takes samples of the last hour only."""


@click.command()
@click.option(
    "--minutes", type=click.IntRange(3, _LONGEST), default=30, show_default=True, help="Time that is read."
)
@site.subnet("127.27.0")
def main(*, minutes: int, subnet: str) -> None:
    """Compare the sum of all rates with the requests that there were."""
    seconds = minutes * 60 // history.PERIOD * history.PERIOD
    ending.until_stopped(_sit(seconds, subnet=subnet))


async def _sit(seconds: float, *, subnet: str) -> None:
    with report.sitting(_FOLDER, pods=0, width=130) as tables:
        for number, kind in enumerate(_DATABASES, start=1):
            rows: dict[str, report.Cells] = {}
            for every in _SCRAPES:
                report.say(f"{kind.name}, scraped every {every:g} s")
                rows |= await _rows(kind, seconds, every, host=f"{subnet}.{number}")
            tables.show(
                report.Table(
                    name=f"Bias of rates in {_NAMES[kind.name]}",
                    about=f"{seconds / 60:g} minutes, read every {_STEP:g} s; unknown: moments without an "
                    f"answer; aim: ±{_AIM:.1%}",
                    rows=rows,
                )
            )


_NAMES = {"receiver": "Prometheus", "victoria-metrics": "VictoriaMetrics"}


async def _rows(kind: backend.Backend, seconds: float, every: float, *, host: str) -> dict[str, report.Cells]:
    """Return the rows of one scrape interval."""
    folder = _FOLDER / "run" / f"{kind.name}-{every:g}"
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    written = history.History(ended=float(int(time.time())), seconds=seconds, every=every)
    rows: dict[str, report.Cells] = {}
    async with backend.running(kind, folder, host=host, scrapes={}) as (url, _):
        await written.write(url)
        for load in history.LOADS:
            for window in _WINDOWS:
                ours = await history.collected(url, written, load, window=window, step=_STEP)
                theirs = [
                    await history.evaluated(url, written, load, function=function, window=window, step=_STEP)
                    for function in _FUNCTIONS
                ]
                rows[f"scrape {every:g} s, window {window:g} s, {load.name}"] = _cells(ours, theirs)
    return rows


def _cells(ours: history.Rates, theirs: Sequence[history.Rates]) -> report.Cells:
    bias = ours.bias
    return {
        "bias": _share(bias),
        "unknown": f"{ours.unknown:.0%}",
        **{function: _share(one.bias) for function, one in zip(_FUNCTIONS, theirs, strict=True)},
        "aim": "met" if bias is not None and abs(bias) <= _AIM else "missed",
    }


def _share(bias: float | None) -> str:
    return "-" if bias is None else f"{bias:+.3%}"
