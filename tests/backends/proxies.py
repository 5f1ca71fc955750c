"""Simulated Envoys on loopback: a test chooses and changes what each of them exposes."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from aiohttp import web

from demo import prometheus, wait
from tests.backends import backend
from tests.dialects import exposition
from tests.fakes import loopback

EVERY = 0.5
"""Seconds between two scrapes."""
_OLD = 3600.0
_BOUNDS = (1.0, 10.0, 100.0)


@dataclasses.dataclass(slots=True)
class Proxy:
    """A proxy that calls one service."""

    pod: str
    there: bool = True
    began: float = dataclasses.field(default_factory=lambda: time.time() - _OLD)
    succeeded: int = 0
    failed: int = 0
    milliseconds: Sequence[float] = ()
    """The known durations of calls."""

    def samples(self) -> list[exposition.Sample]:
        """A counter appears with its first request."""
        cluster = {"envoy_cluster_name": f"outbound|8080||to-{self.pod}.shop.svc.cluster.local"}
        reply = [exposition.Sample("envoy_server_uptime", {}, int(time.time() - self.began))]
        for outcome, count in (("2", self.succeeded), ("5", self.failed)):
            if count:
                labels = {**cluster, "envoy_response_code_class": outcome}
                reply.append(exposition.Sample("envoy_cluster_upstream_rq_xx", labels, count))
        if self.milliseconds:
            name = "envoy_cluster_upstream_rq_time"
            reply += exposition.histogram(name, cluster, self.milliseconds, bounds=_BOUNDS)
        return reply


@dataclasses.dataclass(slots=True)
class Proxies:
    known: Mapping[str, Proxy]
    url: str = ""
    """The URL of the database that scrapes them."""
    asked: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)

    def __getitem__(self, pod: str) -> Proxy:
        return self.known[pod]

    async def scraped(self, *, times: int = 2) -> None:
        """Wait until each was scraped this many times from now on: then the last scrape but one is over."""
        self.asked.clear()

        async def often() -> bool:
            return all(self.asked[pod] >= times for pod in self.known)

        await wait.until(often, what="scrapes of every proxy", within=60)

    async def arrived(self) -> None:
        """Wait until the database returns all that was scraped until now."""
        await backend.tells(self.url, of=len(self.known), since=time.time())

    async def expose(self, request: web.Request) -> web.Response:
        proxy = self.known[request.match_info["pod"]]
        self.asked[proxy.pod] += 1
        if not proxy.there:
            raise web.HTTPServiceUnavailable
        return web.Response(text=exposition.text(proxy.samples()))

    def scrapes(self, address: str) -> Mapping[str, Any]:
        """The configuration of a database that scrapes them."""
        interval = prometheus.duration(EVERY)
        static = [
            {
                "targets": [address],
                "labels": {
                    "namespace": "shop",
                    "pod": pod,
                    "instance": pod,
                    "__metrics_path__": f"/{pod}/metrics",
                },
            }
            for pod in self.known
        ]
        job = {"job_name": "envoy", "static_configs": static}
        return {"scrape_configs": [{**job, "scrape_interval": interval, "scrape_timeout": interval}]}


@contextlib.asynccontextmanager
async def serving(proxies: Proxies) -> AsyncIterator[str]:
    """Serve them until the block is left; yield their address."""
    application = web.Application()
    application.router.add_get("/{pod}/metrics", proxies.expose)
    async with loopback.serving(application) as address:
        yield address
