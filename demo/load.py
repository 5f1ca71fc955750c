"""Load that no request in the mesh causes: users at the gateway, and workloads that start calls themselves.

Requests arrive independently of each other and of the responses (a Poisson process), as they do from many
users: a slow mesh gets the same number. Everything that starts here is counted until it is over, so that a
caller can wait until nothing is in flight.
"""

import asyncio
import collections
import random
import time
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from typing import Any

import aiohttp

from demo import apps, blueprint, placement, truth

_PRODUCTS = 40
_QUIET_POLL = 0.2
_HURRY = 8
"""Requests on demand that are under way at once."""


class Load:
    """`run` goes on until it is cancelled; requests on demand (`exactly`) come on top of it."""

    def __init__(
        self,
        entry_paths: Mapping[str, int],
        *,
        world: apps.World,
        rate: float,
        gateways: Iterator[placement.Pod],
        running: Sequence[apps.App],
    ) -> None:
        """Each request takes the next of the `gateways`; the apps with a beat send requests periodically."""
        self._entry_paths = entry_paths
        self._world = world
        self._rate = rate
        self._gateways = gateways
        self._beating = [app for app in running if app.pod.workload.beat]
        self._under_way: set[asyncio.Task[int]] = set()

    @property
    def in_flight(self) -> int:
        return len(self._under_way)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._arrivals())
            for app in self._beating:
                group.create_task(self._beats(app))

    async def settle(self) -> None:
        """Wait until nothing is in flight."""
        while self._under_way:
            await asyncio.wait(set(self._under_way))

    async def abandon(self) -> None:
        """Cancel all requests in flight."""
        for task in self._under_way:
            task.cancel()
        await self.settle()

    async def exactly(self, path: str, *, count: int, faults: Mapping[str, int]) -> dict[int, int]:
        """Send so many requests to the gateway; return their codes when all have ended."""
        turn = asyncio.Semaphore(_HURRY)

        async def one() -> int:
            async with turn:
                return await self._enter(path, faults=apps.write_faults(faults))

        tasks = [asyncio.create_task(one()) for _ in range(count)]
        for task in tasks:
            self._track(task)
        codes = await asyncio.gather(*tasks)
        return dict(collections.Counter(codes))

    async def _arrivals(self) -> None:
        dice = self._world.dice
        while True:
            rate = self._rate * self._world.dial.scenario.load
            if not rate:
                await asyncio.sleep(_QUIET_POLL)
                continue
            await asyncio.sleep(dice.expovariate(rate))
            # The scenario may be `quiet` by now, in which no request starts.
            if self._world.dial.scenario.load:
                self._launch(self._enter(_pick(self._entry_paths, dice)))

    async def _beats(self, app: apps.App) -> None:
        beat = app.pod.workload.beat or 0.0
        while True:
            scenario = self._world.dial.scenario
            await asyncio.sleep(self._world.dice.uniform(0.5, 1.5) * beat / scenario.beats)
            if self._world.dial.scenario.load:
                self._launch(app.answer("/"))

    def _launch(self, work: Coroutine[Any, Any, int]) -> None:
        self._track(asyncio.create_task(work))

    def _track(self, task: "asyncio.Task[int]") -> None:
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _enter(self, path: str, *, faults: str = "") -> int:
        """One request from outside, recorded twice: to the gateway, and from it to the frontend."""
        gateway = next(self._gateways)
        url = f"http://{gateway.address}:{placement.PUBLIC_PORT}{path}"
        headers = {apps.FAULTS_HEADER: faults} if faults else {}
        begin = time.perf_counter()
        try:
            async with self._world.session.get(url, headers=headers) as response:
                await response.read()
                code, peer = response.status, response.headers.get(apps.POD_HEADER, "")
        except aiohttp.ClientError:
            code, peer = truth.NO_ANSWER, ""
        seconds = time.perf_counter() - begin
        self._tell(None, gateway.workload.name, code=code, seconds=seconds, peer=gateway.name)
        if code != truth.NO_ANSWER:
            self._world.truth.received(gateway, code=code, seconds=seconds)
            (entry,) = gateway.workload.calls()
            self._tell(gateway, entry.service, code=code, seconds=seconds, peer=peer)
        return code

    def _tell(
        self, caller: placement.Pod | None, service: blueprint.Name, *, code: int, seconds: float, peer: str
    ) -> None:
        self._world.truth.sent(truth.Edge(caller, service, service), code=code, seconds=seconds, peer=peer)


def _pick(paths: Mapping[str, int], dice: random.Random) -> str:
    (path,) = dice.choices(list(paths), list(paths.values()))
    return path.replace("{id}", str(dice.randrange(_PRODUCTS)))
