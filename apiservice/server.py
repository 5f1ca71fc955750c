"""The sockets: an aggregated API, served over TLS until it is told to stop.

    api = server.build(versions, authenticator=…, authorizer=…, …)
    async with server.serve(api, host="127.0.0.1", port=8443, tls=…) as bound:
        …

Leaving the block stops gracefully: not ready at once, a pause in which load balancers notice, then no new
connections, then the requests under way to their end.
"""

import asyncio
import contextlib
import dataclasses
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime

import multidict
import prometheus_client
from aiohttp import http_exceptions, web

from apiservice import (
    authentication,
    authorization,
    discovery,
    encoding,
    exchange,
    fixed,
    health,
    openapi,
    reading,
    resources,
    routing,
    service,
    telemetry,
)

_log = logging.getLogger(__name__)

_LONGEST_HEAD = 1 << 20
"""Bytes of a request line or a header, as in Go: an autoscaler's label selector outgrows aiohttp's 8 KiB."""
_IDLE = 90.0
"""Seconds a connection may wait for its next request."""
_WAITING = 1024
"""Connections not yet accepted, as far as the system lets so many wait. A kube-apiserver opens one for each
of its clients that ask at once, and passes on as an error what finds no room (docs/benchmarks.md).
"""


def _is_ours(record: logging.LogRecord) -> bool:
    """What a client sends that is not HTTP is refused, and is no news to the operator."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, http_exceptions.HttpProcessingError)


_connections = logging.getLogger("apiservice.connections")
_connections.addFilter(_is_ours)


def build(
    versions: Sequence[resources.GroupVersion],
    *,
    authenticator: authentication.Authenticator,
    authorizer: authorization.Authorizer,
    checks: health.Health,
    registry: prometheus_client.CollectorRegistry,
    clock: Callable[[], datetime],
    title: str,
    release: str,
    deadline: float = 10.0,
    identifies: Callable[[str], bool] = authentication.identifies,
    notices: Callable[[], Sequence[str]] = tuple,
) -> service.Service:
    """The API of the given versions. `release` is the program's version, `deadline` is in seconds, `notices`
    says what every reader is to be warned of.
    """
    measured = telemetry.Telemetry(registry)
    return service.Service(
        authenticator=authenticator,
        authorizer=authorizer,
        health=checks,
        routes=routing.Routes(versions),
        reader=reading.Reader(clock=clock, notices=notices),
        fixed=fixed.FixedPaths(
            described=openapi.OpenAPI(versions, title=title, release=release, now=clock()),
            discovered=discovery.Discovery(versions),
            measured=measured,
            release=release,
            further=checks.paths,
        ),
        telemetry=measured,
        deadline=deadline,
        identifies=identifies,
    )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """Where the server listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"https://{host}:{self.port}"


@contextlib.asynccontextmanager
async def serve(
    api: service.Service,
    *,
    host: str,
    port: int,
    tls: ssl.SSLContext,
    pause: float = 0.0,
    drain: float = 15.0,
) -> AsyncIterator[Bound]:
    """Serves until the block is left. `port` 0 takes a free one; `pause` and `drain` are seconds."""
    listener = web.Server(
        _handler(api),
        access_log=None,
        logger=_connections,
        keepalive_timeout=_IDLE,
        max_line_size=_LONGEST_HEAD,
        max_field_size=_LONGEST_HEAD,
    )
    runner = web.ServerRunner(listener, shutdown_timeout=drain)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, ssl_context=tls, backlog=_WAITING).start()
        address = runner.addresses[0]
        bound = Bound(host=address[0], port=address[1])
        _log.info("serving on %s", bound.url)
        yield bound
        api.health.stop()
        await asyncio.sleep(pause)
    finally:
        await runner.cleanup()


def _handler(api: service.Service) -> Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        incoming = exchange.Incoming(
            method=request.method,
            path=request.path,
            query=request.query,
            headers=request.headers,
            certificates=_presented(request),
        )
        return await _response(await api.answer(incoming), incoming=incoming)

    return handle


def _presented(request: web.BaseRequest) -> tuple[bytes, ...]:
    """The client's certificate, and those that came with it where Python can tell (3.13 and newer)."""
    tls = request.get_extra_info("ssl_object")
    own = tls.getpeercert(binary_form=True) if tls is not None else None
    if own is None:
        return ()
    chain = getattr(tls, "get_unverified_chain", None)
    return tuple(chain()) if chain is not None else (own,)


async def _response(answer: exchange.Answer, *, incoming: exchange.Incoming) -> web.Response:
    headers = multidict.CIMultiDict(answer.headers)
    headers.setdefault("Cache-Control", "no-cache, private")
    headers["X-Content-Type-Options"] = "nosniff"
    body = answer.body
    if body:
        headers["Content-Type"] = answer.content_type
    if len(body) > encoding.COMPRESSION_FROM:
        headers.add("Vary", "Accept-Encoding")
        if encoding.accepts_gzip(incoming.headers.get("Accept-Encoding", "")):
            headers["Content-Encoding"] = "gzip"
            body = await encoding.compress(body)
    return web.Response(body=body, status=answer.status, headers=headers)
