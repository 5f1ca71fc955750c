"""`python -m bench.churning HOST PORT PODS STARTED LIFETIME`: the proxies of a cluster whose pods are
replaced.

In addition to the pages it serves the targets (`/targets`) and the times of all scrapes
(`/scrapes?since=NUMBER`): the counts of an answer are those at such times, and at no other.
"""

import asyncio
import sys
import time

from aiohttp import web

from bench import churn, shape


async def serve(host: str, port: int, churning: churn.Churn) -> None:
    """Serve until the process is ended."""
    scraped: list[tuple[int, int, float]] = []

    async def page(request: web.Request) -> web.Response:
        number, nth = (int(request.match_info[part]) for part in ("number", "nth"))
        now = time.time()
        life = churning.at(number, now)
        if life is None or life.nth != nth:
            return web.Response(status=404)
        body = churning.page(life, now)
        scraped.append((number, nth, now))
        return web.Response(body=body, content_type="text/plain", charset="utf-8")

    async def targets(_request: web.Request) -> web.Response:
        return web.json_response(churning.targets(time.time(), address=f"{host}:{port}"))

    async def scrapes(request: web.Request) -> web.Response:
        since = int(request.query["since"])
        return web.json_response({"now": time.time(), "scrapes": scraped[since:]})

    async def ready(_request: web.Request) -> web.Response:
        return web.Response(text="ok")

    application = web.Application()
    application.add_routes(
        [
            web.get("/pods/{number:[0-9]+}/{nth:[0-9]+}", page),
            web.get("/targets", targets),
            web.get("/scrapes", scrapes),
            web.get("/ready", ready),
        ]
    )
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    host, port, pods, started, lifetime = sys.argv[1:]
    cluster = shape.Shape(int(pods))
    asyncio.run(
        serve(host, int(port), churn.Churn(cluster, started=float(started), lifetime=float(lifetime)))
    )
