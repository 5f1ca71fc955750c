"""A fake kube-apiserver for extension servers: it answers reviews and serves one ConfigMap with watches.

It listens on loopback and fails on demand. A test may change its attributes at any time.
"""

import asyncio
import contextlib
import dataclasses
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from aiohttp import web

from apiservice.kube import client
from apiservice.runtime import backoff
from tests.apiservice import pki

HOST = "127.0.0.1"
PATIENCE = 10.0
"""Seconds after which a test gives up waiting."""
IMPATIENT = backoff.Backoff(first=0.001, jitter=0.0, longest=0.01)

CONFIG_MAPS = "/api/v1/namespaces/kube-system/configmaps"
NAME = "extension-apiserver-authentication"
TOKEN_REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
ACCESS_REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
WHO = 'User "system:serviceaccount:mesh:traffic" cannot do that'


CLIENTS = pki.authority("client-ca")
PROXIES = pki.authority("front-proxy-ca")


def published(**changes: str | None) -> dict[str, str]:
    """Return the ConfigMap's data as in a kubeadm cluster, with changes; `None` removes a key."""
    data: dict[str, str | None] = {
        "client-ca-file": CLIENTS.pem.decode(),
        "requestheader-client-ca-file": PROXIES.pem.decode(),
        "requestheader-allowed-names": json.dumps(["front-proxy-client"]),
        "requestheader-username-headers": json.dumps(["X-Remote-User"]),
        "requestheader-uid-headers": json.dumps(["X-Remote-Uid"]),
        "requestheader-group-headers": json.dumps(["X-Remote-Group"]),
        "requestheader-extra-headers-prefix": json.dumps(["X-Remote-Extra-"]),
    }
    data |= {key.replace("_", "-"): value for key, value in changes.items()}
    return {key: value for key, value in data.items() if value is not None}


@dataclasses.dataclass(slots=True)
class Cluster:
    url: str = ""
    tokens: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    """The status of a TokenReview, by token."""
    may: Callable[[dict[str, Any]], dict[str, Any]] = lambda spec: {"allowed": True}
    """The status of a SubjectAccessReview, by its spec."""
    config_map: dict[str, str] | None = None
    faults: list[web.Response] = dataclasses.field(default_factory=list)
    """Answers for the next requests, whatever their path: one for each request."""
    away: bool = False
    """Whether every request gets the status 503."""
    hold: asyncio.Event | None = None
    """If given, every answer waits for this event."""
    asked: list[tuple[str, dict[str, Any]]] = dataclasses.field(default_factory=list)
    """The path of each request, with its body or its query."""
    authorizations: list[str | None] = dataclasses.field(default_factory=list)
    watching: list[asyncio.Queue[bytes | None]] = dataclasses.field(default_factory=list)
    """For each watch, the lines to send to it; `None` ends the watch."""

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        body: dict[str, Any] = await request.json() if request.can_read_body else dict(request.query)
        self.asked.append((request.path, body))
        self.authorizations.append(request.headers.get("Authorization"))
        if self.hold is not None:
            await self.hold.wait()
        if self.away:
            return refusal(503, "away")
        if self.faults:
            return self.faults.pop(0)
        if request.path == TOKEN_REVIEWS:
            status = self.tokens.get(body["spec"]["token"], {"error": "nobody's"})
            return web.json_response({**body, "status": status}, status=201)
        if request.path == ACCESS_REVIEWS:
            return web.json_response({**body, "status": self.may(body["spec"])}, status=201)
        if request.path != CONFIG_MAPS or body.get("fieldSelector") != f"metadata.name={NAME}":
            return refusal(403, WHO)
        return await self._watch(request) if body.get("watch") else web.json_response(self._list())

    def tell(self, line: dict[str, Any] | bytes | None) -> None:
        """Send the line to every watch; `None` ends all watches."""
        sent = json.dumps(line).encode() if isinstance(line, dict) else line
        for lines in self.watching:
            lines.put_nowait(sent)

    def change(self, data: dict[str, str]) -> None:
        """Replace the data of the ConfigMap and send the event to every watch."""
        self.config_map = data
        self.tell({"type": "MODIFIED", "object": {"metadata": {"name": NAME}, "data": data}})

    def _list(self) -> dict[str, Any]:
        items = [] if self.config_map is None else [{"metadata": {"name": NAME}, "data": self.config_map}]
        return {"kind": "ConfigMapList", "metadata": {"resourceVersion": "7"}, "items": items}

    async def _watch(self, request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        lines: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.watching.append(lines)
        try:
            while (line := await lines.get()) is not None:
                await response.write(line + b"\n")
        finally:
            self.watching.remove(lines)
        return response


def refusal(code: int, message: str) -> web.Response:
    return web.json_response({"kind": "Status", "code": code, "message": message}, status=code)


@contextlib.asynccontextmanager
async def serve(*, tls: ssl.SSLContext | None = None) -> AsyncIterator[Cluster]:
    cluster = Cluster()
    runner = web.ServerRunner(web.Server(cluster.answer, handler_cancellation=True), shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, 0, ssl_context=tls).start()
        cluster.url = f"{'https' if tls else 'http'}://{HOST}:{runner.addresses[0][1]}"
        yield cluster
    finally:
        cluster.tell(None)
        await runner.cleanup()


@contextlib.asynccontextmanager
async def ask(
    cluster: Cluster, *, patience: float = PATIENCE, attempts: int = 5
) -> AsyncIterator[client.KubeApi]:
    connection = client.ConnectionConfig(url=cluster.url)
    async with client.connect(connection, patience=patience, attempts=attempts, pauses=IMPATIENT) as api:
        yield api


async def until(condition: Callable[[], bool], *, what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"still not: {what}"
        await asyncio.sleep(0.005)
