"""Where a running mesh is asked and told: its truth, its scenario, exact requests, single sidecars.

GET  /ready                       200 once all sidecars answer and are scraped
GET  /truth?since=…&until=…       what was over in [since, until), in seconds since the epoch
GET  /scenario
POST /scenario                    {"name": "failing"}; `quiet` answers when nothing is in flight any more
POST /calls                       {"path": "/checkout", "count": 9, "faults": {"payments": 503}}; answers
                                  when they are over
GET  /pods
POST /pods/{name}/restart, /pods/{name}/kill
"""

import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from demo import apps, faults, load, placement, scenarios, sidecars

_MOST_CALLS = 100_000


class Desk:
    def __init__(
        self, where: placement.Placement, *, world: apps.World, load: load.Load, sidecars: sidecars.Sidecars
    ) -> None:
        self._where = where
        self._world = world
        self._load = load
        self._sidecars = sidecars
        self._open = False

    def open(self) -> None:
        """From now on `/ready` says so."""
        self._open = True

    def application(self) -> web.Application:
        application = web.Application(middlewares=[_say_what_is_wrong])
        application.add_routes(
            [
                web.get("/ready", self._ready),
                web.get("/truth", self._truth),
                web.get("/scenario", self._scenario),
                web.post("/scenario", self._turn),
                web.post("/calls", self._calls),
                web.get("/pods", self._pods),
                web.post("/pods/{name}/restart", self._restart),
                web.post("/pods/{name}/kill", self._kill),
            ]
        )
        return application

    async def _ready(self, _request: web.Request) -> web.Response:
        return web.json_response({"ready": self._open}, status=200 if self._open else 503)

    async def _truth(self, request: web.Request) -> web.Response:
        since, until = (_seconds(request, name) for name in ("since", "until"))
        report = self._world.truth.report(since=since, until=until)
        return web.json_response({"in_flight": self._load.in_flight, **report})

    async def _scenario(self, _request: web.Request) -> web.Response:
        return self._said()

    async def _turn(self, request: web.Request) -> web.Response:
        self._world.dial.scenario = scenarios.named(str((await _body(request)).get("name")))
        if not self._world.dial.scenario.load:
            await self._load.settle()
        return self._said()

    def _said(self) -> web.Response:
        scenario = self._world.dial.scenario
        others = {each.name: each.story for each in scenarios.SCENARIOS.values()}
        return web.json_response({"name": scenario.name, "story": scenario.story, "all": others})

    async def _calls(self, request: web.Request) -> web.Response:
        body = await _body(request)
        path, count, forced = body.get("path", "/"), body.get("count", 1), body.get("faults", {})
        if not isinstance(count, int) or not 0 < count <= _MOST_CALLS:
            raise faults.DemoError(f"count is {count!r}; give a number from 1 to {_MOST_CALLS}")
        if not isinstance(forced, dict) or not all(isinstance(code, int) for code in forced.values()):
            raise faults.DemoError(f"faults are {forced!r}; give a code for each workload's name")
        since = time.time()
        codes = await self._load.exactly(str(path), count=count, faults=forced)
        counts = {str(code): number for code, number in sorted(codes.items())}
        return web.json_response({"counts": counts, "since": since, "until": time.time()})

    async def _pods(self, _request: web.Request) -> web.Response:
        return web.json_response([self._describe(pod) for pod in self._where.pods])

    async def _restart(self, request: web.Request) -> web.Response:
        return await self._act(request, self._sidecars.restart)

    async def _kill(self, request: web.Request) -> web.Response:
        return await self._act(request, self._sidecars.kill)

    async def _act(
        self, request: web.Request, action: Callable[[placement.Pod], Awaitable[None]]
    ) -> web.Response:
        name = request.match_info["name"]
        pod = self._where.pod(name)
        if pod is None:
            text = json.dumps({"message": f"no pod {name}; GET /pods names them all"})
            raise web.HTTPNotFound(text=text, content_type="application/json")
        await action(pod)
        return web.json_response(self._describe(pod))

    def _describe(self, pod: placement.Pod) -> Mapping[str, Any]:
        return {
            "name": pod.name,
            "namespace": pod.namespace,
            "workload": {"kind": pod.workload.kind, "name": pod.workload.name.name},
            "address": pod.address,
            "node": pod.node,
            "running": self._sidecars.runs(pod),
        }


@contextlib.asynccontextmanager
async def serve(desk: Desk, *, listen: tuple[str, int]) -> AsyncIterator[None]:
    runner = web.AppRunner(desk.application(), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, *listen).start()
        yield
    finally:
        await runner.cleanup()


@web.middleware
async def _say_what_is_wrong(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except faults.DemoError as error:
        return web.json_response({"message": str(error)}, status=400)


async def _body(request: web.Request) -> Mapping[str, Any]:
    try:
        body = await request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise faults.DemoError("the body is no JSON object")
    return body


def _seconds(request: web.Request, name: str) -> float | None:
    text = request.query.get(name)
    try:
        return None if text is None else float(text)
    except ValueError:
        raise faults.DemoError(f"{name}={text} is no time; give seconds since the epoch") from None
