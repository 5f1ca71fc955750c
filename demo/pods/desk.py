"""The desk of the mesh in a cluster: its load, its scenario, and the truth of all its pods put together.

GET  /live                        200 while this process answers
GET  /ready                       200 once all pods are registered and scraped, and the load has begun
GET  /truth?since=…&until=…       requests that ended in [since, until), in seconds since the epoch
GET  /scenario
POST /scenario                    {"name": "failing"}; `quiet` answers when nothing is in flight any more
POST /calls                       {"path": "/checkout", "count": 9, "faults": {"payments": 503}}; answers
                                  when they are over
GET  /pods
POST /roll                        a pod registers, and gets the current scenario
DELETE /roll/{pod}                a pod deregisters

`/truth?by=shop/cart` (several are allowed) has only what pods of these workloads observed.

Each pod keeps the ledger of its own app; the ledger of the load is here. An edge has one caller, so the
truth is the union of all ledgers. A ledger is lost with its container.
"""

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import aiohttp
from aiohttp import web

from demo import answering, apps, faults, load, meshes, placement, prometheus, scenarios, truth, wait
from demo.pods import identity
from demo.pods import roll as rolls

_READY_WITHIN = 300.0
"""Seconds, with images to pull; without, it takes a fraction."""
_ANSWER_WITHIN = aiohttp.ClientTimeout(total=30.0)


class Desk:
    def __init__(
        self, roll: rolls.Roll, *, world: apps.World, load: load.Load, clock: Callable[[], float]
    ) -> None:
        """`clock` in seconds since the epoch."""
        self._roll = roll
        self._world = world
        self._load = load
        self._clock = clock
        self._since = clock()
        self._open = False

    def open(self) -> None:
        """Let `/ready` answer 200 from now on."""
        self._open = True

    def application(self) -> web.Application:
        application = web.Application(middlewares=[answering.say_what_is_wrong])
        application.add_routes(
            [
                web.get("/live", self._live),
                web.get("/ready", self._ready),
                web.get("/truth", self._truth),
                web.get("/scenario", self._scenario),
                web.post("/scenario", self._turn),
                web.post("/calls", self._calls),
                web.get("/pods", self._pods),
                web.post("/roll", self._enter),
                web.delete("/roll/{pod}", self._leave),
            ]
        )
        return application

    async def _live(self, _request: web.Request) -> web.Response:
        return web.json_response({"live": True})

    async def _ready(self, _request: web.Request) -> web.Response:
        missing = self._roll.missing()
        said = {"ready": self._open, "missing": missing}
        return web.json_response(said, status=200 if self._open else 503)

    async def _truth(self, request: web.Request) -> web.Response:
        since, until = (answering.seconds(request, name) for name in ("since", "until"))
        own = self._world.truth.report(since=since, until=until)
        by = request.query.getall("by", [])
        asked = [pod for pod in self._roll.pods() if not by or str(pod.workload.name) in by]
        others = await self._ask_each(asked, "GET", "/truth", params=request.query)
        in_flight = self._load.in_flight + sum(report["in_flight"] for report in others)
        return web.json_response({"in_flight": in_flight, **truth.together([own, *others])})

    async def _scenario(self, _request: web.Request) -> web.Response:
        return answering.said(self._world.dial.scenario)

    async def _turn(self, request: web.Request) -> web.Response:
        self._world.dial.scenario = scenarios.named(str((await answering.body(request)).get("name")))
        self._since = self._clock()
        if not self._world.dial.scenario.load:
            await self._load.settle()
        await self._ask_each(self._roll.pods(), "POST", "/scenario", json=self._now())
        return answering.said(self._world.dial.scenario)

    async def _calls(self, request: web.Request) -> web.Response:
        return await answering.calls(request, load=self._load)

    async def _pods(self, _request: web.Request) -> web.Response:
        return web.json_response([_describe(pod) for pod in self._roll.pods()])

    async def _enter(self, request: web.Request) -> web.Response:
        self._roll.enter(rolls.heard(await answering.body(request)))
        return web.json_response(self._now())

    async def _leave(self, request: web.Request) -> web.Response:
        self._roll.leave(request.match_info["pod"])
        return web.json_response({})

    def _now(self) -> Mapping[str, Any]:
        return {"name": self._world.dial.scenario.name, "since": self._since}

    async def _ask_each(
        self, pods: Sequence[placement.Pod], method: str, path: str, **options: Any
    ) -> list[Any]:
        """The answers of the pods, without those that end meanwhile."""
        answers = await asyncio.gather(
            *(self._ask(pod, method, path, **options) for pod in pods), return_exceptions=True
        )
        here = {pod.name for pod in self._roll.pods()}
        answered: list[Any] = []
        for pod, answer in zip(pods, answers, strict=True):
            if not isinstance(answer, BaseException):
                answered.append(answer)
            elif pod.name in here:
                raise answer
        return answered

    async def _ask(self, pod: placement.Pod, method: str, path: str, **options: Any) -> Any:
        url = f"http://{pod.address}:{identity.APP_CONTROL_PORT}{path}"
        try:
            async with self._world.session.request(method, url, timeout=_ANSWER_WITHIN, **options) as answer:
                if answer.status != 200:
                    raise faults.DemoError(f"{pod.name} answers {answer.status} to {method} {path}")
                return await answer.json()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise faults.DemoError(f"{pod.name} does not answer {method} {path}: {error}") from error


def _describe(pod: placement.Pod) -> Mapping[str, Any]:
    return {
        "name": pod.name,
        "namespace": pod.namespace,
        "workload": {"kind": pod.workload.kind, "name": pod.workload.name.name},
        "address": pod.address,
        "node": pod.node,
    }


async def run(*, mesh: str, rate: float) -> None:
    """Run until cancelled; `rate` in requests a second."""
    plan = meshes.MESHES[mesh]
    async with apps.session() as http:
        dial = scenarios.Dial()
        world = apps.World(http, truth.Truth(clock=time.time), dial, random.Random())
        roll = rolls.Roll(plan, clock=time.monotonic)
        traffic = load.Load(plan.entry_paths, world=world, rate=rate, gateways=roll.gateways(), running=[])
        desk = Desk(roll, world=world, load=traffic, clock=time.time)
        # In a container: the network of the pod decides which clients reach it.
        async with answering.serve(desk.application(), listen=("0.0.0.0", identity.DESK_PORT)):  # noqa: S104
            await wait.until(
                lambda: _complete(roll, http=http), what="the mesh", within=_READY_WITHIN, pause=0.5
            )
            desk.open()
            await traffic.run()


async def _complete(roll: rolls.Roll, *, http: aiohttp.ClientSession) -> bool:
    if roll.missing():
        return False
    return await prometheus.scraped(http, identity.prometheus_url()) >= len(roll.pods())
