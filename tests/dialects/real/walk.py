"""Requests through two hops, with outcomes that the test chooses: a frontend calls a cart, which calls a db.

A path has the code of each hop: for `/404/503` the db answers 503, and then the cart answers 404. A slow hop
does not answer before its caller has given up; any other waits for one of `_PAUSES`.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
from collections.abc import AsyncIterator, Mapping

import aiohttp
from aiohttp import web

from tests.dialects import traffic

SLOW = "slow"
SLOW_PATH = f"/{SLOW}"
APP_PORT = 8080
TIMED_OUT = 504
"""What most proxies answer if the callee has not answered in time."""
_PAUSES = (0.0, 0.002, 0.005, 0.012, 0.03, 0.07)
"""Seconds, used in turn."""
_AT_ONCE = 20
_FOR_EVER = 3600.0


@dataclasses.dataclass(frozen=True, slots=True)
class Hop:
    caller: traffic.Workload
    callee: traffic.Workload
    answers: Mapping[str, int]
    """How many requests the callee answers with each code."""
    timeout: float
    """Seconds after which the caller's proxy gives up a slow request; it waits for all others."""

    @property
    def edge(self) -> str:
        """The name of the edge in the API."""
        where = "" if self.callee.namespace == self.caller.namespace else f"{self.callee.namespace}:"
        return f"{self.caller}:{where}{self.callee}"

    @property
    def seen_by_caller(self) -> traffic.Truth:
        """If a caller has given up, its proxy has failed the request."""
        return _reply(self.answers)

    @property
    def seen_by_callee(self) -> traffic.Truth:
        """If the caller has gone, the callee's proxy had no answer to count."""
        return self.answered

    @property
    def answered(self) -> traffic.Truth:
        """The requests that got an answer."""
        return _reply({answer: count for answer, count in self.answers.items() if answer != SLOW})


TIMES = 2
"""How often the walk is repeated. A series that a first request creates counts from the second time on."""
PATHS: Mapping[str, int] = {
    "/200/200": 120,
    "/200/404": 24,
    "/200/503": 18,
    "/200/slow": 6,
    "/404": 30,
    "/503": 15,
    "/slow": 7,
}
"""How many requests the frontend sends to each path of the cart."""


def _answers(place: int) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for path, count in PATHS.items():
        said = path.split("/")[1:]
        if place < len(said):
            found[said[place]] = found.get(said[place], 0) + count
    return found


HOPS = (
    Hop(traffic.FRONTEND, traffic.CART, _answers(0), timeout=2.0),
    Hop(traffic.CART, traffic.DB, _answers(1), timeout=0.5),
)
WORKLOADS = (traffic.FRONTEND, traffic.CART, traffic.DB)


def repeated(*, succeeded: int, failed: int) -> traffic.Truth:
    """The counts of all repetitions."""
    return traffic.Truth(succeeded=TIMES * succeeded, failed=TIMES * failed)


def _reply(answers: Mapping[str, int]) -> traffic.Truth:
    failed = sum(count for answer, count in answers.items() if answer == SLOW or answer.startswith("5"))
    return repeated(succeeded=sum(answers.values()) - failed, failed=failed)


@dataclasses.dataclass(frozen=True, slots=True)
class Doors:
    """The addresses of a workload's app, and of the proxy for its own calls."""

    app: tuple[str, int]
    outbound: str
    """The URL of the app's own proxy. `{name}` and `{namespace}` stand for the callee if the URL names it."""


@contextlib.asynccontextmanager
async def apps(doors: Mapping[traffic.Workload, Doors]) -> AsyncIterator[None]:
    """The apps of the callees."""
    async with contextlib.AsyncExitStack() as stack:
        http = await stack.enter_async_context(_session())
        for hop in HOPS:
            await stack.enter_async_context(_app(hop.callee, doors[hop.callee], http=http))
        yield


async def happen(doors: Mapping[traffic.Workload, Doors], *, late: int = TIMED_OUT) -> None:
    """Send every request, and check that the frontend gets the expected answers; `late` is what its proxy
    answers if the callee has not answered in time.
    """
    room = asyncio.Semaphore(_AT_ONCE)
    async with _session() as http:

        async def one(path: str) -> None:
            async with room:
                said = path.split("/")[1]
                code = await _ask(http, doors[traffic.FRONTEND].outbound, traffic.CART, path=path)
                assert code == (late if said == SLOW else int(said)), (path, code)

        await asyncio.gather(*(one(path) for path, count in PATHS.items() for _ in range(count)))


@contextlib.asynccontextmanager
async def _app(
    workload: traffic.Workload, doors: Doors, *, http: aiohttp.ClientSession
) -> AsyncIterator[None]:
    pauses = itertools.cycle(_PAUSES)

    async def answer(request: web.Request) -> web.Response:
        first, _, rest = request.path.removeprefix("/").partition("/")
        if not first.isdecimal() and first != SLOW:
            # A proxy requests this to learn the type of the app.
            raise web.HTTPNotFound
        if rest:
            await _ask(http, doors.outbound, traffic.DB, path=f"/{rest}")
        if first == SLOW:
            await asyncio.sleep(_FOR_EVER)
        await asyncio.sleep(next(pauses))
        return web.Response(status=int(first), text=workload.name)

    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    # With handler_cancellation a slow answer ends when its caller has gone.
    runner = web.AppRunner(
        application, access_log=None, handler_cancellation=True, keepalive_timeout=_FOR_EVER
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, *doors.app).start()
        yield
    finally:
        await runner.cleanup()


async def _ask(http: aiohttp.ClientSession, outbound: str, callee: traffic.Workload, *, path: str) -> int:
    host = f"{callee.name}.{callee.namespace}.svc.cluster.local"
    url = outbound.format(name=callee.name, namespace=callee.namespace) + path
    async with http.get(url, headers={"host": host}) as response:
        await response.read()
        return response.status


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
