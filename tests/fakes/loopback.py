"""Serves an application on loopback, for tests of programs that read or write over HTTP."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from aiohttp import web

HOST = "127.0.0.1"


@contextlib.asynccontextmanager
async def serving(application: web.Application) -> AsyncIterator[str]:
    """Serve an application on a free port until the block is left; yield host and port."""
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, 0).start()
        yield "{}:{}".format(*runner.addresses[0])
    finally:
        await runner.cleanup()
