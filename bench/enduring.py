"""The place of an endurance run: a churning mesh, Prometheus behind a relay that fails, server and dashboard.

Everything listens on loopback addresses of a subnet of its own, and is ended by its own id.
"""

import asyncio
import contextlib
import dataclasses
import json
import random
import shutil
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import aiohttp
import yaml

from bench import churn, client, cold, oracle, polls, shape, site
from demo import ports, processes, prometheus, wait

WATCHED = ("server", "dashboard", "prometheus")
_FAILURES = ("stall", "500", "cut", "restart", "drip", "gone")
_LASTS = 7.0
"""Seconds of a failure."""
_BETWEEN = 25.0
"""Seconds, about, from one failure to the next."""
AFTER = 6.0
"""Seconds after a failure in which it may still cause a 503: a query that hangs is cancelled within 3 s."""
PATIENCE = 20.0
"""Seconds that the server waits for an answer of a Prometheus that is alive: its default."""
_REMEMBERED = 120.0
"""Seconds for which the inventory keeps a pod that is gone: the longest window, and more."""
_AHEAD = 15.0
"""Seconds before its first scrape that the inventory has a pod."""
_REWRITTEN = 5.0
_WITHIN = 90.0


@dataclasses.dataclass(kw_only=True)
class Place:
    """The running parts."""

    where: site.Where
    family: processes.Family
    http: aiohttp.ClientSession
    churning: churn.Churn
    knows: oracle.Oracle
    server: client.Server
    dashboard: str
    relay: str
    exporter: str
    store: list[str]
    """The command of Prometheus."""
    _failed: list[tuple[str, float, float]] = dataclasses.field(default_factory=list)
    _learnt: int = 0

    async def queries(self) -> float:
        """How many queries the server has sent."""
        return await polls.asked(self.server)

    async def learn(self) -> float:
        """Read the new scrapes; return the time until which all are known."""
        url = f"{self.exporter}/scrapes"
        async with self.http.get(url, params={"since": str(self._learnt)}) as answer:
            reply = await answer.json()
        self.knows.scraped((number, nth, at) for number, nth, at in reply["scrapes"])
        self._learnt += len(reply["scrapes"])
        return float(reply["now"])

    async def follow(self) -> None:
        """Keep the inventory of the pods that exist."""
        while True:
            now = time.time()
            await asyncio.to_thread(write_inventory, self.where, self.churning, now=now)
            await asyncio.sleep(_REWRITTEN)

    async def fail_now_and_then(self, dice: random.Random) -> None:
        """One failure after the other, each kind in its turn."""
        number = 0
        while True:
            await asyncio.sleep(_BETWEEN * dice.uniform(0.7, 1.3))
            kind = _FAILURES[number % len(_FAILURES)]
            number += 1
            begun = time.time()
            self._failed.append((kind, begun, float("inf")))
            await (self._restart() if kind == "restart" else self._misbehave(kind))
            self._failed[-1] = (kind, begun, time.time())

    async def _misbehave(self, kind: str) -> None:
        async with self.http.post(f"{self.relay}/behave/{kind}"):
            await asyncio.sleep(_LASTS)
        async with self.http.post(f"{self.relay}/behave/well"):
            pass

    async def _restart(self) -> None:
        begun = time.time()
        self.knows.down.append((begun - churn.SCRAPE_INTERVAL, float("inf")))
        await self.family.stop("prometheus")
        await self.family.start("prometheus", self.store)
        url = f"{self.where.prometheus_url}/-/ready"
        await wait.until_ok(self.http, url, what="Prometheus", within=_WITHIN)
        self.knows.down[-1] = (begun - churn.SCRAPE_INTERVAL, time.time() + 2 * churn.SCRAPE_INTERVAL)

    def failed(self, since: float, until: float, *, after: float = AFTER) -> bool:
        """Whether Prometheus failed at some time between two, or so many seconds before."""
        return any(begun <= until and since <= ended + after for _, begun, ended in self._failed)

    def failure_before(self, moment: float) -> str:
        """Return for a message the last failure that began before a time."""
        found = [
            f"{kind}, from {begun - moment:+.1f} s to {ended - moment:+.1f} s"
            for kind, begun, ended in self._failed
            if begun <= moment
        ]
        return found[-1] if found else "none"

    def failures(self) -> str:
        kinds = [kind for kind, _, _ in self._failed]
        return ", ".join(f"{kinds.count(kind)} × {kind}" for kind in dict.fromkeys(kinds)) or "none"

    async def warm(self) -> None:
        """Wait until every pod was scraped often enough to be judged, and the server answers."""
        follows = asyncio.create_task(self.follow())
        try:
            await asyncio.sleep(4 * churn.SCRAPE_INTERVAL)
            path = f"{cold.PATHS}/namespaces/{self.churning.cluster.namespaces[0]}/trafficmetrics"

            async def answers() -> bool:
                async with contextlib.aclosing(await client.Connection.open(self.server)) as connection:
                    return (await connection.get(path))[0] == 200

            await wait.until(answers, what="an answer with figures", within=2 * _WITHIN, pause=2.0)
        finally:
            await processes.cancelled(follows)
        await self.learn()


