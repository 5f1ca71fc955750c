"""Why there is no connection to Prometheus, or no longer one, and how far the making of it came."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Any

import aiohttp
from aiohttp import http_exceptions

from metrics_server.model import faults
from metrics_server.upstream import credentials

_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"})
"""What OpenSSL makes of an answer in plain HTTP, before 3.2 and since."""
_NO_HTTP = aiohttp.ClientResponseError | http_exceptions.HttpProcessingError | AssertionError
_PACKED = http_exceptions.ContentEncodingError | AssertionError
_BROKEN_OFF = aiohttp.ClientPayloadError | aiohttp.ServerDisconnectedError | aiohttp.ClientOSError


def steps() -> aiohttp.TraceConfig:
    """Return what notes in a query's `patience.Progress` how far its connection is."""
    notes = aiohttp.TraceConfig()
    notes.on_dns_resolvehost_start.append(_note("looks up the name of Prometheus' address"))
    notes.on_dns_resolvehost_end.append(_note("makes a connection to Prometheus"))
    notes.on_connection_create_start.append(_note("makes a connection to Prometheus"))
    notes.on_connection_create_end.append(_note(""))
    notes.on_connection_reuseconn.append(_note(""))
    return notes


def _note(step: str) -> Any:
    async def note(session: aiohttp.ClientSession, context: Any, parameters: Any) -> None:
        context.trace_request_ctx.reached = step

    return note


def why(error: BaseException, shown: credentials.Credentials, *, began: bool) -> faults.BackendDown:
    """Return why there is no connection, or no longer one; `began`: an answer had begun to arrive."""
    detail = f"{type(error).__name__}: {error}"
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return faults.BackendDown(
                "Prometheus' certificate is not trusted",
                detail=f"{cause.verify_message}; believed are {shown.believed}",
            )
        if isinstance(cause, ssl.SSLError) and "ALERT" in (cause.reason or ""):
            return faults.BackendDown(
                "Prometheus refuses the server's certificate, or its TLS",
                detail=f"{cause.reason}; presented was {shown.presented}; see --prometheus-certificate",
            )
        if isinstance(cause, ssl.SSLError) and cause.reason in _NO_TLS:
            detail += "; if no TLS is spoken there, give --prometheus http://…"
    return faults.BackendDown(_what(error, began=began), detail=detail)


def _what(error: BaseException, *, began: bool) -> str:
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return "Prometheus cannot be reached: no connection could be made in time"
    if isinstance(error, aiohttp.ClientPayloadError) and isinstance(error.__cause__, _PACKED):
        return "Prometheus' answer cannot be unpacked"
    if began and isinstance(error, _BROKEN_OFF):
        return "Prometheus broke off in the middle of its answer"
    if isinstance(error, _NO_HTTP):
        return "Prometheus' address answers something that is not HTTP"
    return "Prometheus cannot be reached"


def let_go(error: BaseException) -> None:
    """Have an error, and those behind it, hold no frames: aiohttp keeps errors in the very things that raise
    them, which would keep all that was received until the garbage collector looks there.
    """
    seen: list[BaseException] = []
    left: list[BaseException | None] = [error]
    while left:
        one = left.pop()
        if one is not None and one not in seen:
            seen.append(one)
            one.__traceback__ = None
            left += [one.__cause__, one.__context__]


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    # aiohttp's own errors inherit from those of TLS and lack what these say.
    while error is not None:
        if not isinstance(error, aiohttp.ClientError):
            yield error
        error = error.__cause__ or error.__context__
