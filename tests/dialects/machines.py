"""Envoys on machines outside Kubernetes, of several meshes at once, and a real Prometheus that scrapes them.

In each mesh `gateway` calls `backend`, and `backend` calls `db`. All meshes have these names, and a scrape
target has only labels that the mesh's own discovery gives: a service and the name of an instance, but no
namespace and no pod. One machine is scraped by two jobs.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path

import yaml
from aiohttp import web

from demo import prometheus, wait
from tests.backends import backend
from tests.dialects import envoy_stats, exposition, traffic
from tests.fakes import loopback

_EVERY = 0.5
"""Seconds between two scrapes."""
_AGE = 3600.0
"""Seconds since the proxies began."""
CHAIN = ("gateway", "backend", "db")
Labels = Mapping[str, str]


@dataclasses.dataclass(frozen=True, slots=True)
class Mesh:
    """A mesh of machines."""

    name: str
    """What distinguishes its machines from those of other meshes: `db.NAME`."""
    requests: int
    """How many requests arrive at `gateway`; half as many at `backend`, and a quarter at `db`."""
    cluster: Callable[[str], Labels]
    """Return the labels of the cluster in which a caller counts requests to a service."""
    inbound: str
    """The prefix of the connection manager that counts received requests."""
    target: Callable[[str], Labels]
    """Return the labels of the scrape target of a service's proxy."""
    fixed: Callable[[str], Labels] = lambda service: {}
    """Return the labels on all that the proxy of a service exposes."""

    def received(self, service: str) -> int:
        """Return how many requests arrive at a service."""
        return self.requests >> CHAIN.index(service)


def _consul(service: str) -> Labels:
    return {
        "envoy_cluster_name": service,
        "consul_destination_service": service,
        "consul_destination_namespace": "default",
        "consul_destination_datacenter": "dc1",
    }


def _kuma(name: str, mesh: str, requests: int) -> Mesh:
    return Mesh(
        name=name,
        requests=requests,
        cluster=lambda service: {"envoy_cluster_name": service},
        inbound="localhost_8080",
        target=lambda service: {"mesh": mesh, "dataplane": f"{service}-1", "service": service},
    )


MESHES = (
    Mesh(
        name="consul",
        requests=1000,
        cluster=_consul,
        inbound="public_listener",
        target=lambda service: {"service": service},
        fixed=lambda service: {"consul_source_service": service},
    ),
    _kuma("kuma.default", "default", 400),
    _kuma("kuma.payments", "payments", 80),
    Mesh(
        name="envoy",
        requests=240,
        cluster=lambda service: {"envoy_cluster_name": service},
        inbound="ingress_http",
        target=lambda service: {"service": service},
    ),
)
APP_MESH = Mesh(
    name="",
    requests=320,
    cluster=lambda service: {"envoy_cluster_name": f"cds_egress_shop_{service}_http_8080"},
    inbound="ingress",
    target=lambda service: {},
    fixed=lambda service: {"appmesh_mesh": "shop", "appmesh_virtual_node": service},
)
TRAFFIC_DIRECTOR = Mesh(
    name="",
    requests=160,
    cluster=lambda service: {
        "envoy_cluster_name": f"/projects/1/global/backendServices/{service}",
    },
    inbound="inbound_http",
    target=lambda service: {"service": service, "instance_name": f"{service}-x7x7"},
)
INVENTORY = """
- {kind: StatefulSet, metadata: {name: db, namespace: data}}
- kind: Pod
  metadata:
    name: db-0
    namespace: data
    labels: {app: db}
    ownerReferences: [{kind: StatefulSet, name: db, controller: true}]
- {kind: Service, metadata: {name: db, namespace: data}, spec: {selector: {app: db}}}
- {kind: Deployment, metadata: {name: backend, namespace: data}}
"""
"""Kubernetes objects that have the names of machines, and nothing to do with them."""


