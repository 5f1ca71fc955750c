"""A fake fallback adapter, which serves the autoscaler's APIs over TLS and fails on demand."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import abc, web
from cryptography import x509

from metrics_server.upstream import fallback_adapter
from tests.apiservice import pki

HOST = "adapter.monitoring.svc"
JSON = "application/json"


class Here(abc.AbstractResolver):
    """Resolves every name to one address, which is loopback by default."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        self._address = address

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[abc.ResolveResult]:
        return [
            abc.ResolveResult(
                hostname=host, host=self._address, port=port, family=family, proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]  # fmt: skip

    async def close(self) -> None:
        pass


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A request that the adapter received."""

    path: str
    """The path as it was sent, with the query."""
    accept: str
    token: str
    encoding: str


@dataclasses.dataclass(slots=True)
class Adapter:
    """A test may change the attributes at any time."""

    context: ssl.SSLContext
    folder: Path
    port: int = 0
    status: int = 200
    body: bytes = b'{"kind":"MetricValueList","items":[]}'
    content_type: str = JSON
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    pause: float = 0.0
    """If not 0: the adapter waits so many seconds before each byte, and its answer never ends."""
    seen: list[Seen] = dataclasses.field(default_factory=list)

    @property
    def service(self) -> fallback_adapter.ServiceReference:
        return fallback_adapter.service(f"adapter.monitoring:{self.port}")

    def show(self, identity: pki.Identity) -> None:
        """Serve this certificate from the next connection on."""
        pair = self.folder / "adapter.pem"
        pair.write_bytes(identity.pem + identity.key_pem)
        self.context.load_cert_chain(pair)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.seen.append(
            Seen(
                path=request.path_qs,
                accept=request.headers.get("Accept", ""),
                token=request.headers.get("Authorization", "").removeprefix("Bearer "),
                encoding=request.headers.get("Accept-Encoding", ""),
            )
        )
        if not self.pause:
            return web.Response(
                status=self.status, body=self.body,
                headers={"Content-Type": self.content_type, **self.headers},
            )  # fmt: skip
        response = web.StreamResponse()
        await asyncio.sleep(self.pause)
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(self.pause)


def certified(authority: pki.Identity, *, name: str = HOST) -> pki.Identity:
    names = x509.SubjectAlternativeName([x509.DNSName(name)])
    return authority.issue(name, usages=(pki.SERVER,), further=(pki.extension(names),))


@contextlib.asynccontextmanager
async def serve(
    folder: Path, *, identity: pki.Identity, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[Adapter]:
    """Run the adapter until the block is left."""
    adapter = Adapter(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), folder)
    adapter.show(identity)
    runner = web.ServerRunner(web.Server(adapter.answer, handler_cancellation=True), shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, ssl_context=adapter.context).start()
        adapter.port = runner.addresses[0][1]
        yield adapter
    finally:
        await runner.cleanup()
