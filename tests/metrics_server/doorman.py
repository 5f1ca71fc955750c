"""A proxy in front of Prometheus that checks the token and the tenant of each request."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web


@dataclass(slots=True)
class Doorman:
    """The accepted tokens and tenants, which a test may change at any time."""

    url: str = ""
    tokens: set[str] = field(default_factory=set)
    tenants: set[str] = field(default_factory=set)

    def refuses(self, request: web.Request) -> web.Response | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or token not in self.tokens:
            return web.Response(status=401, text=f"not known: {token}")
        if request.headers.get("X-Scope-OrgID") not in self.tenants:
            return web.Response(status=403, text="no such tenant")
        return None


@contextlib.asynccontextmanager
async def before(target: str, *, trusting: ssl.SSLContext) -> AsyncIterator[Doorman]:
    """Run the proxy until the block is left."""
    doorman = Doorman()

    async def pass_on(request: web.Request) -> web.Response:
        refusal = doorman.refuses(request)
        if refusal is not None:
            return refusal
        async with http.request(
            request.method,
            target + request.path_qs,
            data=await request.read(),
            headers={
                "Content-Type": request.headers.get("Content-Type", "application/octet-stream"),
            },
        ) as answer:
            return web.Response(
                status=answer.status, body=await answer.read(), content_type="application/json"
            )

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", pass_on)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusting)) as http:
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            doorman.url = "http://{}:{}".format(*runner.addresses[0])
            yield doorman
        finally:
            await runner.cleanup()
