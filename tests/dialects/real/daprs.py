"""Dapr's sidecars: the URL of a request names the application to call; a fixed list has their addresses.

A Resiliency sets the timeout of all requests to one application. It is so long that no other request exceeds
it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

import aiohttp

from demo import wait
from tests.cluster import build
from tests.dialects import traffic
from tests.dialects.real import idle, walk
from tests.dialects.real.proxies import (
    INBOUND_PORT,
    METRICS_PORT,
    OUTBOUND_PORT,
    Config,
    Hosts,
    Place,
    Proxies,
)

_GRPC_PORT = 50001
_WITHIN = 60.0
_LATE = 500
"""The code that a sidecar answers if the application did not answer in time."""
_TIMEOUTS: Mapping[traffic.Workload, float] = {traffic.FRONTEND: 9.0, traffic.CART: 3.0}
"""Seconds, by caller."""


def proxies(place: Place, folder: Path) -> Proxies:
    """Return the proxies with their timeouts; their files are written to a folder that is created here."""
    resources = folder / "resources"
    resources.mkdir()
    for hop in walk.HOPS:
        (resources / f"{hop.caller.name}.yaml").write_text(json.dumps(_timeout(hop)))
    by_name = {workload.name: workload for workload in walk.WORKLOADS}
    return Proxies(
        config=lambda workload, hosts: _config(hosts),
        command=lambda file: _command(by_name[file.stem], place.hosts, config=file, resources=resources),
        path="/",
    )


def place(subnet: str, first: int) -> Place:
    return _Place(subnet, first)


async def happen(place: Place) -> None:
    """Send all requests as soon as all sidecars are ready, and wait until the callees have ended also the
    requests that the callers gave up.
    """
    async with aiohttp.ClientSession() as http:

        async def ready() -> bool:
            return all([await _is_ready(http, host) for host in place.hosts.values()])

        await wait.until(ready, what="every sidecar", within=_WITHIN)
        await walk.happen(place.doors, late=_LATE)
        await idle.until_over(
            http,
            [f"http://{place.hosts[hop.callee]}:{METRICS_PORT}/" for hop in walk.HOPS],
            begun="dapr_runtime_service_invocation_req_recv_total",
            ended="dapr_runtime_service_invocation_res_sent_total",
        )


async def _is_ready(http: aiohttp.ClientSession, host: str) -> bool:
    """A sidecar serves its metrics before it listens for requests."""
    try:
        async with http.get(f"http://{host}:{OUTBOUND_PORT}/v1.0/healthz") as response:
            return response.ok
    except aiohttp.ClientError:
        return False


@dataclasses.dataclass(frozen=True, slots=True)
class _Place(Place):
    """The apps call their sidecars by application id and namespace."""

    @property
    def doors(self) -> Mapping[traffic.Workload, walk.Doors]:
        invoke = "v1.0/invoke/{name}.{namespace}/method"
        return {
            workload: walk.Doors((host, walk.APP_PORT), f"http://{host}:{OUTBOUND_PORT}/{invoke}")
            for workload, host in self.hosts.items()
        }


def _command(workload: traffic.Workload, hosts: Hosts, *, config: Path, resources: Path) -> list[str]:
    host = hosts[workload]
    app = {"app-port": str(walk.APP_PORT), "app-channel-address": host}
    flags = {
        "app-id": workload.name,
        "config": str(config),
        "resources-path": str(resources),
        "dapr-listen-addresses": host,
        "dapr-http-port": str(OUTBOUND_PORT),
        "dapr-grpc-port": str(_GRPC_PORT),
        "dapr-internal-grpc-listen-address": host,
        "dapr-internal-grpc-port": str(INBOUND_PORT),
        "metrics-listen-address": host,
        "metrics-port": str(METRICS_PORT),
        **(app if any(hop.callee is workload for hop in walk.HOPS) else {}),
    }
    environment = {"NAMESPACE": workload.namespace, "DAPR_HOST_IP": host}
    return [
        *("env", *(f"{name}={value}" for name, value in environment.items())),
        str(build.DAPRD.path),
        *(f"--{name}={value}" for name, value in flags.items()),
    ]


def _config(hosts: Hosts) -> Config:
    known = {workload.name: f"{host}:{INBOUND_PORT}" for workload, host in hosts.items()}
    return {
        "apiVersion": "dapr.io/v1alpha1",
        "kind": "Configuration",
        "metadata": {"name": "fixed"},
        "spec": {"nameResolution": {"component": "fixed", "configuration": known}},
    }


def _timeout(hop: walk.Hop) -> Config:
    """Return how long a caller's sidecar waits for an answer. An application in another namespace is called
    with the namespace in its name.
    """
    asked = f"{hop.callee.name}.{hop.callee.namespace}"
    return {
        "apiVersion": "dapr.io/v1alpha1",
        "kind": "Resiliency",
        "metadata": {"name": f"{hop.caller.name}-waits"},
        "scopes": [hop.caller.name],
        "spec": {
            "policies": {"timeouts": {"late": f"{_TIMEOUTS[hop.caller]:g}s"}},
            "targets": {"apps": {asked: {"timeout": "late"}}},
        },
    }
