"""Sources that report as a dialect does, on loopback, and a real Prometheus or another database for them."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

from demo import prometheus, wait
from tests.backends import backend
from tests.dialects import exposition, traffic, writers
from tests.fakes import loopback

_EVERY = 0.5
"""Seconds between two scrapes."""
_AGE = 3600.0
"""Seconds since the proxies began: what they counted before is not in the window."""


@dataclasses.dataclass(slots=True)
class Mesh:
    """All sources of the traffic, which has happened so many times."""

    dialect: writers.Dialect
    began: float = dataclasses.field(default_factory=lambda: time.time() - _AGE)
    times: int = 1
    scrapes: dict[str, int] = dataclasses.field(default_factory=dict)
    """The number of scrapes of each source since the traffic last happened."""
    url: str = ""
    sources: dict[str, writers.Source] = dataclasses.field(init=False)
    _reply: dict[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sources = {source.instance: source for source in self.dialect.sources(self.dialect.calls)}

    def happen(self) -> None:
        """Let the traffic happen once more."""
        self.times += 1
        self.scrapes.clear()
        self._reply.clear()

    async def scraped(self) -> None:
        """Wait until every source was scraped twice since then."""

        async def twice() -> bool:
            return all(self.scrapes.get(instance, 0) >= 2 for instance in self.sources)

        await wait.until(twice, what="two scrapes of every proxy", within=60)

    async def reported(self) -> None:
        """Wait until the database returns all that was scraped until now."""
        await backend.tells(self.url, of=len(self.sources), since=time.time())

    async def expose(self, request: web.Request) -> web.Response:
        source = self.sources[request.match_info["instance"]]
        self.scrapes[source.instance] = self.scrapes.get(source.instance, 0) + 1
        if source.instance not in self._reply:
            samples = map(self._so_often, source.samples)
            self._reply[source.instance] = exposition.text(samples, fixed=source.fixed)
        alive = exposition.text(self.dialect.alive(self.began), fixed=source.fixed)
        return web.Response(text=alive + self._reply[source.instance])

    def _so_often(self, sample: exposition.Sample) -> exposition.Sample:
        return dataclasses.replace(sample, value=sample.value * (self.times if sample.grows else 1))


@contextlib.asynccontextmanager
async def running(
    dialect: writers.Dialect, folder: Path, *, host: str, store: backend.Backend = backend.PROMETHEUS
) -> AsyncIterator[Mesh]:
    """Run the mesh with a database on a loopback address of its own, until the block is left."""
    mesh = Mesh(dialect)
    async with (
        _serving(mesh) as target,
        backend.running(store, folder, host=host, scrapes={"scrape_configs": _jobs(mesh, target)}) as (
            mesh.url,
            family,
        ),
    ):
        await family.guard(mesh.scraped())
        yield mesh


@contextlib.asynccontextmanager
async def _serving(mesh: Mesh) -> AsyncIterator[str]:
    application = web.Application()
    application.router.add_get("/{instance}/metrics", mesh.expose)
    async with loopback.serving(application) as address:
        yield address


def _jobs(mesh: Mesh, target: str) -> list[Mapping[str, Any]]:
    static = [
        {
            "targets": [target],
            "labels": {
                **source.labels,
                "instance": source.instance,
                "__metrics_path__": f"/{source.instance}/metrics",
            },
        }
        for source in mesh.sources.values()
    ]
    interval = prometheus.duration(_EVERY)
    return [
        {
            "job_name": mesh.dialect.job,
            "scrape_interval": interval,
            "scrape_timeout": interval,
            "static_configs": static,
        }
    ]


_SPLIT: Mapping[str, Any] = {
    "apiVersion": "split.smi-spec.io/v1alpha4",
    "kind": "TrafficSplit",
    "metadata": {"name": "canary", "namespace": "shop"},
    "spec": {
        "service": "entry",
        "backends": [{"service": "cart", "weight": 9}, {"service": "idle", "weight": 1}],
    },
}


def inventory(folder: Path) -> Path:
    """Write the Kubernetes objects of the workloads to a file."""
    known = (*traffic.WORKLOADS, traffic.LEGACY)
    objects = [*(each for workload in known for each in _objects(workload)), _SPLIT]
    file = folder / "inventory.yaml"
    file.write_text(yaml.safe_dump_all(objects))
    return file


def _objects(workload: traffic.Workload) -> list[dict[str, Any]]:
    def made(kind: str, name: str, owner: tuple[str, str] | None = None, **reply: Any) -> dict[str, Any]:
        metadata: dict[str, Any] = {
            "name": name,
            "namespace": workload.namespace,
            "labels": {"app": workload.name},
        }
        if owner:
            metadata["ownerReferences"] = [{"kind": owner[0], "name": owner[1], "controller": True}]
        return {"kind": kind, "metadata": metadata, **reply}

    top = (workload.kind, workload.name)
    addresses = [{"ip": traffic.address(pod)} for pod in workload.pods]
    itself = made(*top, spec={"workloadIPs": addresses} if workload.is_machine else {})
    found = [itself, made("Service", workload.name, spec={"selector": {"app": workload.name}})]
    if workload.is_machine:
        return found
    for pod in workload.pods:
        owner = top
        if workload.kind == "Deployment":
            owner = ("ReplicaSet", pod.rpartition("-")[0])
            found.append(made(*owner, owner=top))
        where = {"spec": {"nodeName": traffic.node(pod)}, "status": {"podIP": traffic.address(pod)}}
        found.append(made("Pod", pod, owner=owner, **where))
    return found
