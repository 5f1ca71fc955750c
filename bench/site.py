"""What is measured, running: the exporter, a real Prometheus that scrapes it live, and the API server.

Prometheus scrapes live, because a query of recent samples has other costs than one of stored blocks.
Everything listens on loopback addresses of a subnet of its own, and is ended by its own id at the end of the
block.
"""

import contextlib
import dataclasses
import json
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import click
import yaml

from bench import client, exporter, shape
from demo import ports, processes, prometheus, wait

SCRAPES = 7
"""Scrapes of every pod before a measurement starts: the longest range of a query spans five."""
_FILLED_WITHIN = 300.0
_STARTED_WITHIN = 60.0
_PAUSE = 2.0
MODULE = (sys.executable, "-m")


_Command = TypeVar("_Command", bound=Callable[..., Any] | click.Command)


def subnet(default: str) -> Callable[[_Command], _Command]:
    """An option of commands; each has a default of its own, so that two can measure side by side."""
    about = "The first three numbers of the loopback addresses to use."
    return click.option("--subnet", default=default, show_default=True, help=about)


@dataclasses.dataclass(frozen=True, slots=True)
class Where:
    """Addresses and folder of a sitting."""

    folder: Path
    subnet: str
    """The first three numbers of its loopback addresses."""

    @property
    def exporter(self) -> tuple[str, int]:
        return f"{self.subnet}.1", 15090

    @property
    def prometheus(self) -> tuple[str, int]:
        return f"{self.subnet}.2", 9090

    @property
    def server(self) -> tuple[str, int]:
        return f"{self.subnet}.3", 8443

    @property
    def prometheus_url(self) -> str:
        return f"http://{self.prometheus[0]}:{self.prometheus[1]}"

    @property
    def inventory(self) -> Path:
        return self.folder / "inventory.json"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The exporter and Prometheus run; a server can be started, one at a time."""

    where: Where
    cluster: shape.Shape
    family: processes.Family
    http: aiohttp.ClientSession

    @property
    def prometheus_pid(self) -> int:
        return self.family.pid("prometheus")

    @contextlib.asynccontextmanager
    async def server(self, *, refresh: float) -> AsyncIterator[client.Server]:
        """Run the API server, which serves a snapshot for `refresh` seconds."""
        state, (host, port) = self.where.folder / "server", self.where.server
        command = [
            *(*MODULE, "metrics_server", "serve", "--prometheus", self.where.prometheus_url),
            *("--inventory", str(self.where.inventory), "--state", str(state)),
            *("--listen", f"{host}:{port}", "--refresh", str(refresh)),
        ]
        await self.family.start("server", command)
        try:
            ready = wait.until_ok(
                self.http, f"https://{host}:{port}/readyz", what="the server", within=_STARTED_WITHIN
            )
            await self.family.guard(ready)
            yield client.Server(
                pid=self.family.pid("server"),
                address=self.where.server,
                authority=state / "ca.crt",
                token=(state / "token").read_text("ascii").strip(),
            )
        finally:
            if self.family.runs("server"):
                await self.family.stop("server")


@contextlib.asynccontextmanager
async def running(
    where: Where, cluster: shape.Shape, *, report: Callable[[str], None], mesh: str = "envoy"
) -> AsyncIterator[Site]:
    """Start the exporter and Prometheus, and wait until enough was scraped. Raises demo.faults.DemoError."""
    program = prometheus.binary()
    addresses = (where.exporter, where.prometheus, where.server)
    ports.demand_free(addresses, advice="end it, or give another --subnet")
    _prepare(where, cluster, mesh)
    host, port = where.exporter
    proxies = [*MODULE, "bench.exporter", host, str(port), str(cluster.pod_count), mesh]
    async with processes.family(where.folder) as family, aiohttp.ClientSession() as http:
        await family.start("exporter", proxies)
        await family.guard(_ready(http, f"http://{host}:{port}/ready", "the exporter"))
        store = prometheus.command(program, folder=where.folder, listen=where.prometheus)
        await family.start("prometheus", store)
        await family.guard(_ready(http, f"{where.prometheus_url}/-/ready", "Prometheus"))
        wanted = f"{SCRAPES} scrapes of each of {cluster.pod_count} pods"
        report(f"waiting for {wanted}, one every {exporter.SCRAPE_INTERVAL} s")
        targets = exporter.target_count(mesh, cluster)
        await family.guard(_filled(http, where, targets, what=f"a Prometheus with {wanted}"))
        yield Site(where=where, cluster=cluster, family=family, http=http)


def _prepare(where: Where, cluster: shape.Shape, mesh: str) -> None:
    """The data of an earlier sitting is deleted, because its counters no longer exist."""
    shutil.rmtree(where.folder, ignore_errors=True)
    where.folder.mkdir(parents=True)
    where.inventory.write_text(json.dumps(shape.inventory(cluster)), encoding="utf-8")
    config = exporter.scrape_config(cluster, address=where.exporter, mesh=mesh)
    dumped = yaml.dump(config, Dumper=yaml.CSafeDumper, sort_keys=False)
    (where.folder / "prometheus.yml").write_text(dumped, encoding="utf-8")


async def _ready(http: aiohttp.ClientSession, url: str, what: str) -> None:
    await wait.until_ok(http, url, what=what, within=_STARTED_WITHIN)


async def _filled(http: aiohttp.ClientSession, where: Where, targets: int, *, what: str) -> None:
    query = f"count(sum_over_time(up[10m]) >= {SCRAPES})"

    async def is_filled() -> bool:
        async with http.get(f"{where.prometheus_url}/api/v1/query", params={"query": query}) as response:
            answer = await response.json() if response.status == 200 else {}
        rows = answer.get("data", {}).get("result", [])
        return bool(rows) and int(rows[0]["value"][1]) == targets

    await wait.until(is_filled, what=what, within=_FILLED_WITHIN, pause=_PAUSE)
