"""Wait until callees have ended every call, also those that the callers gave up."""

from __future__ import annotations

from collections.abc import Sequence

import aiohttp

from demo import wait

_WITHIN = 30.0


async def until_over(http: aiohttp.ClientSession, exposed: Sequence[str], *, begun: str, ended: str) -> None:
    """Wait until each process with metrics at these URLs has ended all calls it began, by two counters."""

    async def over() -> bool:
        return all([await _is_idle(http, url, begun=begun, ended=ended) for url in exposed])

    await wait.until(over, what="the end of every call", within=_WITHIN)


async def _is_idle(http: aiohttp.ClientSession, url: str, *, begun: str, ended: str) -> bool:
    async with http.get(url) as response:
        lines = (await response.text()).splitlines()
    came, went = (
        sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))
        for name in (begun, ended)
    )
    return came == went > 0
