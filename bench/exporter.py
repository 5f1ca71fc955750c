"""`python -m bench.exporter HOST PORT PODS`: one small process that is a thousand Envoys to a scraper.

Each pod is a path, `/pods/NUMBER`, so one listener serves them all and Prometheus still has one target per
pod. `targets` says with which labels: those a scrape of Kubernetes pods with `labelmap` gives.
"""

import asyncio
import sys
import time
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from bench import pages, shape

SCRAPE_INTERVAL = 15
"""Seconds."""


def scrape_config(cluster: shape.Shape, *, address: tuple[str, int]) -> Mapping[str, Any]:
    """Return a configuration of Prometheus with a target for every pod."""
    target = f"{address[0]}:{address[1]}"
    static = [{"targets": [target], "labels": _labels(pod)} for pod in cluster.pods]
    every = f"{SCRAPE_INTERVAL}s"
    return {
        "global": {"scrape_interval": every, "scrape_timeout": "10s", "evaluation_interval": "1m"},
        "scrape_configs": [{"job_name": "envoy-stats", "static_configs": static}],
    }


def _labels(pod: shape.Pod) -> Mapping[str, str]:
    own = {name.replace("-", "_"): value for name, value in pod.labels.items()}
    place = {"namespace": pod.workload.namespace, "pod": pod.name, "node": pod.node, "container": "proxy"}
    third, fourth = divmod(pod.number, 250)
    instance = f"10.0.{third}.{fourth}:15090"
    return {**own, **place, "__metrics_path__": f"/pods/{pod.number}", "instance": instance}


async def serve(host: str, port: int, cluster: shape.Shape) -> None:
    """Serve until the process is ended."""
    all_pages = pages.Pages(cluster, started=time.time())

    async def page(request: web.Request) -> web.Response:
        body = all_pages.page(int(request.match_info["number"]), now=time.time())
        return web.Response(body=body, content_type="text/plain", charset="utf-8")

    async def ready(request: web.Request) -> web.Response:
        return web.Response(text="ok")

    application = web.Application()
    application.add_routes([web.get("/pods/{number:[0-9]+}", page), web.get("/ready", ready)])
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2]), shape.Shape(int(sys.argv[3]))))
