"""All dialects at the same time, each with its Prometheus and its server: a play mostly waits."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from metrics_server.model import quantity
from metrics_server.profiles import loading
from tests import serving
from tests.backends import backend
from tests.dialects import stage, writers

ALONE = "/namespaces/data/trafficedges"
_AT_ONCE = 4
"""How many plays run at the same time: with more, all of them wait for the processors."""
_OPTIONS = {
    # One snapshot for all questions: the traffic stays in its window.
    "refresh": "600",
    "stale-after": "600",
    "window": "60",
    "autoscaling": "",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """What the server answers about the traffic of a dialect."""

    dialect: writers.Dialect
    api: serving.Api
    store: backend.Backend
    url: str
    """The URL of the database."""
    alone: Mapping[str, Mapping[str, Any]]
    """The edges of namespace `data`, read first, while Prometheus was queried for this namespace alone."""

    async def items(self, path: str, **parameters: str) -> dict[str, dict[str, Any]]:
        found = await self.api.items(f"/{path}", **parameters)
        return {item["metadata"]["name"]: item for item in found}

    async def quantile(self, timed: writers.Histogram, quantile: float, *, at: str) -> float:
        """Return the quantile that Prometheus computes of what `db` received, in the dialect's time unit."""
        picked = ",".join(f'{label}="{value}"' for label, value in (timed.received or {}).items())
        reply = f"sum by (le) (increase({timed.name}_bucket{{{picked}}}[{_OPTIONS['window']}s]))"
        query = {"query": f"histogram_quantile({quantile}, {reply})", "time": at}
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"{self.url}/api/v1/query", params=query) as response,
        ):
            answer = await response.json()
        (row,) = answer["data"]["result"]
        return float(row["value"][1])


@dataclasses.dataclass(frozen=True, slots=True)
class Play:
    """A dialect, and the database that stores its metrics."""

    dialect: writers.Dialect
    store: backend.Backend = backend.PROMETHEUS

    @property
    def name(self) -> str:
        elsewhere = "" if self.store is backend.PROMETHEUS else f"-{self.store.name}"
        return self.dialect.name + elsewhere


Plays = Mapping[str, "asyncio.Future[Asked]"]


@contextlib.asynccontextmanager
async def plays(chosen: Sequence[Play], folder: Path, *, subnet: str) -> AsyncIterator[Plays]:
    """Yield each play by its name, to be awaited."""
    folders = {play.name: folder / play.name for play in chosen}
    for each in folders.values():
        each.mkdir()
    begun = [(play, asyncio.get_running_loop().create_future()) for play in chosen]
    turn, over = asyncio.Semaphore(_AT_ONCE), asyncio.Event()
    running = [
        asyncio.create_task(
            _play(play, future, folders[play.name], f"{subnet}.{200 + number}", turn=turn, over=over)
        )
        for number, (play, future) in enumerate(begun)
    ]
    try:
        yield {play.name: future for play, future in begun}
    finally:
        over.set()
        await asyncio.wait(running)


async def _play(
    play: Play,
    begun: asyncio.Future[Asked],
    folder: Path,
    host: str,
    *,
    turn: asyncio.Semaphore,
    over: asyncio.Event,
) -> None:
    """Run a play to its end; an error is raised in the tests that wait for this play."""
    try:
        async with contextlib.AsyncExitStack() as stack:
            async with turn:
                begun.set_result(await _begun(stack, play, folder, host))
            await over.wait()
    except Exception as error:
        if begun.done():
            raise
        begun.set_exception(error)


async def _begun(stack: contextlib.AsyncExitStack, play: Play, folder: Path, host: str) -> Asked:
    mesh = await stack.enter_async_context(stage.running(play.dialect, folder, host=host, store=play.store))
    mesh.happen()
    await mesh.scraped()
    await mesh.reported()
    options = {"inventory": str(stage.inventory(folder)), "profile": _chosen(play.dialect), **_OPTIONS}
    api = await stack.enter_async_context(serving.server(folder, prometheus=mesh.url, options=options))
    alone = {item["metadata"]["name"]: item for item in await api.items(ALONE)}
    await api.items("/namespaces")
    return Asked(play.dialect, api, play.store, mesh.url, alone)


def _chosen(dialect: writers.Dialect) -> str:
    """Return the settings that choose a mesh: none where the server can detect the mesh."""
    (mesh,) = (one for one in loading.shipped() if one.name == dialect.profile)
    return "auto" if mesh.auto else mesh.name


def figures(item: Mapping[str, Any]) -> dict[str, float]:
    """Return the known numbers of an item by their names."""
    return {one["name"]: float(quantity.parse(one["value"])) for one in item["metrics"]}
