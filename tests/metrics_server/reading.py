"""The whole server over TLS on loopback, a client of it, and the replies that the client gets."""

from __future__ import annotations

import contextlib
import dataclasses
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

from apiservice.server import sockets
from metrics_server.model import quantity
from metrics_server.server import access, server
from metrics_server.settings import settings
from tests.metrics_server import fake_prometheus

TOKEN = "correct-horse-battery-staple"
ROOT = "/apis/metrics.smi-spec.io/v1alpha1"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


@dataclasses.dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: Any
    headers: dict[str, str]

    @property
    def items(self) -> list[dict[str, Any]]:
        assert self.status == 200, self.body
        found: list[dict[str, Any]] = self.body["items"]
        return found

    @property
    def names(self) -> list[str]:
        return [item["metadata"]["name"] for item in self.items]

    def refused(self, status: int) -> str:
        assert (self.status, self.body["kind"], self.body["code"]) == (status, "Status", status), self.body
        return str(self.body["message"])


@dataclasses.dataclass(frozen=True, slots=True)
class Api:
    """A client of a running server, and the fake Prometheus that the server reads."""

    session: aiohttp.ClientSession
    url: str
    fake: fake_prometheus.FakePrometheus

    async def get(self, path: str, *, accept: str = "application/json", token: str = TOKEN) -> Reply:
        headers = {"Accept": accept, "Authorization": f"Bearer {token}"}
        async with self.session.get(f"{self.url}{ROOT}/{path}", headers=headers) as response:
            body = await response.json(content_type=None)
            return Reply(response.status, body, dict(response.headers))


@contextlib.asynccontextmanager
async def served(fake: fake_prometheus.FakePrometheus, state: Path, **more: Any) -> AsyncIterator[Api]:
    chosen = settings.load(prometheus=fake.url, state=state, **more)
    (state / "token").write_text(TOKEN)
    async with (
        access.granted(chosen) as admits,
        server.api(chosen, admits=admits) as api,
        sockets.serve(api, host="127.0.0.1", port=0, tls=admits.tls) as bound,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=_trusting(state))) as session,
    ):
        yield Api(session, bound.url, fake)


def _trusting(state: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(state / "ca.crt"))


def figures(item: dict[str, Any]) -> dict[str, float]:
    return {one["name"]: float(quantity.parse(one["value"])) for one in item["metrics"]}


def counted(item: dict[str, Any]) -> float:
    reply = figures(item)
    return reply["success_count"] + reply["failure_count"]
