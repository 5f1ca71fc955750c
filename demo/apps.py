"""The apps behind the sidecars, each on its pod's own address: all in one process, or each in a pod.

An app responds as its workload is configured: with its latency, its share of failures, and its calls through
its own sidecar, so every hop of a request passes two Envoys. Each call and each response is recorded in the
truth. A request may carry forced failures in `FAULTS_HEADER` (`payments=503,db=503`); apps pass them on, and
the named workload fails at once.
"""

import asyncio
import contextlib
import dataclasses
import random
import time
from collections.abc import Mapping

import aiohttp
from aiohttp import web

from demo import blueprint, placement, scenarios, truth

FAULTS_HEADER = "x-demo-faults"
POD_HEADER = "x-demo-pod"

_FAILED, _BAD_GATEWAY, _OK = 503, 502, 200
_FIRST_ERROR = 500
# Longer than the sidecars keep idle connections: an app never closes one under a request.
_KEEP_ALIVE = 3600.0


def session() -> aiohttp.ClientSession:
    """For all calls to sidecars, without a timeout: the sidecars limit the time of a request."""
    connector = aiohttp.TCPConnector(limit=0)
    return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None))


def parse_faults(header: str) -> dict[str, int]:
    pairs = (part.partition("=") for part in header.split(",") if part)
    return {name: int(code) for name, _, code in pairs}


def write_faults(faults: Mapping[str, int]) -> str:
    return ",".join(f"{name}={code}" for name, code in faults.items())


@dataclasses.dataclass(frozen=True, slots=True)
class World:
    """The objects that all apps share."""

    session: aiohttp.ClientSession
    truth: truth.Truth
    dial: scenarios.Dial
    dice: random.Random


class App:
    """The app of one pod."""

    def __init__(self, pod: placement.Pod, *, world: World) -> None:
        self._pod = pod
        self._world = world
        self._runner: web.AppRunner | None = None
        at_once = pod.workload.at_once
        self._work = asyncio.Semaphore(at_once) if at_once else contextlib.nullcontext()

    @property
    def pod(self) -> placement.Pod:
        return self._pod

    async def start(self) -> None:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._handle)
        # With handler_cancellation an app notices a closed connection of its caller, as after a timeout.
        self._runner = web.AppRunner(
            application, access_log=None, handler_cancellation=True, keepalive_timeout=_KEEP_ALIVE
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, self._pod.inside, blueprint.APP_PORT).start()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.Response:
        begin = time.perf_counter()
        code = truth.NO_ANSWER
        try:
            code = await self.answer(request.path, faults=request.headers.get(FAULTS_HEADER, ""))
        finally:
            self._world.truth.received(self._pod, code=code, seconds=time.perf_counter() - begin)
        return web.Response(
            status=code, headers={POD_HEADER: self._pod.name}, text=f"{self._pod.name}: {code}\n"
        )

    async def answer(self, path: str, *, faults: str = "") -> int:
        workload, world = self._pod.workload, self._world
        forced = parse_faults(faults).get(workload.name.name)
        if forced is not None:
            return forced
        if world.dice.random() < world.dial.failing(workload):
            return _FAILED
        slower = workload.slower.get(self._pod.ordinal, 1.0) * world.dial.slower(workload)
        async with self._work:
            await asyncio.sleep(workload.latency.draw(world.dice) * slower)
        for call in workload.answers.get(path.strip("/").partition("/")[0], ()):
            if world.dice.random() < call.chance:
                code = await self.call(call, faults=faults)
                if call.required and not truth.NO_ANSWER < code < _FIRST_ERROR:
                    return _BAD_GATEWAY
        return _OK

    async def call(self, call: blueprint.Call, *, faults: str) -> int:
        """The code the caller gets from its sidecar."""
        url = f"http://{self._pod.inside}:{placement.OUTBOUND_PORT}{call.path}"
        headers = {"host": f"{call.service.host}:{blueprint.APP_PORT}"}
        if faults:
            headers[FAULTS_HEADER] = faults
        begin = time.perf_counter()
        code, chosen, peer = truth.NO_ANSWER, call.service, ""
        try:
            async with self._world.session.get(url, headers=headers) as response:
                await response.read()
                code, peer = response.status, response.headers.get(POD_HEADER, "")
                chosen = chosen_service(response, asked=call.service)
        except aiohttp.ClientError:
            pass
        finally:
            # Also if this app's caller has closed the connection: its sidecar may have counted the answer.
            edge = truth.Edge(self._pod, call.service, chosen)
            self._world.truth.sent(edge, code=code, seconds=time.perf_counter() - begin, peer=peer)
        return code


def chosen_service(response: aiohttp.ClientResponse, *, asked: blueprint.Name) -> blueprint.Name:
    namespace, _, name = response.headers.get(blueprint.SERVICE_HEADER, "").partition("/")
    return blueprint.Name(namespace, name) if name else asked
