"""`python -m bench.exporter HOST PORT PODS MESH`: one small process that is a thousand proxies to a scraper.

Each pod is a path, `/pods/NUMBER`, so one listener serves them all and Prometheus still has one target per
pod; with Hubble each node is a path. The `targets` have the labels of a scrape of Kubernetes pods with
`labelmap`.
"""

import asyncio
import sys
import time
from collections.abc import Mapping
from typing import Any, Protocol

from aiohttp import web

from bench import other_meshes, pages, shape

SCRAPE_INTERVAL = 15
"""Seconds."""
MESHES = ("envoy", "istio", "hubble")


class Exposed(Protocol):
    """What is scraped."""

    def page(self, number: int, *, now: float) -> bytes: ...


def exposed(mesh: str, cluster: shape.Shape, *, started: float) -> Exposed:
    """Return the pages of a mesh; `started` in Unix seconds."""
    if mesh == "envoy":
        return pages.Pages(cluster, started=started)
    return (other_meshes.Hubble if mesh == "hubble" else other_meshes.Istio)(cluster, started=started)


def target_count(mesh: str, cluster: shape.Shape) -> int:
    return shape.NODES if mesh == "hubble" else len(cluster.pods)


def scrape_config(
    cluster: shape.Shape, *, address: tuple[str, int], mesh: str = "envoy"
) -> Mapping[str, Any]:
    """Return a configuration of Prometheus with a target for every pod, or node."""
    target = f"{address[0]}:{address[1]}"
    pods = cluster.pods[: target_count(mesh, cluster)]
    labels = map(_of_node if mesh == "hubble" else _labels, pods)
    static = [{"targets": [target], "labels": each} for each in labels]
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


def _of_node(pod: shape.Pod) -> Mapping[str, str]:
    """The labels of the agent on a pod's node."""
    place = {"__metrics_path__": f"/pods/{pod.number}", "instance": f"{pod.node}:9965", "node": pod.node}
    return {**place, "namespace": "kube-system", "pod": f"cilium-{pod.number}", "k8s_app": "cilium"}


async def serve(host: str, port: int, cluster: shape.Shape, mesh: str) -> None:
    """Serve until the process is ended."""
    all_pages = exposed(mesh, cluster, started=time.time())

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
    asyncio.run(serve(sys.argv[1], int(sys.argv[2]), shape.Shape(int(sys.argv[3])), sys.argv[4]))
