"""Waits for a condition, with a deadline and a name for the error message."""

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp

from demo import faults

_PAUSE = 0.05
_LONGEST_ANSWER = 2.0


async def until(
    condition: Callable[[], Awaitable[bool]], *, what: str, within: float, pause: float = _PAUSE
) -> None:
    """`within` and `pause` in seconds."""
    try:
        async with asyncio.timeout(within):
            # What is waited for is another process: there is no event to wait on.
            while not await condition():  # noqa: ASYNC110
                await asyncio.sleep(pause)
    except TimeoutError:
        raise faults.DemoError(f"{what} is not ready after {within:g} s") from None


async def until_ok(http: aiohttp.ClientSession, url: str, *, what: str, within: float) -> None:
    """Wait until the address answers 200. Its certificate is not verified, because it is on this machine."""

    async def answers() -> bool:
        try:
            timeout = aiohttp.ClientTimeout(total=_LONGEST_ANSWER)
            async with http.get(url, ssl=False, timeout=timeout) as response:
                return response.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    await until(answers, what=what, within=within)
