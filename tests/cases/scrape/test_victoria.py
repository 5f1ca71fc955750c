"""VictoriaMetrics shows samples up to seconds after their scrape, and the rates are those of the pods."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.backends import backend
from tests.cases.scrape import databases, judging, playing, pods, reading

pytestmark = [pytest.mark.go, pytest.mark.dialect, pytest.mark.prometheus]
_READS, _EVERY = 15, 0.8
"""Reads, and seconds between two of them."""
_BIAS = 0.005
_VICTORIA = backend.VICTORIA_METRICS


async def test_rates_in_victoria_metrics_are_those_of_the_pods(tmp_path: Path, other_subnet: str) -> None:
    async with contextlib.AsyncExitStack() as stack:
        exporter = await stack.enter_async_context(playing.exporting(tmp_path, host=f"{other_subnet}.240"))
        place = playing.Place(stack, tmp_path, other_subnet, exporter)
        scraping, written = await asyncio.gather(
            place.database("scraping", databases.mixed(exporter), number=41, kind=_VICTORIA),
            place.database("written", {}, number=42, kind=_VICTORIA),
        )
        mixed = databases.mixed(exporter, writes_to=written)
        await place.database("writing", mixed, number=43, kind=backend.PROMETHEUS)
        apis = await asyncio.gather(place.server("scraping", scraping), place.server("written", written))
        await asyncio.sleep(playing.FIRST)
        read = await asyncio.gather(*(api.reads(_READS, every=_EVERY) for api in apis))
        found = {
            name: _wrong(reads, share=judging.CLOSE + await playing.jitter(url) / reading.WINDOW)
            for name, url, reads in zip(("scraping", "written"), (scraping, written), read, strict=True)
        }
    assert found == {"scraping": [], "written": []}


def _wrong(reads: Sequence[reading.Read], *, share: float) -> Sequence[str]:
    """Return what is wrong in each read, and in the means of all."""
    means: Mapping[str, float] = {
        name: statistics.fmean(read.json.get(name, 0.0) for read in reads) for name in pods.RATES
    }
    each = [
        f"read {number}: {fault}"
        for number, read in enumerate(reads)
        for fault in judging.wrong(read, share=share)
    ]
    return [*each, *judging.off(means, pods.RATES, share=_BIAS + (share - judging.CLOSE) / 2)]
