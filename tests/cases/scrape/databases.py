"""The databases of the cases, each with another way in which the samples arrive."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from aiohttp import web

from demo import prometheus
from tests.backends import backend
from tests.cases.scrape import pods
from tests.fakes import loopback

EVERY, SLOW = 1.0, 4.0
"""Seconds between two scrapes: of most pods, and of gateways where intervals are mixed."""
RECEIVER = backend.Backend(
    "receiver", lambda folder, listen: [*_command(folder, listen), "--web.enable-remote-write-receiver"]
)
"""A Prometheus to which another one writes."""


def _command(folder: Path, listen: tuple[str, int]) -> list[str]:
    return backend.PROMETHEUS.command(folder, listen)


def job(
    name: str,
    address: str,
    *,
    every: float,
    scraped: Sequence[pods.Pod] = pods.PODS,
    late: float = 0.0,
    labels: Mapping[str, str] | None = None,
) -> Mapping[str, Any]:
    """Return a scrape job. `address`: of the exporter. `late`: seconds by which samples are late. `labels`:
    further ones of its targets.
    """
    interval = prometheus.duration(every)
    return {
        "job_name": name,
        "scrape_interval": interval,
        "scrape_timeout": interval,
        "params": {"late": [f"{late:g}"]} if late else {},
        "static_configs": [
            {
                "targets": [address],
                "labels": {
                    **pod.labels,
                    **(labels or {}),
                    "instance": f"{pod.name}:15090",
                    "__metrics_path__": f"/{pod.name}/metrics",
                },
            }
            for pod in scraped
        ],
    }


def mixed(address: str, *, writes_to: str = "") -> Mapping[str, Any]:
    """Return the configuration of a Prometheus that scrapes gateways less often. `writes_to`: the base of a
    URL to which it sends its samples.
    """
    gateways = [pod for pod in pods.PODS if pod.workload == "gateway"]
    others = [pod for pod in pods.PODS if pod.workload != "gateway"]
    scrapes: dict[str, Any] = {
        "scrape_configs": [
            job("gateways", address, every=SLOW, scraped=gateways),
            job("sidecars", address, every=EVERY, scraped=others),
        ]
    }
    if writes_to:
        queue = {"batch_send_deadline": "100ms", "max_shards": 1, "min_shards": 1}
        scrapes["remote_write"] = [{"url": f"{writes_to}/api/v1/write", "queue_config": queue}]
    return scrapes


def federating(source: str) -> Mapping[str, Any]:
    """Return the configuration of a Prometheus with one target, another Prometheus, whose labels `job` and
    `instance` it does not keep. `source`: host and port.
    """
    interval = prometheus.duration(EVERY)
    return {
        "scrape_configs": [
            {
                "job_name": "federate",
                "scrape_interval": interval,
                "scrape_timeout": interval,
                "metrics_path": "/federate",
                "params": {"match[]": ['{__name__=~"envoy_.*"}']},
                "static_configs": [{"targets": [source]}],
            }
        ]
    }


@contextlib.asynccontextmanager
async def delaying(target: str, *, seconds: float) -> AsyncIterator[str]:
    """Pass remote writes on to `target` after so many seconds, until the block is left; yield the URL."""
    pending: asyncio.Queue[tuple[float, bytes, Mapping[str, str]]] = asyncio.Queue()
    now = asyncio.get_running_loop().time

    async def take(request: web.Request) -> web.Response:
        kept = ("Content-Encoding", "Content-Type", "X-Prometheus-Remote-Write-Version")
        headers = {name: request.headers[name] for name in kept if name in request.headers}
        pending.put_nowait((now() + seconds, await request.content.read(), headers))
        return web.Response(status=204)

    async def pass_on() -> None:
        async with aiohttp.ClientSession() as http:
            while True:
                due, body, headers = await pending.get()
                await asyncio.sleep(due - now())
                async with http.post(f"{target}/api/v1/write", data=body, headers=headers) as answer:
                    assert answer.status < 300, await answer.text()

    passing = asyncio.create_task(pass_on(), name="delayed writes")
    async with _served({"/api/v1/write": take}) as url:
        try:
            yield url
        finally:
            passing.cancel()
            await asyncio.gather(passing, return_exceptions=True)


@dataclasses.dataclass(slots=True)
class Losing:
    """A database that can lose the series of some pods, as one whose shard is away."""

    url: str = ""
    lost: frozenset[str] = frozenset()
    """The names of the pods whose series its answers lack."""


@contextlib.asynccontextmanager
async def losing(target: str) -> AsyncIterator[Losing]:
    """Pass queries on to `target`, until the block is left."""
    state = Losing()

    async def pass_on(request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        async with aiohttp.ClientSession() as http, http.post(target + request.path, data=form) as answer:
            body, status = await answer.read(), answer.status
        if state.lost and status == 200:
            content = orjson.loads(body)
            data = content["data"]
            data["result"] = [
                one for one in data["result"] if one.get("metric", {}).get("pod") not in state.lost
            ]
            body = orjson.dumps(content)
        return web.Response(status=status, body=body, content_type="application/json")

    async with _served({"/api/v1/query": pass_on}) as state.url:
        yield state


@contextlib.asynccontextmanager
async def _served(routes: Mapping[str, Any]) -> AsyncIterator[str]:
    """Serve POST requests on loopback; yield the URL."""
    application = web.Application(client_max_size=1 << 26)
    for path, handler in routes.items():
        application.router.add_post(path, handler)
    async with loopback.serving(application) as address:
        yield f"http://{address}"
