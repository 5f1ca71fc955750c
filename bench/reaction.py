"""How soon an autoscaler reacts: from a change of the load to another number of desired pods.

    python -m bench reaction

A cluster with a node, our image and manifests, the kiosk under load, and an autoscaler on the requests of its
pods, whose target lies where half a window of the new load crosses it. Each round turns the load up and down
again. What is to be expected at most: a scrape interval, until the first scrape that sees the new load; half
a window, until it outweighs the old one; and a sync period of the autoscaler. A refresh of our server is
added, 1 s here.
"""

import asyncio
import os
import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import click

from bench import report
from demo import ending, kiosk, wait
from tests.installed import autoscalers
from tests.installed import kiosk as kiosks
from tests.installed import site as sites

_FOLDER = Path(".bench/reaction").resolve()
_NAME = "bench"
_REFRESH = 1.0
_TARGET = 7.8
"""Requests a second and pod. There are 8.5, then 24.5: above 17.2 three pods are desired, below 15.6 two."""
_FEW, _MORE = 2, 3
"""Pods; even two are not overloaded, so that all requests are answered."""
_WITHIN = 150.0
_EVERY = 0.1
_CASES = ((5.0, 15.0), (5.0, 30.0), (15.0, 30.0))
"""Scrape interval and window, in seconds."""


@click.command()
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True, help="Of each case.")
def main(*, rounds: int) -> None:
    """Measure how soon an autoscaler reacts to a change of the load."""
    ending.until_stopped(_sit(rounds))


async def _sit(rounds: int) -> None:
    scratch = _FOLDER / "manifests"
    scratch.mkdir(parents=True, exist_ok=True)
    rows: dict[str, report.Cells] = {}
    report.say(f"the load of the machine is {os.getloadavg()[0]:.1f}")
    with report.sitting(_FOLDER, pods=0, width=130) as sitting:
        async with sites.made(state=_FOLDER / "node", scratch=scratch, name=_NAME, report=report.say) as site:
            for interval in dict.fromkeys(interval for interval, _ in _CASES):
                windows = [window for each, window in _CASES if each == interval]
                rows |= await _scraped(site, interval, windows=windows, rounds=rounds, say=report.say)
        sitting.show(_table(rows, rounds))


def _table(rows: Mapping[str, report.Cells], rounds: int) -> report.Table:
    return report.Table(
        name="Reaction",
        about=f"seconds from the change of the load to another number of wanted pods; {rounds} times each",
        rows=rows,
        compared="median s",
    )


async def _scraped(
    site: sites.Site,
    interval: float,
    *,
    windows: Sequence[float],
    rounds: int,
    say: Callable[[str], None],
) -> dict[str, report.Cells]:
    rows: dict[str, report.Cells] = {}
    settings = {"TRAFFIC_REFRESH": f"{_REFRESH:g}"}
    async with kiosks.running(
        site, scratch=site.scratch, settings=settings, scrape_interval=interval
    ) as stage:
        for window in windows:
            name = f"scrape {interval:g} s, window {window:g} s"
            say(name)
            ups, downs = await _rounds(stage, window, interval=interval, rounds=rounds, say=say)
            bound = interval + window / 2 + kiosks.SYNC
            rows[f"{name}, up"] = _cells(ups, bound=bound)
            rows[f"{name}, down"] = _cells(downs, bound=bound)
    return rows


async def _rounds(
    stage: kiosks.Stage, window: float, *, interval: float, rounds: int, say: Callable[[str], None]
) -> tuple[list[float], list[float]]:
    metric = autoscalers.per_pod(
        "requests_per_second", average=f"{_TARGET * 1000:.0f}m", window=f"{window:g}s"
    )
    ups: list[float] = []
    downs: list[float] = []
    async with stage.autoscaled(autoscalers.autoscaler([metric], least=_FEW, most=_MORE), replicas=_FEW):
        for _ in range(rounds):
            for scenario, wanted, took in (("surge", _MORE, ups), ("steady", _FEW, downs)):
                # The new load is all that the window holds, before it changes again; and never at the same
                # moment between two scrapes.
                await _until_wanted(stage, _FEW + _MORE - wanted)
                await asyncio.sleep(window + random.uniform(0.0, interval))
                began = time.monotonic()
                await stage.turn(scenario)
                await _until_wanted(stage, wanted)
                took.append(time.monotonic() - began)
                say(f"{scenario}: {took[-1]:.1f} s")
    return ups, downs


async def _until_wanted(stage: kiosks.Stage, replicas: int) -> None:
    async def wanted() -> bool:
        seen = await stage.seen(kiosk.CHECKOUT.name)
        return seen.desired == replicas and not seen.trouble

    await wait.until(wanted, what=f"{replicas} wanted pods", within=_WITHIN, pause=_EVERY)


def _cells(took: Sequence[float], *, bound: float) -> report.Cells:
    return {
        "least s": min(took),
        "median s": statistics.median(took),
        "most s": max(took),
        "bound s": bound,
        "within": f"{sum(each <= bound for each in took)} of {len(took)}",
    }
