"""The two hops with an Envoy beside each app, worded as a mesh has them, and a real Prometheus."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp

from demo import processes, prometheus, sidecars, wait
from tests.dialects import traffic
from tests.dialects.real import envoys, walk, wordings

_EVERY = 0.5
"""Seconds between two scrapes."""
_PORT = 9090
_READY_WITHIN = 60.0
JOB = "envoy-stats"


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """The addresses of one mesh: five in a row, on loopback."""

    subnet: str
    first: int

    @property
    def prometheus(self) -> str:
        return f"{self.subnet}.{self.first}"

    @property
    def hosts(self) -> Mapping[traffic.Workload, str]:
        return {
            workload: f"{self.subnet}.{self.first + number}"
            for number, workload in enumerate(walk.WORKLOADS, start=1)
        }

    @property
    def doors(self) -> Mapping[traffic.Workload, walk.Doors]:
        return {
            workload: walk.Doors((host, walk.APP_PORT), f"http://{host}:{envoys.OUTBOUND_PORT}")
            for workload, host in self.hosts.items()
        }


@dataclasses.dataclass(frozen=True, slots=True)
class Mesh:
    wording: wordings.Wording
    place: Place
    url: str
    """Of Prometheus."""
    http: aiohttp.ClientSession

    async def ask(self, query: str, *, at: float | None = None) -> list[dict[str, Any]]:
        """What Prometheus answers to a query, at an instant or now."""
        parameters = {"query": query} | ({} if at is None else {"time": str(at)})
        async with self.http.get(f"{self.url}/api/v1/query", params=parameters) as response:
            answer = await response.json()
        assert answer["status"] == "success", answer
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    async def count(self, query: str) -> float:
        rows = await self.ask(query)
        return float(rows[0]["value"][1]) if rows else 0.0

    async def exposed(self, workload: traffic.Workload) -> str:
        """What a workload's proxy tells a scrape."""
        host = self.place.hosts[workload]
        async with self.http.get(f"http://{host}:{envoys.METRICS_PORT}/stats/prometheus") as response:
            return await response.text()

    async def scraped(self) -> None:
        """Until every proxy was scraped twice more than now."""
        before = await self.count(_SCRAPES)

        async def twice() -> bool:
            return await self.count(_SCRAPES) >= before + 2

        await wait.until(twice, what="two scrapes of every proxy", within=_READY_WITHIN)


_SCRAPES = (
    f'min(count_over_time(up{{job="{JOB}"}}[10m])) and count(up{{job="{JOB}"}} == 1) == {len(walk.WORKLOADS)}'
)


@contextlib.asynccontextmanager
async def running(
    wording: wordings.Wording,
    folder: Path,
    *,
    place: Place,
    program: Path | None = None,
    job: Mapping[str, Any] | None = None,
) -> AsyncIterator[Mesh]:
    """Until the block is left, with all proxies scraped. `program` is the Prometheus, if it is not the usual one;
    `job` is what its job says besides.
    """
    async with (
        walk.apps(place.doors),
        processes.family(folder) as family,
        aiohttp.ClientSession() as http,
    ):
        for workload in walk.WORKLOADS:
            config = folder / f"{workload.name}.json"
            config.write_text(json.dumps(envoys.bootstrap(workload, wording, hosts=place.hosts), indent=1))
            await family.start(workload.name, sidecars.command(config, program=str(sidecars.binary())))
        (folder / "prometheus.yml").write_text(
            json.dumps({"scrape_configs": [{**_job(wording, place), **(job or {})}]})
        )
        listen = (place.prometheus, _PORT)
        command = prometheus.command(program or prometheus.binary(), folder=folder, listen=listen)
        await family.start("prometheus", command)
        url = f"http://{place.prometheus}:{_PORT}"
        ready = [f"{url}/-/ready", *(f"http://{h}:{envoys.ADMIN_PORT}/ready" for h in place.hosts.values())]
        await family.guard(_until_ok(http, ready))
        mesh = Mesh(wording, place, url, http)
        await family.guard(mesh.scraped())
        yield mesh


async def _until_ok(http: aiohttp.ClientSession, urls: list[str]) -> None:
    await asyncio.gather(*(wait.until_ok(http, url, what=url, within=_READY_WITHIN) for url in urls))


def _job(wording: wordings.Wording, place: Place) -> dict[str, Any]:
    interval = prometheus.duration(_EVERY)
    return {
        "job_name": JOB,
        "metrics_path": "/stats/prometheus",
        "scrape_interval": interval,
        "scrape_timeout": interval,
        "static_configs": [
            {
                "targets": [f"{place.hosts[workload]}:{envoys.METRICS_PORT}"],
                "labels": {
                    "namespace": workload.namespace,
                    "pod": workload.pods[0],
                    **wording.scraped(workload),
                },
            }
            for workload in walk.WORKLOADS
        ],
    }
