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
from tests.cases.scrape import databases, history, thanos

_FOLDER = Path(".bench/bias").resolve()
_WINDOWS = (10.0, 30.0, 60.0)
_SCRAPES = (5.0, 15.0, 30.0, 60.0)
_STEP = 5.0
"""Seconds from one read to the next."""
_AIM = 0.005
_FUNCTIONS = ("rate", "increase")
_DATABASES = {
    "Prometheus": databases.RECEIVER,
    "VictoriaMetrics": backend.VICTORIA_METRICS,
    "Thanos": databases.RECEIVER,
}
"""The database to which samples are written; Thanos reads that of a Prometheus."""
_JOINABLE = {"global": {"external_labels": {"prometheus": "one"}}}
"""The configuration of the database: Thanos joins only what has a label of its own."""
_LONGEST = 45
"""Minutes: Prometheus takes samples of the last hour only."""


@click.command()
@click.option(
    "--minutes", type=click.IntRange(3, _LONGEST), default=30, show_default=True, help="Time that is read."
)
@click.option(
    "--database",
    "chosen",
    multiple=True,
    type=click.Choice([*_DATABASES]),
    default=("Prometheus", "VictoriaMetrics"),
    show_default=True,
    help="May be repeated. Thanos takes a quarter of an hour to build, once.",
)
@site.subnet("127.27.0")
def main(*, minutes: int, chosen: Sequence[str], subnet: str) -> None:
    """Compare the sum of all rates with the requests that there were."""
    seconds = minutes * 60 // history.PERIOD * history.PERIOD
    ending.until_stopped(_sit(seconds, chosen, subnet=subnet))


async def _sit(seconds: float, chosen: Sequence[str], *, subnet: str) -> None:
    with report.sitting(_FOLDER, pods=0, width=130) as tables:
        for name in chosen:
            rows: dict[str, report.Cells] = {}
            for every in _SCRAPES:
                report.say(f"{name}, scraped every {every:g} s")
                rows |= await _rows(name, seconds, every, subnet=subnet)
            tables.show(
                report.Table(
                    name=f"Bias of rates in {name}",
                    about=f"{seconds / 60:g} minutes, read every {_STEP:g} s; unknown: moments without an "
                    f"answer; aim: ±{_AIM:.1%}",
                    rows=rows,
                )
            )


async def _rows(name: str, seconds: float, every: float, *, subnet: str) -> dict[str, report.Cells]:
    """Return the rows of one scrape interval."""
    folder = _FOLDER / "run" / f"{name}-{every:g}"
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    written = history.History(ended=float(int(time.time())), seconds=seconds, every=every)
    rows: dict[str, report.Cells] = {}
    async with contextlib.AsyncExitStack() as stack:
        host = f"{subnet}.{[*_DATABASES].index(name) + 1}"
        running = backend.running(_DATABASES[name], folder, host=host, scrapes=_JOINABLE)
        url, _ = await stack.enter_async_context(running)
        await written.write(url)
        if name == "Thanos":
            joined = await stack.enter_async_context(thanos.over([url], folder, subnet=subnet, first=11))
            url = joined.url
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
