"""Serves an aggregated API over TLS.

    api = sockets.build(versions, authenticator=…, authorizer=…, …)
    async with sockets.serve(api, host="127.0.0.1", port=8443, tls=…) as bound:
        …

When the block is left, the server stops gracefully: `/readyz` fails at once; a pause gives load balancers
time to notice; then no new connections are accepted, and present requests are answered.
"""

import asyncio
import contextlib
import dataclasses
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import cast

import multidict
import prometheus_client
from aiohttp import abc, payload, web

from apiservice.authn import authenticator
from apiservice.authz import authorizer
from apiservice.discovery import groups, openapi
from apiservice.http import encoding, messages, query_string
from apiservice.observe import health, request_metrics
from apiservice.resources import declaration, reader, router
from apiservice.server import connection, connections, handler, nonresource
from apiservice.server import listener as server_listener

_log = logging.getLogger(__name__)

_WAITING = 1024
"""Connections that may wait to be accepted (the backlog), within the system's own limit. A kube-apiserver
opens one connection for each parallel request of its clients, and returns an error to the client if there is
no room (docs/benchmarks.md).
"""
_TICK = 0.25
"""Seconds between two checks of the connections and of the event loop's lag."""
_LAST_LOOK = 0.05
"""Seconds for reading what clients have already sent, before connections are closed."""
_UNFINISHED = 1.0
"""Seconds for an incomplete handshake or head when the server stops."""
_LAST_ANSWERS = 1.0
"""Seconds before the end of the drain by which all answers must be ready, so that they can still be sent."""
_PIECE = 64 * 1024
"""Bytes. A longer body is written in pieces of this size, each after the client has read the one before."""


def build(
    versions: Sequence[declaration.GroupVersion],
    *,
    authenticator: authenticator.Authenticator,
    authorizer: authorizer.Authorizer,
    checks: health.HealthChecks,
    registry: prometheus_client.CollectorRegistry,
    clock: Callable[[], datetime],
    title: str,
    release: str,
    deadline: float = 10.0,
    notices: Callable[[], Sequence[str]] = tuple,
) -> handler.Handler:
    """The API of the given versions.

    `release` is the program's version, `deadline` the time limit of a request in seconds. `notices` returns
    warnings to add to every answer. Raises `ValueError` if the declarations contradict each other.
    """
    measured = request_metrics.RequestMetrics(registry)
    return handler.Handler(
        authenticator=authenticator,
        authorizer=authorizer,
        health=checks,
        routes=router.Routes(versions),
        reader=reader.Reader(clock=clock, notices=notices),
        fixed=nonresource.FixedPaths(
            described=openapi.OpenAPI(versions, title=title, release=release, now=clock()),
            discovered=groups.Discovery(versions),
            measured=measured,
            release=release,
            further=checks.paths,
        ),
        telemetry=measured,
        deadline=deadline,
    )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """The address on which the server listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """The server's base URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"https://{host}:{self.port}"


_LIMITS = connection.ConnectionLimits()
_STRANGER = 401


@contextlib.asynccontextmanager
async def serve(
    api: handler.Handler,
    *,
    host: str,
    port: int,
    tls: ssl.SSLContext,
    pause: float = 0.0,
    drain: float = 5.0,
    limits: connection.ConnectionLimits = _LIMITS,
) -> AsyncIterator[Bound]:
    """Serves until the block is left.

    With `port` 0 the system chooses a free port. After the block, the server still accepts connections for
    `pause` seconds, then answers present requests for at most `drain` seconds. Raises `OSError` if it cannot
    listen.
    """
    pool: connections.ConnectionPool = connections.ConnectionPool(
        lambda request: _handle(request, api=api, pool=pool), tls=tls, limits=limits, observer=api.telemetry
    )
    listener = server_listener.Listener(
        await server_listener.bind(host, port=port, backlog=_WAITING), pool=pool
    )
    watch = asyncio.ensure_future(_watch(api, pool=pool))
    try:
        address = listener.address
        bound = Bound(host=address[0], port=address[1])
        _log.info("serving on %s", bound.url)
        yield bound
        api.health.stop()
        await asyncio.sleep(pause)
    finally:
        listener.close()
        await asyncio.sleep(min(_LAST_LOOK, drain))
        api.hasten(max(drain - _LAST_ANSWERS, 0.0))
        await pool.stop(unfinished=min(_UNFINISHED, drain), answering=drain)
        watch.cancel()


async def _watch(api: handler.Handler, *, pool: connections.ConnectionPool) -> None:
    """Regularly ends overdue connections, and measures the event loop's lag: how late this task runs."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _TICK
        await asyncio.sleep(_TICK)
        api.telemetry.lag.observe(max(loop.time() - due, 0.0))
        pool.sweep()
        api.log.settle()


async def _handle(
    request: web.BaseRequest, *, api: handler.Handler, pool: connections.ConnectionPool
) -> web.StreamResponse:
    incoming = messages.Incoming(
        method=request.method,
        path=request.path,
        query=query_string.of(request.rel_url),
        headers=request.headers,
        certificates=_presented(request),
    )
    answer = await api.answer(incoming)
    one = cast(connection.Connection, request.protocol)
    # Anyone may read the health paths: they make no stranger known.
    if answer.status != _STRANGER and (one.known or not api.health.concerns(incoming.path)):
        pool.recognize(one)
    response = await _response(answer, incoming=incoming)
    if pool.is_stopping:
        response.force_close()
    return response


def _presented(request: web.BaseRequest) -> tuple[bytes, ...]:
    """The client's certificate, with Python 3.13 and newer also the rest of the chain that it sent."""
    tls = request.get_extra_info("ssl_object")
    own = tls.getpeercert(binary_form=True) if tls is not None else None
    if own is None:
        return ()
    chain = getattr(tls, "get_unverified_chain", None)
    return tuple(chain()) if chain is not None else (own,)


async def _response(answer: messages.Answer, *, incoming: messages.Incoming) -> web.Response:
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
    sent = body if len(body) <= _PIECE else _Pieces(body)
    return _Response(body=sent, status=answer.status, headers=headers)


class _Pieces(payload.Payload):
    """A long body, written in pieces, so that the write buffer has little more than the client reads."""

    _value: bytes

    def __init__(self, value: bytes) -> None:
        super().__init__(value)
        self._size = len(value)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return self._value.decode(encoding, errors)

    async def write(self, writer: abc.AbstractStreamWriter) -> None:
        whole = memoryview(self._value)
        for start in range(0, len(whole), _PIECE):
            await writer.write(whole[start : start + _PIECE])


class _Response(web.Response):
    """A response without the `Server` header, which has names and versions of libraries."""

    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        del self.headers["Server"]
