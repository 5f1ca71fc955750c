"""A real Thanos over two Prometheus servers, each of which scrapes a half of the pods.

The rates are those of the pods. As long as one of the two is away, people are warned and autoscalers refused,
also after Thanos itself no longer says that something is missing.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from demo import wait
from tests.backends import backend
from tests.cases.scrape import databases, judging, playing, pods, reading, thanos

pytestmark = [
    pytest.mark.go,
    pytest.mark.dialect,
    pytest.mark.prometheus,
    pytest.mark.long,
    pytest.mark.timeout(3600),
]
_HALVES = (("gateway-0", "front-0"), ("front-1", "cart-0"))
_EVERY = 1.0
"""Seconds between two scrapes, and between two reads."""
_STEADY = 30
_AWAY = 120.0
"""Seconds for which a Prometheus is away: several times the window, and longer than Thanos says so."""
_NOTICED = 5.0
"""Seconds within which it is noticed."""
_BACK = 60.0
_BIAS = 0.005


@contextlib.asynccontextmanager
async def _joined(folder: Path, subnet: str) -> AsyncIterator[tuple[thanos.Thanos, reading.Api]]:
    """Run everything until the block is left; it begins once there are enough scrapes."""
    async with contextlib.AsyncExitStack() as stack:
        exporter = await stack.enter_async_context(playing.exporting(folder, host=f"{subnet}.149"))
        place = playing.Place(stack, folder, subnet, exporter)
        urls = [
            await place.database(
                f"prometheus {number}",
                {
                    "global": {"external_labels": {"prometheus": f"half-{number}"}},
                    "scrape_configs": [
                        databases.job(
                            "sidecars",
                            exporter,
                            every=_EVERY,
                            scraped=[pod for pod in pods.PODS if pod.name in half],
                        )
                    ],
                },
                number=50 + number,
                kind=backend.PROMETHEUS,
            )
            for number, half in enumerate(_HALVES)
        ]
        joined = await stack.enter_async_context(thanos.over(urls, folder, subnet=subnet, first=150))
        api = await place.server("thanos", joined.url)
        await asyncio.sleep(playing.FIRST)
        yield joined, api


async def test_rates_are_those_of_the_pods_and_a_lost_half_is_said_as_long_as_it_is_away(
    tmp_path: Path, other_subnet: str
) -> None:
    async with _joined(tmp_path, other_subnet) as (joined, api):
        steady = await api.reads(_STEADY, every=_EVERY)
        share = judging.CLOSE + await playing.jitter(joined.databases[0]) / reading.WINDOW
        assert [fault for read in steady for fault in judging.wrong(read, share=share)] == []
        means = {name: statistics.fmean(read.json[name] for read in steady) for name in pods.RATES}
        print({name: f"{mean:.2f} of {pods.RATES[name]:g}" for name, mean in means.items()})
        assert not list(judging.off(means, pods.RATES, share=_BIAS + (share - judging.CLOSE) / 2))

        await joined.stop(1)
        away = await _away(api)
        assert all(read.warned for read in away)
        assert all(read.refused.keys() >= set(reading.AUTOSCALED) for read in away), away[-1]

        await joined.start(1)

        async def is_back() -> bool:
            read = await api.read()
            return not read.warned and not judging.wrong(read, share=share)

        await wait.until(is_back, what="right figures", within=_BACK, pause=_EVERY)


async def _away(api: reading.Api) -> list[reading.Read]:
    """Return what is read while a half is away, from the time on within which it must be noticed."""
    found, begun = [], time.monotonic()
    while time.monotonic() - begun < _AWAY:
        read = await api.read()
        if time.monotonic() - begun >= _NOTICED:
            found.append(read)
        await asyncio.sleep(_EVERY)
    return found