def write_inventory(where: site.Where, churning: churn.Churn, *, now: float) -> None:
    """Replace a file atomically, so that a reader sees the old or the new one."""
    places = range(len(churning.cluster.pods))
    lives = [life for n in places for life in churning.between(n, now - _REMEMBERED, now + _AHEAD)]
    fresh = where.inventory.with_suffix(".new")
    fresh.write_text(json.dumps(churning.inventory(lives)), encoding="utf-8")
    fresh.rename(where.inventory)


@contextlib.asynccontextmanager
async def running(
    where: site.Where, cluster: shape.Shape, *, lifetime: float, report: Callable[[str], None]
) -> AsyncIterator[Place]:
    """Start all of it; ended with the block. Raises demo.faults.DemoError."""
    program = prometheus.binary()
    relay, dashboard = (f"{where.subnet}.4", 9091), (f"{where.subnet}.5", 8050)
    ports.demand_free(
        (where.exporter, where.prometheus, where.server, relay, dashboard),
        advice="end it, or give another --subnet",
    )
    shutil.rmtree(where.folder, ignore_errors=True)
    where.folder.mkdir(parents=True)
    started = time.time()
    churning = churn.Churn(cluster, started=started, lifetime=lifetime)
    write_inventory(where, churning, now=started)
    exporter = "{}:{}".format(*where.exporter)
    config = yaml.safe_dump(_config(exporter))
    (where.folder / "prometheus.yml").write_text(config, encoding="utf-8")
    store = prometheus.command(program, folder=where.folder, listen=where.prometheus)
    async with processes.family(where.folder, grace=20.0) as family, aiohttp.ClientSession() as http:
        runs = _Runs(family, http)
        proxies = ["bench.churning", *map(str, where.exporter), str(cluster.pod_count), str(started)]
        await runs.module("exporter", *proxies, str(lifetime), ready=f"http://{exporter}/ready")
        await family.start("prometheus", store)
        await runs.module(
            *("relay", "bench.faulty", *map(str, relay), where.prometheus_url),
            ready=_url(relay) + "/ready",
        )
        report("waiting for some scrapes of everybody")
        server = await _serve(runs, where, relay=_url(relay))
        await runs.module(
            *("dashboard", "dashboard", f"--kubeconfig={where.folder / 'kubeconfig'}"),
            "--listen={}:{}".format(*dashboard),
            ready=_url(dashboard) + "/healthz",
        )
        yield Place(
            where=where,
            family=family,
            http=http,
            churning=churning,
            knows=oracle.Oracle(churning),
            server=server,
            dashboard=_url(dashboard),
            relay=_url(relay),
            exporter=f"http://{exporter}",
            store=store,
        )


def _url(address: tuple[str, int]) -> str:
    return "http://{}:{}".format(*address)


@dataclasses.dataclass(frozen=True, slots=True)
class _Runs:
    family: processes.Family
    http: aiohttp.ClientSession

    async def module(self, name: str, module: str, *options: str, ready: str) -> None:
        """Start a module as a program, and wait until it answers."""
        await self.family.start(name, [*site.MODULE, module, *options])
        await self.family.guard(wait.until_ok(self.http, ready, what=name, within=_WITHIN))


async def _serve(runs: _Runs, where: site.Where, *, relay: str) -> client.Server:
    state, (host, port) = where.folder / "server", where.server
    await runs.module(
        *("server", "metrics_server", "serve", "--autoscaling", f"--prometheus={relay}"),
        *(f"--inventory={where.inventory}", f"--state={state}", f"--listen={host}:{port}"),
        f"--kubeconfig={where.folder / 'kubeconfig'}",
        ready=f"https://{host}:{port}/readyz",
    )
    return client.Server(
        pid=runs.family.pid("server"),
        address=where.server,
        authority=state / "ca.crt",
        token=(state / "token").read_text("ascii").strip(),
    )


def _config(exporter: str) -> Mapping[str, Any]:
    every = f"{churn.SCRAPE_INTERVAL:g}s"
    found = {"url": f"http://{exporter}/targets", "refresh_interval": "5s"}
    return {
        "global": {"scrape_interval": every, "scrape_timeout": "8s", "evaluation_interval": "1m"},
        "scrape_configs": [{"job_name": "envoy-stats", "http_sd_configs": [found]}],
    }
