"""A kube-apiserver as far as an extension server asks one: reviews, and one watched ConfigMap.

A real server on loopback, with its faults on demand. Attributes may be changed at any time.
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
    """The ConfigMap's data, as in kubeadm's clusters, with changes; `None` takes a key away."""
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
    """Answered first, one request each, to whatever is asked."""
    away: bool = False
    """Nothing is answered but that it is not there."""
    hold: asyncio.Event | None = None
    """Answers wait for it."""
    asked: list[tuple[str, dict[str, Any]]] = dataclasses.field(default_factory=list)
    """Path, and body or query."""
    authorizations: list[str | None] = dataclasses.field(default_factory=list)
    watching: list[asyncio.Queue[bytes | None]] = dataclasses.field(default_factory=list)
    """Lines to send to each watch; `None` ends it."""

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
        """Sends it to every watch."""
        sent = json.dumps(line).encode() if isinstance(line, dict) else line
        for lines in self.watching:
            lines.put_nowait(sent)

    def change(self, data: dict[str, str]) -> None:
        """The ConfigMap, and every watch hears of it."""
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