@dataclasses.dataclass(slots=True)
class _Proxies:
    texts: Mapping[str, str]
    """What each proxy exposes of its first requests, by its path."""
    further: Mapping[str, str]
    """The same of twice as many requests."""
    happened: bool = False
    scrapes: dict[str, int] = dataclasses.field(default_factory=dict)
    began: float = dataclasses.field(default_factory=lambda: time.time() - _AGE)

    async def expose(self, request: web.Request) -> web.Response:
        path = request.match_info["proxy"]
        self.scrapes[path] = self.scrapes.get(path, 0) + 1
        text = (self.further if self.happened else self.texts)[path]
        return web.Response(text=text.replace("AGE", f"{time.time() - self.began:.3f}"))

    async def scraped(self) -> None:
        async def twice() -> bool:
            return all(self.scrapes.get(path, 0) >= 2 for path in self.texts)

        await wait.until(twice, what="two scrapes of every proxy", within=60)


@contextlib.asynccontextmanager
async def running(meshes: Sequence[Mesh], folder: Path, *, host: str) -> AsyncIterator[str]:
    """Run the machines and a Prometheus until the block is left; yield its URL when it has all requests."""
    proxies = {
        f"{number}-{service}": (mesh, service) for number, mesh in enumerate(meshes) for service in CHAIN
    }
    served = _Proxies(
        {path: _text(*proxy, times=1) for path, proxy in proxies.items()},
        {path: _text(*proxy, times=2) for path, proxy in proxies.items()},
    )
    async with (
        _serving(served) as address,
        backend.running(
            backend.PROMETHEUS, folder, host=host, scrapes={"scrape_configs": _jobs(meshes, address)}
        ) as (url, family),
    ):
        await family.guard(served.scraped())
        served.happened = True
        served.scrapes.clear()
        await family.guard(served.scraped())
        await family.guard(backend.tells(url, of=len(proxies) + 1, since=time.time()))
        yield url


@contextlib.asynccontextmanager
async def _serving(proxies: _Proxies) -> AsyncIterator[str]:
    application = web.Application()
    application.router.add_get("/{proxy}/metrics", proxies.expose)
    async with loopback.serving(application) as address:
        yield address


def _jobs(meshes: Sequence[Mesh], address: str) -> list[dict[str, object]]:
    jobs = [_job(f"mesh-{number}", number, mesh, CHAIN, address) for number, mesh in enumerate(meshes)]
    return [*jobs, _job("again", 0, meshes[0], CHAIN[:1], address)]


def _job(name: str, number: int, mesh: Mesh, services: Sequence[str], address: str) -> dict[str, object]:
    interval = prometheus.duration(_EVERY)
    return {
        "job_name": name,
        "scrape_interval": interval,
        "scrape_timeout": interval,
        "static_configs": [
            {
                "targets": [address],
                "labels": {
                    "__metrics_path__": f"/{number}-{service}/metrics",
                    "instance": f"{service}-1",
                    **mesh.target(service),
                },
            }
            for service in services
        ],
    }


def _text(mesh: Mesh, service: str, *, times: int) -> str:
    received, place = _call(mesh.received(service)), CHAIN.index(service)
    samples = envoy_stats.downstream(received, {"envoy_http_conn_manager_prefix": mesh.inbound})
    if service != CHAIN[-1]:
        called = CHAIN[place + 1]
        samples += envoy_stats.upstream(_call(mesh.received(called)), mesh.cluster(called))
    counted = [dataclasses.replace(one, value=one.value * times) for one in samples]
    fixed = mesh.fixed(service)
    alive = exposition.text([exposition.Sample("envoy_server_uptime", {}, 0)], fixed=fixed)
    return alive.replace(" 0\n", " AGE\n") + exposition.text(counted, fixed=fixed)


def _call(count: int) -> traffic.Call:
    """Return so many requests of 10 ms; who sent them is not in their statistics."""
    return traffic.Call(traffic.TILL, "till", traffic.TILL, "till", 200, (10.0,) * count)


def inventory(folder: Path) -> Path:
    """Write Kubernetes objects that share names with machines to a file."""
    file = folder / "inventory.yaml"
    file.write_text(yaml.safe_dump({"kind": "List", "items": yaml.safe_load(INVENTORY)}))
    return file
