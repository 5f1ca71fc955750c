"""The rates of three minutes add up to the requests that there were, in each database and for each window."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.backends import backend
from tests.cases.scrape import databases, history

_BIAS = 0.005
_STEP = 5.0
_SECONDS = history.PERIOD
_WINDOWS = (10.0, 60.0)
_DATABASES: Mapping[str, backend.Backend] = {
    "Prometheus": databases.RECEIVER,
    "VictoriaMetrics": backend.VICTORIA_METRICS,
}


@pytest.mark.parametrize("every", [5.0, 15.0])
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=(*one.marks, pytest.mark.dialect)) for name, one in _DATABASES.items()]
)
async def test_rates_add_up_to_the_requests_that_there_were(
    tmp_path: Path, other_subnet: str, name: str, every: float
) -> None:
    written = history.History(ended=float(int(time.time())), seconds=_SECONDS, every=every)
    host = f"{other_subnet}.{230 + [*_DATABASES].index(name)}"
    async with backend.running(_DATABASES[name], tmp_path, host=host, scrapes={}) as (url, _):
        await written.write(url)
        for load in history.LOADS:
            read = await asyncio.gather(
                *(history.collected(url, written, load, window=window, step=_STEP) for window in _WINDOWS)
            )
            for window, rates in zip(_WINDOWS, read, strict=True):
                assert rates.unknown == 0.0, (load.name, window)
                assert rates.bias == pytest.approx(0.0, abs=_BIAS), (load.name, window)
