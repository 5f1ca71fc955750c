"""The real server on a mesh of real programs: its answers about the walk, and the figures of Prometheus."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from demo import wait
from metrics_server.model import quantity
from tests import serving
from tests.dialects import stage as spoken
from tests.dialects import traffic
from tests.dialects.real import proxies, stage, walk
from tests.fakes import relay

_QUANTILES = {"p50_response_latency": 0.5, "p90_response_latency": 0.9, "p99_response_latency": 0.99}
_SETTLED = 1.0
"""Seconds after which no scrape is still being stored."""


@dataclasses.dataclass(frozen=True, slots=True)
class Reply:
    """A list of the API, by name, over one window that begins before the walk."""

    items: Mapping[str, Mapping[str, Any]]
    window: str
    at: float
    """The instant of the query to Prometheus."""

    @property
    def counts(self) -> Mapping[str, traffic.Truth | None]:
        """Return the counts of an item; None if it has no figures."""
        return {name: _counted(item) for name, item in self.items.items()}

    def latencies(self, name: str) -> Mapping[str, float]:
        """Return the latencies of an item in seconds; empty if it has none."""
        return {metric: value for metric, value in _figures(self.items[name]).items() if "latency" in metric}


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    mesh: stage.Mesh
    api: serving.Api
    between: relay.Relay
    begin: float
    """A time before the walk and after a scrape of every program: a series that appears later began later."""

    async def tell(self, path: str, **parameters: str) -> Reply:
        window = f"{math.ceil(time.time() - self.begin)}s"
        items = await self.api.items(f"/{path}", window=window, **parameters)
        named = {item["metadata"]["name"]: item for item in items}
        return Reply(named, window, self.between.asked[-1][1])

    async def quantiles(self, reply: Reply, series: str, *, scale: float) -> Mapping[str, float]:
        """Return the quantiles that Prometheus computes over the same window; `scale` converts to seconds."""
        found = {}
        for metric, quantile in _QUANTILES.items():
            passed = f"sum by (le) (increase({series}[{reply.window}]))"
            (row,) = await self.mesh.ask(f"histogram_quantile({quantile}, {passed})", at=reply.at)
            found[metric] = float(row["value"][1]) * scale
        return found


@contextlib.asynccontextmanager
async def running(
    kind: proxies.Proxies,
    folder: Path,
    *,
    place: proxies.Place,
    profile: str,
    happen: Callable[[], Awaitable[None]] | None = None,
    program: Path | None = None,
    job: Mapping[str, Any] | None = None,
) -> AsyncIterator[Asked]:
    """Run the server after a walk whose results were scraped. `happen` sends the walk; by default to apps."""
    async with stage.running(kind, folder, place=place, program=program, job=job) as mesh:
        await mesh.scraped()
        begin = time.time()
        for _ in range(walk.TIMES):
            await (happen() if happen is not None else walk.happen(place.doors))
            await mesh.scraped()
        end = time.time()
        options = {"profile": profile, "inventory": str(spoken.inventory(folder))}
        async with (
            relay.relay(mesh.url, behind=_SETTLED) as between,
            serving.server(folder, prometheus=between.url, options=options) as api,
        ):
            await wait.until(lambda: _is_past(end), what="a time that no scrape is stored in", within=10)
            yield Asked(mesh, api, between, begin)


async def _is_past(moment: float) -> bool:
    return time.time() - _SETTLED >= moment


async def by_name(
    stack: contextlib.AsyncExitStack, meshes: Mapping[str, contextlib.AbstractAsyncContextManager[Asked]]
) -> Mapping[str, Asked]:
    """Enter all meshes at the same time, as each mostly waits for its Prometheus, and return them by name."""
    entered = await asyncio.gather(*(stack.enter_async_context(mesh) for mesh in meshes.values()))
    return dict(zip(meshes, entered, strict=True))


def _counted(item: Mapping[str, Any]) -> traffic.Truth | None:
    found = _figures(item)
    if not found:
        return None
    return traffic.Truth(succeeded=round(found["success_count"], 6), failed=round(found["failure_count"], 6))


def _figures(item: Mapping[str, Any]) -> Mapping[str, float]:
    return {one["name"]: float(quantity.parse(one["value"])) for one in item["metrics"]}
