"""The control address of a running mesh: its truth, its scenario, exact requests, single sidecars.

GET  /ready                       200 once all sidecars answer and are scraped
GET  /truth?since=…&until=…       requests that ended in [since, until), in seconds since the epoch
GET  /scenario
POST /scenario                    {"name": "failing"}; `quiet` answers when nothing is in flight any more
POST /calls                       {"path": "/checkout", "count": 9, "faults": {"payments": 503}}; answers
                                  when they are over
GET  /pods
POST /pods/{name}/restart, /pods/{name}/kill
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from demo import answering, apps, load, placement, scenarios, sidecars

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
        """Let `/ready` answer 200 from now on."""
        self._open = True

    def application(self) -> web.Application:
        application = web.Application(middlewares=[answering.say_what_is_wrong])
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
        since, until = (answering.seconds(request, name) for name in ("since", "until"))
        report = self._world.truth.report(since=since, until=until)
        return web.json_response({"in_flight": self._load.in_flight, **report})

    async def _scenario(self, _request: web.Request) -> web.Response:
        return answering.said(self._world.dial.scenario)

    async def _turn(self, request: web.Request) -> web.Response:
        self._world.dial.scenario = scenarios.named(str((await answering.body(request)).get("name")))
        if not self._world.dial.scenario.load:
            await self._load.settle()
        return answering.said(self._world.dial.scenario)

    async def _calls(self, request: web.Request) -> web.Response:
        return await answering.calls(request, load=self._load)

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
