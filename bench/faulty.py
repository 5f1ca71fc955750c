"""`python -m bench.faulty HOST PORT TARGET`: a proxy before a Prometheus that fails on request.

`POST /behave/NAME` chooses how it fails; `well` forwards everything. Requests in progress are not affected.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping

import aiohttp
from aiohttp import web

_Behaviour = Callable[[web.Request], Awaitable[web.StreamResponse]]
_PASSED = ("Content-Type", "Content-Encoding")
_STALL = 60.0


class Relay:
    """How a query is answered."""

    def __init__(self, target: str, *, http: aiohttp.ClientSession) -> None:
        self._target = target
        self._http = http
        self.behaviours: Mapping[str, _Behaviour] = {
            "well": self._well,
            "stall": self._stalled,
            "drip": self._dripped,
            "500": self._failed,
            "cut": self._cut,
            "gone": self._gone,
        }
        self.behaves = "well"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self.behaviours[self.behaves](request)
        except aiohttp.ClientError:
            return self._hung_up(request)

    async def _well(self, request: web.Request) -> web.StreamResponse:
        status, body, headers = await self._asked(request)
        return web.Response(status=status, body=body, headers=headers)

    async def _stalled(self, request: web.Request) -> web.StreamResponse:
        """Accept the query and never answer."""
        await asyncio.sleep(_STALL)
        return self._hung_up(request)

    async def _dripped(self, request: web.Request) -> web.StreamResponse:
        """Sends some of the answer, and stops in the middle."""
        response = await self._half(request)
        await asyncio.sleep(_STALL)
        return response

    async def _failed(self, _request: web.Request) -> web.StreamResponse:
        error = {"status": "error", "errorType": "internal", "error": "TSDB is out of order"}
        return web.json_response(error, status=500)

    async def _cut(self, request: web.Request) -> web.StreamResponse:
        """Sends some of the answer, and hangs up."""
        await self._half(request)
        return self._hung_up(request)

    async def _gone(self, request: web.Request) -> web.StreamResponse:
        return self._hung_up(request)

    async def _half(self, request: web.Request) -> web.StreamResponse:
        status, body, headers = await self._asked(request)
        response = web.StreamResponse(status=status, headers={**headers, "Content-Length": str(len(body))})
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
        return response

    def _hung_up(self, request: web.Request) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.close()
        return web.Response()

    async def _asked(self, request: web.Request) -> tuple[int, bytes, dict[str, str]]:
        form = await request.read()
        headers = {name: request.headers[name] for name in ("Content-Type", "Accept-Encoding")}
        async with self._http.post(self._target + request.path, data=form, headers=headers) as answer:
            passed = {name: answer.headers[name] for name in _PASSED if name in answer.headers}
            return answer.status, await answer.read(), passed


async def serve(host: str, port: int, target: str) -> None:
    """Serve until the process is ended."""
    async with aiohttp.ClientSession(auto_decompress=False) as http:
        relay = Relay(target, http=http)

        async def behave(request: web.Request) -> web.Response:
            relay.behaves = request.match_info["name"]
            return web.Response(text="ok")

        async def ready(_request: web.Request) -> web.Response:
            return web.Response(text="ok")

        application = web.Application()
        every = "|".join(relay.behaviours)
        application.add_routes(
            [
                web.post("/api/v1/query", relay.handle),
                web.post(f"/behave/{{name:{every}}}", behave),
                web.get("/ready", ready),
            ]
        )
        runner = web.AppRunner(application, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, host, port).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
