"""The app of this pod, with a ledger of its own.

GET  /ready
GET  /truth?since=…&until=…    requests of this pod that ended in [since, until)
POST /scenario                 {"name": "quiet", "since": …}; answers when nothing begun here is in flight

It registers with the desk periodically, and gets the current scenario in the response. Of two scenarios
the one that was set later counts (`since`), in whichever order they arrive. A gateway has no app: its process
only keeps the pod registered.
"""

import asyncio
import contextlib
import itertools
import os
import random
import time

import aiohttp
from aiohttp import web

from demo import answering, apps, faults, load, scenarios, truth
from demo.pods import identity, roll

_WORD_WITHIN = aiohttp.ClientTimeout(total=roll.BEAT)


class Member:
    def __init__(self, app: apps.App, *, world: apps.World) -> None:
        self._app = app
        self._world = world
        self._since = 0.0
        self._load = load.Load({}, world=world, rate=0, gateways=itertools.repeat(app.pod), running=[app])

    def application(self) -> web.Application:
        application = web.Application(middlewares=[answering.say_what_is_wrong])
        application.add_routes(
            [
                web.get("/ready", self._ready),
                web.get("/truth", self._truth),
                web.post("/scenario", self._turned),
            ]
        )
        return application

    async def run(self) -> None:
        """Run until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._load.run())
            group.create_task(self._be_there())

    async def _be_there(self) -> None:
        while True:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError, faults.DemoError):
                await self._say_so()
            await asyncio.sleep(roll.BEAT)

    async def _say_so(self) -> None:
        async with self._world.session.post(
            f"{identity.desk_url()}/roll", json=roll.word(self._app.pod), timeout=_WORD_WITHIN
        ) as answer:
            if answer.status == 200:
                self._turn(await answer.json())

    async def leave(self) -> None:
        """Deregister, so that the desk does not wait for this pod any more."""
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with self._world.session.delete(
                f"{identity.desk_url()}/roll/{self._app.pod.name}", timeout=_WORD_WITHIN
            ):
                pass

    def _turn(self, said: dict[str, str | float]) -> None:
        since = float(said["since"])
        if since > self._since:
            self._since = since
            self._world.dial.scenario = scenarios.named(str(said["name"]))

    async def _ready(self, _request: web.Request) -> web.Response:
        return web.json_response({"ready": True})

    async def _truth(self, request: web.Request) -> web.Response:
        since, until = (answering.seconds(request, name) for name in ("since", "until"))
        report = self._world.truth.report(since=since, until=until)
        return web.json_response({"in_flight": self._load.in_flight, **report})

    async def _turned(self, request: web.Request) -> web.Response:
        self._turn(dict(await answering.body(request)))
        if not self._world.dial.scenario.load:
            await self._load.settle()
        return answering.said(self._world.dial.scenario)


async def run() -> None:
    """Run until cancelled."""
    pod = identity.pod(os.environ)
    async with apps.session() as http:
        world = apps.World(http, truth.Truth(clock=time.time), scenarios.Dial(), random.Random())
        app = apps.App(pod, world=world)
        member = Member(app, world=world)
        if not pod.workload.public:
            await app.start()
        try:
            listen = (pod.address, identity.APP_CONTROL_PORT)
            async with answering.serve(member.application(), listen=listen):
                try:
                    await member.run()
                finally:
                    await member.leave()
        finally:
            await app.stop()
