"""The desk of a mesh in a cluster, with stand-ins for the apps of its pods."""

import contextlib
import random
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from demo import answering, apps, faults, kiosk, load, placement, runner, scenarios, truth
from demo.pods import desk, identity
from demo.pods import roll as rolls

_NOTHING: Mapping[str, Any] = {"in_flight": 0, "since": None, "until": 0.0, "edges": [], "received": []}


class Scene:
    def __init__(self, subnet: str, *, http: aiohttp.ClientSession) -> None:
        self.subnet = subnet
        self.roll = rolls.Roll(kiosk.KIOSK, clock=time.monotonic)
        self.asked: list[str] = []
        world = apps.World(http, truth.Truth(clock=time.time), scenarios.Dial(), random.Random(1))
        quiet = load.Load({}, world=world, rate=0, gateways=self.roll.gateways(), running=[])
        self.desk = desk.Desk(self.roll, world=world, load=quiet, clock=time.time)

    @property
    def url(self) -> str:
        return f"http://{self.subnet}.1:{identity.DESK_PORT}"

    def enter(self, name: str, *, host: int) -> None:
        """A pod of checkout or report registers."""
        workload = next(each for each in kiosk.KIOSK.workloads if name.startswith(each.name.name))
        address = f"{self.subnet}.{host}"
        self.roll.enter(placement.Pod(name, workload, 0, address, "node-a", workload.labels, alone=True))

    @contextlib.asynccontextmanager
    async def app(self, name: str, *, host: int, leaves: bool = False) -> AsyncIterator[None]:
        async def answer(request: web.Request) -> web.Response:
            self.asked.append(f"{name} {request.path}")
            if leaves:
                self.roll.leave(name)
                raise web.HTTPServiceUnavailable
            return web.json_response(_NOTHING)

        application = web.Application()
        application.router.add_route("*", "/{path:.*}", answer)
        listen = (f"{self.subnet}.{host}", identity.APP_CONTROL_PORT)
        async with answering.serve(application, listen=listen):
            self.enter(name, host=host)
            yield


@pytest.fixture
async def scene(other_subnet: str) -> AsyncIterator[Scene]:
    async with apps.session() as http:
        made = Scene(other_subnet, http=http)
        listen = (f"{other_subnet}.1", identity.DESK_PORT)
        async with answering.serve(made.desk.application(), listen=listen):
            yield made


async def test_the_truth_can_be_asked_of_some_workloads_alone(scene: Scene) -> None:
    async with scene.app("report-1", host=11), scene.app("checkout-1", host=12):
        await runner.ask(scene.url, "GET", "/truth", params={"by": "kiosk/report"})
        assert scene.asked == ["report-1 /truth"]
        await runner.ask(scene.url, "GET", "/truth")
        assert sorted(scene.asked[1:]) == ["checkout-1 /truth", "report-1 /truth"]


@pytest.mark.parametrize("path", ["/truth", "/scenario"])
async def test_a_pod_that_leaves_while_it_is_asked_is_not_waited_for(scene: Scene, path: str) -> None:
    method, said = ("GET", None) if path == "/truth" else ("POST", {"name": "surge"})
    async with scene.app("report-1", host=11), scene.app("checkout-1", host=12, leaves=True):
        await runner.ask(scene.url, method, path, json=said)
    assert sorted(scene.asked) == [f"checkout-1 {path}", f"report-1 {path}"]


async def test_a_pod_that_should_answer_and_does_not_is_told_of(scene: Scene) -> None:
    scene.enter("checkout-1", host=12)
    with pytest.raises(faults.DemoError, match="checkout-1 does not answer GET /truth"):
        await runner.ask(scene.url, "GET", "/truth")


async def test_a_pod_says_that_it_ends(scene: Scene) -> None:
    scene.enter("checkout-1", host=12)
    await runner.ask(scene.url, "DELETE", "/roll/checkout-1")
    assert await runner.ask(scene.url, "GET", "/pods") == []
