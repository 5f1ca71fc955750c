"""From `kubectl apply` to the first true answer, in a cluster with a node, and what the pod then holds.

The image is on the node and the demo mesh runs, with its Prometheus, before our manifests are applied. A true
answer is one that has counted requests, read through the kube-apiserver by a user who may view.
"""

import asyncio
import statistics
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from bench import cold, crowd, joined, report, usage
from demo import faults, wait
from tests.cluster import cluster, control_plane, registration
from tests.installed import demo, images, insides, manifests, reading
from tests.installed import site as sites

_LIST = "/namespaces/shop/trafficmetrics"
_WITHIN = 120.0
_SETTLED = 15.0
"""Seconds without a read: longer than a refresh and than the probes' period."""


async def measure(
    running: cluster.Cluster,
    *,
    scratch: Path,
    rounds: int,
    clients: int,
    show: Callable[[report.Table], None],
    say: Callable[[str], None],
) -> None:
    """Show the tables as they come. Raises demo.faults.DemoError."""
    for image in images.OURS:
        await running.import_image(await images.archive(image, report=say))
    place = sites.Site(ground=running, scratch=scratch)
    say("installing the server and the demo mesh")
    async with (
        demo.running(place, scratch=scratch),
        reading.reader(place, namespace=registration.NAMESPACE) as reader,
    ):
        bare = manifests.overlay(scratch / "bare", settings={"TRAFFIC_PROMETHEUS": demo.PROMETHEUS})
        show(await _installed(place, reader, folder=bare, rounds=rounds, say=say))
        token = await joined.reader(running, scratch=scratch)
        await _crowded(running, token=token, clients=clients, show=show, say=say)


async def _installed(
    place: sites.Site, reader: reading.Reader, *, folder: Path, rounds: int, say: Callable[[str], None]
) -> report.Table:
    took: dict[str, list[float]] = {}
    for number in range(rounds):
        say(f"removing and installing the server, {number + 1} of {rounds}")
        await place.kubectl("delete", "--ignore-not-found", "--wait", f"--kustomize={folder}")
        for name, seconds in (await _install(place, reader, folder=folder)).items():
            took.setdefault(name, []).append(seconds)
    rows: dict[str, report.Cells] = {
        name: {"median s": statistics.median(seconds), "most s": max(seconds)}
        for name, seconds in took.items()
    }
    return report.Table(
        name="Installing",
        about=f"seconds from the start of `kubectl apply`; {rounds} times; the image is there",
        rows=rows,
        compared="median s",
    )


async def _install(place: sites.Site, reader: reading.Reader, *, folder: Path) -> dict[str, float]:
    begun = time.monotonic()

    async def after(work: Coroutine[Any, Any, Any]) -> float:
        await work
        return time.monotonic() - begun

    applied = await after(place.kubectl("apply", f"--kustomize={folder}"))
    available = ("wait", "--for=condition=Available", f"--timeout={_WITHIN:g}s")
    names = ("pod Ready", "APIService Available", "first true answer")
    times = await asyncio.gather(
        after(place.kubectl(*available, "deployment/trafficmetrics", "--namespace=trafficmetrics")),
        after(place.kubectl(*available, f"apiservice/{sites.API_SERVICE}")),
        after(_true(reader)),
    )
    return {"applied": applied, **dict(zip(names, times, strict=True))}


async def _true(reader: reading.Reader) -> None:
    async def counts() -> bool:
        answer = await reader.get(_LIST)
        return answer.status == 200 and any(map(_has_counted, answer.items))

    await wait.until(counts, what="a true answer", within=_WITHIN)


def _has_counted(item: dict[str, Any]) -> bool:
    found: dict[str, str] = {metric["name"]: metric["value"] for metric in item["metrics"]}
    return found.get("success_count", "0") != "0"


async def _crowded(
    running: cluster.Cluster,
    *,
    token: str,
    clients: int,
    show: Callable[[report.Table], None],
    say: Callable[[str], None],
) -> None:
    pid = _server(running)
    say("letting the pod rest")
    await asyncio.sleep(_SETTLED)
    memory: dict[str, report.Cells] = {"idle": _memory(pid)}
    say(f"{clients} at once, in the cluster")
    seen = await crowd.measure(
        joined.front(running, pid=pid, token=token),
        path=cold.PATHS + _LIST,
        clients=clients,
        users=clients,
        front=running.pid(control_plane.API_SERVER),
        name="our image in a pod",
    )
    for table in seen:
        show(table)
    await asyncio.sleep(_SETTLED)
    memory[f"after {clients} at once, at rest again"] = _memory(pid)
    show(report.Table(name="The pod's memory", about="MB", rows=memory, compared="now"))


def _memory(pid: int) -> report.Cells:
    now, most = usage.memory(pid)
    return {"now": now, "most": most}


def _server(running: cluster.Cluster) -> int:
    """The id of the process in the pod, as this machine knows it."""
    found = insides.servers(running.place)
    if len(found) != 1:
        raise faults.DemoError(f"{len(found)} processes in the cluster's pods are the server; there is one")
    return found[0]
