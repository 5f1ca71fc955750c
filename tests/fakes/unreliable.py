"""A proxy before a real Prometheus that passes requests on, or misbehaves as the test chooses."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
from aiohttp import web

Behaviour = Callable[[web.Request], Awaitable[web.StreamResponse]]
_COSTS_NOTHING = "vector(1)"
WARNING = "store gateway 10.0.0.7:10901 did not answer"


class Unreliable:
    """Its behaviour may be changed at any time."""

    def __init__(self, target: str, *, http: aiohttp.ClientSession) -> None:
        self._target = target
        self._http = http
        self.behaviour: Behaviour = self.well
        self.url = ""

    async def well(self, request: web.Request) -> web.StreamResponse:
        return web.Response(body=await self._asked(request), content_type="application/json")

    async def gone(self, request: web.Request) -> web.StreamResponse:
        """Closes the connection, as a pod does that is killed."""
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    async def slow(self, request: web.Request) -> web.StreamResponse:
        """Takes ten seconds for every request."""
        await asyncio.sleep(10)
        return await self.well(request)

    async def busy(self, request: web.Request) -> web.StreamResponse:
        """Alive, because it answers cheap queries at once; but it takes four seconds for all others."""
        if (await request.post())["query"] != _COSTS_NOTHING:
            await asyncio.sleep(4)
        return await self.well(request)

    async def lying(self, request: web.Request) -> web.StreamResponse:
        """Leaves out every other series, without a warning."""
        answer = json.loads(await self._asked(request))
        answer["data"]["result"] = answer["data"]["result"][::2]
        return web.json_response(answer)

    async def html(self, _request: web.Request) -> web.StreamResponse:
        """The login page of a proxy."""
        return web.Response(text="<html>Please log in</html>", content_type="text/html")

    async def refusing(self, _request: web.Request) -> web.StreamResponse:
        """The answer of Prometheus to a query with too many samples."""
        error = "query processing would load too many samples into memory in query execution"
        body = {"status": "error", "errorType": "execution", "error": error}
        return web.json_response(body, status=422)

    async def partial(self, request: web.Request) -> web.StreamResponse:
        """Leaves out every other series, and reports that data is missing, as Thanos does."""
        answer = json.loads(await self._asked(request))
        answer["data"]["result"] = answer["data"]["result"][::2]
        return web.json_response({**answer, "warnings": [WARNING]})

    async def handle(self, request: web.Request) -> web.StreamResponse:
        return await self.behaviour(request)

    async def _asked(self, request: web.Request) -> bytes:
        async with self._http.post(self._target + request.path, data=await request.post()) as answer:
            return await answer.read()


@contextlib.asynccontextmanager
async def standing(target: str, *, host: str) -> AsyncIterator[Unreliable]:
    """Listen on a free port of `host` until the block is left."""
    async with aiohttp.ClientSession() as http:
        fake = Unreliable(target, http=http)
        application = web.Application()
        application.router.add_post("/api/v1/query", fake.handle)
        runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, 0).start()
            fake.url = "http://{}:{}".format(*runner.addresses[0][:2])
            yield fake
        finally:
            await runner.cleanup()
