"""Traefiks in the place of the proxies of nodes: one next to each workload, for the calls of its app.

As in Traefik Mesh, a call passes only the proxy next to its caller; a service is called
`namespace-service-port` and comes from the provider `http`. Calls of gRPC and a WebSocket, which Traefik
counts otherwise than a GET, go to another port of the first callee.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from tests.cluster import build
from tests.dialects import traffic
from tests.dialects.real import walk
from tests.dialects.real.proxies import METRICS_PORT, OUTBOUND_PORT, Beside, Config, Hosts, Place, Proxies

HOP = walk.HOPS[0]
"""The hop that gets these other calls, too."""
GRPC: Mapping[str, int] = {"0": 5, "14": 3, "": 4}
"""How many calls of gRPC end with which status in the headers of the answer. Most servers send the status in
a trailer that they have not announced: then it is empty.
"""
SOCKETS = 2
_BESIDES_PORT, _PROVIDER_PORT = 8090, 15080
_BESIDES_PATH = "/besides"
_METRICS = "metrics"


def service(workload: traffic.Workload, *, port: int = walk.APP_PORT) -> str:
    """The name that Traefik Mesh gives a service, without the provider."""
    return f"{workload.namespace}-{workload.name}-{port}"


def proxies(place: Place, folder: Path) -> Proxies:
    """`folder` is where the configurations will be written."""
    files = [sys.executable, "-m", "http.server", "--bind", place.control_plane, "--directory", str(folder)]
    return Proxies(
        config=lambda workload, hosts: {"http": _routing(workload, hosts)},
        command=lambda file: _command(file, place),
        path="/metrics",
        labels=lambda workload: {"namespace": "traefik", "pod": f"traefik-mesh-proxy-{workload.name}"},
        beside=Beside([*files, str(_PROVIDER_PORT)], f"http://{place.control_plane}:{_PROVIDER_PORT}"),
    )


def _command(file: Path, place: Place) -> list[str]:
    host = next(host for workload, host in place.hosts.items() if workload.name == file.stem)
    return [
        str(build.TRAEFIK.path),
        "--global.checkNewVersion=false",
        "--global.sendAnonymousUsage=false",
        f"--providers.http.endpoint=http://{place.control_plane}:{_PROVIDER_PORT}/{file.name}",
        f"--entryPoints.http-8080.address={host}:{OUTBOUND_PORT}",
        f"--entryPoints.{_METRICS}.address={host}:{METRICS_PORT}",
        # A proxy that can be scraped has read its configuration.
        "--metrics.prometheus.manualRouting=true",
    ]


def _routing(workload: traffic.Workload, hosts: Hosts) -> Config:
    metrics = {"rule": "Path(`/metrics`)", "entryPoints": [_METRICS], "service": "prometheus@internal"}
    routers: dict[str, Any] = {_METRICS: metrics}
    services: dict[str, Any] = {}
    transports: dict[str, Any] = {}
    for hop in walk.HOPS:
        if hop.caller is not workload:
            continue
        name, slow, host = service(hop.callee), service(hop.callee, port=_slow_port()), hosts[hop.callee]
        services[name] = _to(host, walk.APP_PORT)
        services[slow] = _to(host, walk.APP_PORT, serversTransport=slow)
        transports[slow] = {"forwardingTimeouts": {"responseHeaderTimeout": f"{hop.timeout}s"}}
        routers[name] = _rule(hop.callee, name)
        routers[slow] = _rule(hop.callee, slow, f"Path(`{walk.SLOW_PATH}`)")
        if hop is HOP:
            besides = service(hop.callee, port=_BESIDES_PORT)
            services[besides] = _to(host, _BESIDES_PORT)
            routers[besides] = _rule(hop.callee, besides, f"PathPrefix(`{_BESIDES_PATH}`)")
    found = {"routers": routers, "services": services, "serversTransports": transports}
    return {key: reply for key, reply in found.items() if reply}


def _slow_port() -> int:
    """The port in the name of the service that has a timeout; it is not another port."""
    return walk.APP_PORT + 1


def _to(host: str, port: int, **reply: str) -> Config:
    return {"loadBalancer": {"servers": [{"url": f"http://{host}:{port}"}], **reply}}


def _rule(workload: traffic.Workload, name: str, *further: str) -> Config:
    rule = " && ".join((f"Host(`{_host(workload)}`)", *further))
    return {"rule": rule, "entryPoints": ["http-8080"], "service": name}


def _host(workload: traffic.Workload) -> str:
    return f"{workload.name}.{workload.namespace}.svc.cluster.local"


@contextlib.asynccontextmanager
async def besides(place: Place) -> AsyncIterator[None]:
    """The server that answers these other calls."""

    async def grpc(request: web.Request) -> web.Response:
        status = request.headers["wanted"]
        reply = {"grpc-status": status} if status else {}
        return web.Response(headers=reply, content_type="application/grpc")

    async def socket(request: web.Request) -> web.WebSocketResponse:
        opened = web.WebSocketResponse()
        await opened.prepare(request)
        async for message in opened:
            await opened.send_str(message.data)
        return opened

    application = web.Application()
    application.router.add_post(f"{_BESIDES_PATH}/grpc", grpc)
    application.router.add_get(f"{_BESIDES_PATH}/socket", socket)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, place.hosts[HOP.callee], _BESIDES_PORT).start()
        yield
    finally:
        await runner.cleanup()


async def happen(place: Place) -> None:
    """Send the requests of the walk, and the other calls."""
    await walk.happen(place.doors)
    url = place.doors[HOP.caller].outbound + _BESIDES_PATH
    headers = {"host": _host(HOP.callee)}
    async with aiohttp.ClientSession(headers=headers) as http:
        for status in _each(GRPC):
            wanted = {"content-type": "application/grpc", "wanted": status}
            async with http.post(f"{url}/grpc", headers=wanted) as response:
                assert (response.status, response.headers.get("grpc-status", "")) == (200, status)
        for _ in range(SOCKETS):
            async with http.ws_connect(f"{url}/socket") as opened:
                await opened.send_str("hello")
                assert await opened.receive_str() == "hello"


def _each(counted: Mapping[str, int]) -> Iterator[str]:
    return (one for one, count in counted.items() for _ in range(count))
