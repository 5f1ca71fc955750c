"""All cases at the same time, each with its own database and server, as most of a case is waiting.

The pods run steadily at first, then one of them restarts, and at last a part of a database is away.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import aiohttp

from demo import processes, wait
from metrics_server.collect import backend_clock, collector
from metrics_server.model import snapshot
from metrics_server.profiles import loading
from metrics_server.upstream import credentials, prometheus
from tests.backends import backend
from tests.cases.scrape import databases, pods, reading
from tests.metrics_server import recording

LAGS: Mapping[str, float] = {
    "late by a third": 0.33,
    "late by four thirds": 1.33,
    "late by eight thirds": 2.67,
}
"""Seconds by which samples with times of their own are late."""
WRITTEN_LATE = 2.0
"""Seconds by which remote writes are late."""
SKEWS = (20.0, 40.0, -20.0, -40.0, 600.0, -600.0, 86400.0, -86400.0)
"""Seconds by which this server's clock is ahead of Prometheus'."""
FIRST = 3 * databases.SLOW
"""Seconds: three scrapes of each pod."""
_EVERY = 0.8
"""Seconds between two reads."""
_APART = 0.1
"""Seconds between the first reads of two servers."""
_LOOKS = 4
"""Snapshots with each wrong clock."""
_BACK = 10.0
"""Seconds within which a database that is complete again is known to be."""
_STEADY, _AFTER, _AWAY = 15, 10, 12
"""Reads of steady pods, after a restart, and while a store is away."""


@dataclasses.dataclass(frozen=True, slots=True)
class Story:
    """What was read of one case."""

    steady: Sequence[reading.Read]
    restarted: Sequence[reading.Read]
    """From the restart of `cart-0` on."""
    jitter: float
    """Seconds by which the time of a scrape and that of its exposition differed more or less: a busy machine.
    """


@dataclasses.dataclass(frozen=True, slots=True)
class Lost:
    """What was read while a database lost the series of a pod, and after it had them again."""

    away: Sequence[reading.Read]
    back: reading.Read


@dataclasses.dataclass(frozen=True, slots=True)
class Taken:
    """A snapshot, and the true times between which it was taken, Unix seconds."""

    snapshot: snapshot.Snapshot
    begun: float
    ended: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """Everything that was read."""

    stories: Mapping[str, Story]
    """By case."""
    lost: Lost
    clusters: reading.Read
    """Of two clusters."""
    clocks: Mapping[float, Sequence[Taken]]
    """With a clock of the server that is so many seconds ahead."""


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """Where the programs of all cases run."""

    stack: contextlib.AsyncExitStack
    folder: Path
    subnet: str
    exporter: str
    """Host and port."""

    async def database(
        self, name: str, scrapes: Mapping[str, object], *, number: int, kind: backend.Backend
    ) -> str:
        """Start a database on an address of its own, and return its URL."""
        folder = self.folder / name.replace(" ", "-")
        folder.mkdir()
        host = f"{self.subnet}.{200 + number}"
        url, _ = await self.stack.enter_async_context(
            backend.running(kind, folder, host=host, scrapes=scrapes)
        )
        return url

    async def server(self, name: str, database: str) -> reading.Api:
        """Start a server when the database has samples: it looks for meshes once a minute."""
        await has_pods(database)
        state = self.folder / f"server-{name.replace(' ', '-')}"
        inventory = pods.inventory(self.folder / f"{state.name}.yaml")
        return await self.stack.enter_async_context(
            reading.serving(database, state=state, inventory=inventory)
        )


async def play(folder: Path, *, subnet: str) -> Played:
    """Return everything that was read."""
    async with contextlib.AsyncExitStack() as stack:
        exporter = await stack.enter_async_context(exporting(folder, host=f"{subnet}.199"))
        place = Place(stack, folder, subnet, exporter)
        mixed, receiver = f"{subnet}.200:9090", f"http://{subnet}.201:9090"
        delayed = await stack.enter_async_context(databases.delaying(receiver, seconds=WRITTEN_LATE))
        names = ("mixed intervals", "written late", "shared target", *LAGS, "clusters")
        configurations: list[Mapping[str, object]] = [
            databases.mixed(exporter, writes_to=delayed),
            {},
            databases.federating(mixed),
            *(
                {"scrape_configs": [databases.job("sidecars", exporter, every=databases.EVERY, late=lag)]}
                for lag in LAGS.values()
            ),
            {
                "scrape_configs": [
                    databases.job(name, exporter, every=databases.EVERY, labels={"cluster": name})
                    for name in ("eu", "us")
                ]
            },
        ]
        urls = await asyncio.gather(
            *(
                place.database(
                    name,
                    configuration,
                    number=number,
                    kind=databases.RECEIVER if name == "written late" else backend.PROMETHEUS,
                )
                for number, (name, configuration) in enumerate(zip(names, configurations, strict=True))
            )
        )
        found = dict(zip(names, urls, strict=True))
        losing = await stack.enter_async_context(databases.losing(found["mixed intervals"]))
        found["lost store"] = losing.url
        apis = dict(
            zip(
                found,
                await asyncio.gather(*(place.server(name, url) for name, url in found.items())),
                strict=True,
            )
        )
        await asyncio.sleep(FIRST)
        return await _read(apis, losing, found, exporter)


async def _read(
    apis: Mapping[str, reading.Api], losing: databases.Losing, found: Mapping[str, str], exporter: str
) -> Played:
    """Read everything. `found`: the URLs of the databases, by case."""
    watched = [name for name in apis if name not in ("clusters", "lost store")]
    steady = await asyncio.gather(
        *(
            apis[name].reads(_STEADY, every=_EVERY, after=number * _APART)
            for number, name in enumerate(watched)
        )
    )
    clusters = await apis["clusters"].read()
    lost = asyncio.create_task(_lose(apis["lost store"], losing))
    clocks = asyncio.create_task(_clocks(found["mixed intervals"]))
    async with aiohttp.ClientSession() as http, http.post(f"http://{exporter}/cart-0/restart") as answer:
        assert answer.status == 200
    restarted = await asyncio.gather(*(apis[name].reads(_AFTER, every=_EVERY) for name in watched))
    return Played(
        stories={
            name: Story(before, after, await jitter(found[name]))
            for name, before, after in zip(watched, steady, restarted, strict=True)
        },
        lost=await lost,
        clusters=clusters,
        clocks=await clocks,
    )


async def jitter(database: str) -> float:
    """Return by how many seconds scrapes were longer or shorter under way than others."""
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{database}/api/v1/query", data={"query": f"{pods.CLOCK}[2m]"}) as response,
    ):
        series = (await response.json())["data"]["result"]
    late = [float(value) - at for one in series for at, value in one["values"]]
    return max(late) - min(late) if late else 0.0


async def _lose(api: reading.Api, losing: databases.Losing) -> Lost:
    """Read, lose a pod of two and read until its samples would be out of every window, and have it again."""
    await api.reads(4, every=_EVERY)
    losing.lost = frozenset({"front-1"})
    away = await api.reads(_AWAY, every=_EVERY)
    losing.lost = frozenset()
    back = await api.read()
    deadline = time.monotonic() + _BACK
    while (back.refused or back.warned) and time.monotonic() < deadline:
        await asyncio.sleep(_EVERY)
        back = await api.read()
    return Lost(away, back)


async def _clocks(database: str) -> Mapping[float, Sequence[Taken]]:
    """Return what collectors with wrong clocks take."""
    found = await asyncio.gather(*(_with_clock(database, skew) for skew in SKEWS))
    return dict(zip(SKEWS, found, strict=True))


async def _with_clock(database: str, skew: float) -> Sequence[Taken]:
    (envoy,) = [mesh for mesh in loading.shipped() if mesh.name == "envoy"]
    client = prometheus.Prometheus(database, observer=_Unobserved(), presenting=lambda: credentials.NOTHING)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(client.close)
        clock = backend_clock.BackendClock(client, wall=lambda: time.time() + skew, uptime=time.monotonic)
        taker = collector.Collector(
            client, mesh=envoy, watcher=recording.Deaf(), clock=clock, stale_after=90.0
        )
        found = []
        for _ in range(_LOOKS):
            begun = time.time()
            taken = await taker.take(None, window=reading.WINDOW)
            assert taken is not None
            found.append(Taken(taken, begun, time.time()))
            await asyncio.sleep(2 * _EVERY)
        return found


class _Unobserved:
    """An observer of queries that keeps nothing."""

    def query_done(self, outcome: str, seconds: float) -> None: ...


@contextlib.asynccontextmanager
async def exporting(folder: Path, *, host: str) -> AsyncIterator[str]:
    """Expose the pods in a process of its own until the block is left; yield host and port."""
    command = [sys.executable, "-m", "tests.cases.scrape.exporter", host, "15090"]
    async with processes.family(folder) as family, aiohttp.ClientSession() as http:
        await family.start("exporter", command)
        await family.guard(wait.until_ok(http, f"http://{host}:15090/ready", what="the exporter", within=30))
        yield f"{host}:15090"


async def has_pods(database: str) -> None:
    """Wait until a database has each pod."""
    query = {"query": "count(count by (pod) (envoy_server_uptime))"}

    async def scraped() -> bool:
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{database}/api/v1/query", data=query) as response,
        ):
            found = (await response.json())["data"]["result"]
        return bool(found) and int(found[0]["value"][1]) == len(pods.PODS)

    await wait.until(scraped, what=f"all pods in {database}", within=40, pause=0.2)
