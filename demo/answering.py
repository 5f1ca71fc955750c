"""HTTP handlers of the demo: parse requests, and answer errors with a reason."""

import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from demo import faults, load, scenarios

_MOST_CALLS = 100_000


@contextlib.asynccontextmanager
async def serve(application: web.Application, *, listen: tuple[str, int]) -> AsyncIterator[None]:
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, *listen).start()
        yield
    finally:
        await runner.cleanup()


def said(scenario: scenarios.Scenario) -> web.Response:
    others = {each.name: each.story for each in scenarios.SCENARIOS.values()}
    return web.json_response({"name": scenario.name, "story": scenario.story, "all": others})


async def calls(request: web.Request, *, load: load.Load) -> web.Response:
    """Make exactly the requests of the body."""
    asked = await body(request)
    path, count, forced = asked.get("path", "/"), asked.get("count", 1), asked.get("faults", {})
    if not isinstance(count, int) or not 0 < count <= _MOST_CALLS:
        raise faults.DemoError(f"count is {count!r}; give a number from 1 to {_MOST_CALLS}")
    if not isinstance(forced, dict) or not all(isinstance(code, int) for code in forced.values()):
        raise faults.DemoError(f"faults are {forced!r}; give a code for each workload's name")
    since = time.time()
    codes = await load.exactly(str(path), count=count, faults=forced)
    counts = {str(code): number for code, number in sorted(codes.items())}
    return web.json_response({"counts": counts, "since": since, "until": time.time()})


@web.middleware
async def say_what_is_wrong(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except faults.DemoError as error:
        return web.json_response({"message": str(error)}, status=400)


async def body(request: web.Request) -> Mapping[str, Any]:
    try:
        body = await request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise faults.DemoError("the body is no JSON object")
    return body


def seconds(request: web.Request, name: str) -> float | None:
    text = request.query.get(name)
    try:
        return None if text is None else float(text)
    except ValueError:
        raise faults.DemoError(f"{name}={text} is no time; give seconds since the epoch") from None
