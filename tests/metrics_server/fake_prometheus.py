"""A fake Prometheus on loopback: it answers from a recording, or misbehaves as a test demands."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from aiohttp import web

from tests.metrics_server import recording

HOST = "127.0.0.1"
Behaviour = Callable[[web.Request, str], Awaitable[web.StreamResponse]]
"""A function that answers a query."""


class FakePrometheus:
    """A test may change its series and its behaviour at any time."""

    def __init__(self, holds: recording.Recording | None = None) -> None:
        self.holds = holds or recording.Recording([])
        self.behaviour: Behaviour = self.well
        self.listing: Callable[[web.Request], Awaitable[web.StreamResponse]] = self.names
        """The function that answers which metrics there are."""
        self.warnings: list[str] = []
        self.clock = time.time
        self.asked: list[str] = []
        self.ended = asyncio.Event()
        """Set when the client has given up a query that never gets an answer."""
        self.url = ""

    async def well(self, request: web.Request, query: str) -> web.StreamResponse:
        sent = (await request.post()).get("time") or request.query.get("time") or self.clock()
        at = float(str(sent))
        kind = "matrix" if query.endswith("]") else "vector"
        return answer({"resultType": kind, "result": self.holds.ask(query, at=at)}, warnings=self.warnings)

    async def hung(self, request: web.Request, query: str) -> web.StreamResponse:
        """Never answer; wait until the client gives up."""
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.set()
        raise AssertionError("waits for ever")

    async def names(self, request: web.Request) -> web.StreamResponse:
        """Answer the names of all metrics, as many as are asked for."""
        found = sorted({one.labels["__name__"] for one in self.holds.series})
        return answer(found[: int(request.query.get("limit", len(found)))])

    async def listed(self, request: web.Request) -> web.StreamResponse:
        return await self.listing(request)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        query = str((await request.post()).get("query") or request.query["query"])
        self.asked.append(query)
        return await self.behaviour(request, query)


def answer(data: object, *, warnings: Sequence[str] = ()) -> web.Response:
    """Return a successful answer of the query API."""
    warned = {"warnings": warnings} if warnings else {}
    return web.json_response(text=json.dumps({"status": "success", "data": data, **warned}))


def fixed(body: str | bytes, *, status: int = 200, content_type: str = "application/json") -> Behaviour:
    """Return a behaviour that gives this answer to every query."""

    async def behave(request: web.Request, query: str) -> web.StreamResponse:
        content = body if isinstance(body, bytes) else body.encode()
        return web.Response(body=content, status=status, content_type=content_type)

    return behave


@contextlib.asynccontextmanager
async def running(fake: FakePrometheus) -> AsyncIterator[FakePrometheus]:
    """Serve until the block is left."""
    application = web.Application()
    for method in ("GET", "POST"):
        application.router.add_route(method, "/api/v1/query", fake.handle)
    application.router.add_get("/api/v1/label/__name__/values", fake.listed)
    runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, 0).start()
        host, port = runner.addresses[0][:2]
        fake.url = f"http://{host}:{port}"
        yield fake
    finally:
        await runner.cleanup()
