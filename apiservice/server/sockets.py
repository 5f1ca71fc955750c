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
"""Connections not yet accepted, as far as the system lets so many wait. A kube-apiserver opens one for each
of its clients that ask at once, and passes on as an error what finds no room (docs/benchmarks.md).
"""
_TICK = 0.25
"""Seconds between two looks at the connections and at the event loop."""
_LAST_LOOK = 0.05
"""Seconds in which what clients have sent already is read before connections are closed."""
_UNFINISHED = 1.0
"""Seconds that a handshake or a head has when the server stops."""
_LAST_ANSWERS = 1.0
"""Seconds before the end of the drain in which every request must have its answer, to be sent still."""
_PIECE = 64 * 1024
"""Bytes. A longer answer is written in pieces, each when the one before it is taken."""


def build(
    versions: Sequence[declaration.GroupVersion],
    *,
    authenticator: authenticator.Authenticator,
    authorizer: authorizer.Authorizer,
    checks: health.Health,
    registry: prometheus_client.CollectorRegistry,
    clock: Callable[[], datetime],
    title: str,
    release: str,
    deadline: float = 10.0,
    identifies: Callable[[str], bool] = authenticator.identifies,
    notices: Callable[[], Sequence[str]] = tuple,
) -> handler.Service:
    """The API of the given versions. `release` is the program's version, `deadline` is in seconds, `notices`
    says what every reader is to be warned of.
    """
    measured = request_metrics.Telemetry(registry)
    return handler.Service(
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


_LIMITS = connection.Limits()
_STRANGER = 401


@contextlib.asynccontextmanager
async def serve(
    api: handler.Service,
    *,
    host: str,
    port: int,
    tls: ssl.SSLContext,
    pause: float = 0.0,
    drain: float = 5.0,
    limits: connection.Limits = _LIMITS,
) -> AsyncIterator[Bound]:
    """Serves until the block is left. `port` 0 takes a free one; `pause` and `drain` are seconds.

    Raises OSError where it cannot listen.
    """
    hall: connections.Hall = connections.Hall(
        lambda request: _handle(request, api=api, hall=hall), tls=tls, limits=limits, observer=api.telemetry
    )
    listener = server_listener.Listener(
        await server_listener.bind(host, port=port, backlog=_WAITING), hall=hall
    )
    watch = asyncio.ensure_future(_watch(api, hall=hall))
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
        await hall.stop(unfinished=min(_UNFINISHED, drain), answering=drain)
        watch.cancel()


async def _watch(api: handler.Service, *, hall: connections.Hall) -> None:
    """Looks at the connections now and then, and at how much later than it should."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _TICK
        await asyncio.sleep(_TICK)
        api.telemetry.lag.observe(max(loop.time() - due, 0.0))
        hall.sweep()
        api.log.settle()


async def _handle(
    request: web.BaseRequest, *, api: handler.Service, hall: connections.Hall
) -> web.StreamResponse:
    incoming = messages.Incoming(
        method=request.method,
        path=request.path,
        query=query_string.of(request.rel_url),
        headers=request.headers,
        certificates=_presented(request),
    )
    answer = await api.answer(incoming)
    if answer.status != _STRANGER and not api.health.concerns(incoming.path):
        hall.recognize(cast(connection.Connection, request.protocol))
    response = await _response(answer, incoming=incoming)
    if hall.is_stopping:
        response.force_close()
    return response


def _presented(request: web.BaseRequest) -> tuple[bytes, ...]:
    """The client's certificate, and those that came with it where Python can tell (3.13 and newer)."""
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
    """A long body, of which no more is with the socket than its client takes."""

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
    """Without the name and the versions of what made it."""

    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        del self.headers["Server"]
