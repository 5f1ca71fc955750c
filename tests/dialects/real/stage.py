"""The two hops with a mesh's proxy next to each app, and a real Prometheus that scrapes the proxies."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp

from demo import processes, prometheus, wait
from tests.dialects.real import proxies, walk

_EVERY = 0.5
"""Seconds between two scrapes."""
_PORT = 9090
_READY_WITHIN = 60.0
JOB = "envoy-stats"


@dataclasses.dataclass(frozen=True, slots=True)
class Mesh:
    place: proxies.Place
    url: str
    """The URL of Prometheus."""
    http: aiohttp.ClientSession

    async def ask(self, query: str, *, at: float | None = None) -> list[dict[str, Any]]:
        """Return the answer of Prometheus to a query, at an instant or now."""
        parameters = {"query": query} | ({} if at is None else {"time": str(at)})
        async with self.http.get(f"{self.url}/api/v1/query", params=parameters) as response:
            answer = await response.json()
        assert answer["status"] == "success", answer
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    async def count(self, query: str) -> float:
        rows = await self.ask(query)
        return float(rows[0]["value"][1]) if rows else 0.0

    async def scraped(self) -> None:
        """Wait until every proxy was scraped twice more: the second scrape begins after now."""
        before = await self._scrapes()

        async def twice() -> bool:
            scrapes = await self._scrapes()
            more = [count >= before.get(instance, 0) + 2 for instance, count in scrapes.items()]
            return len(more) == len(walk.WORKLOADS) and all(more)

        await wait.until(twice, what="two scrapes of every proxy", within=_READY_WITHIN)

    async def _scrapes(self) -> Mapping[str, float]:
        """How often each proxy was scraped with success."""
        rows = await self.ask(f'sum_over_time(up{{job="{JOB}"}}[10m])')
        return {row["metric"]["instance"]: float(row["value"][1]) for row in rows}


@contextlib.asynccontextmanager
async def running(
    kind: proxies.Proxies,
    folder: Path,
    *,
    place: proxies.Place,
    program: Path | None = None,
    job: Mapping[str, Any] | None = None,
) -> AsyncIterator[Mesh]:
    """Run the mesh until the block is left, with all proxies scraped. `program` is the Prometheus, if not the
    usual one; `job` is added to its scrape job.
    """
    async with (
        contextlib.nullcontext() if kind.are_apps else walk.apps(place.doors),
        processes.family(folder) as family,
        aiohttp.ClientSession() as http,
    ):
        if kind.beside is not None:
            await family.start("beside", kind.beside.command)
            await family.guard(_ready(http, kind.beside.url, what="what the proxies need"))
        for workload in walk.WORKLOADS:
            config = folder / f"{workload.name}.json"
            config.write_text(json.dumps(kind.config(workload, place.hosts), indent=1))
            await family.start(workload.name, kind.command(config))
        scrape = {**_job(kind, place), **(job or {})}
        (folder / "prometheus.yml").write_text(json.dumps({"scrape_configs": [scrape]}))
        listen = (place.prometheus, _PORT)
        command = prometheus.command(program or prometheus.binary(), folder=folder, listen=listen)
        await family.start("prometheus", command)
        mesh = Mesh(place, f"http://{place.prometheus}:{_PORT}", http)
        await family.guard(_ready(http, f"{mesh.url}/-/ready", what="Prometheus"))
        await family.guard(mesh.scraped())
        yield mesh


async def _ready(http: aiohttp.ClientSession, url: str, *, what: str) -> None:
    await wait.until_ok(http, url, what=what, within=_READY_WITHIN)


def _job(kind: proxies.Proxies, place: proxies.Place) -> dict[str, Any]:
    interval = prometheus.duration(_EVERY)
    return {
        "job_name": JOB,
        "metrics_path": kind.path,
        "scrape_interval": interval,
        "scrape_timeout": interval,
        "static_configs": [
            {
                "targets": [f"{place.hosts[workload]}:{kind.port(workload)}"],
                "labels": {
                    "namespace": workload.namespace,
                    "pod": workload.pods[0],
                    **kind.labels(workload),
                },
            }
            for workload in walk.WORKLOADS
        ],
    }
