"""A proxy between the server and a real Prometheus that records every query with its instant."""

import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web


@dataclass(slots=True)
class Relay:
    """Every query that passed, with its instant."""

    url: str = ""
    asked: list[tuple[str, float]] = field(default_factory=list)

    def instant_of(self, part: str) -> float:
        """Return the instant of the last query that contains a text."""
        return next(at for text, at in reversed(self.asked) if part in text)


@contextlib.asynccontextmanager
async def relay(target: str, *, behind: float) -> AsyncIterator[Relay]:
    """Pass queries on to `target`, each for `behind` seconds earlier, until the block is left.

    A sample has the time at which its scrape began, and is stored when the scrape ends: a query of the last
    moment may have another answer when it is repeated. After a few seconds the answer no longer changes.
    """
    kept = Relay()

    async def pass_on(request: web.Request) -> web.Response:
        form = dict(await request.post())
        # A query without a time is for the present time, which is that of Prometheus.
        at = float(str(form["time"])) - behind if "time" in form else time.time()
        form["time"] = f"{at:.3f}"
        kept.asked.append((str(form["query"]), round(at, 3)))
        async with aiohttp.ClientSession() as http, http.post(target + request.path, data=form) as answer:
            return web.Response(
                status=answer.status, body=await answer.read(), content_type="application/json"
            )

    application = web.Application()
    application.router.add_post("/api/v1/query", pass_on)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        kept.url = "http://{}:{}".format(*runner.addresses[0])
        yield kept
    finally:
        await runner.cleanup()
