"""Translates connection errors of aiohttp into faults, and records the progress of each connection."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Any

import aiohttp
from aiohttp import http_exceptions

from metrics_server.model import faults
from metrics_server.upstream import credentials

_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"})
"""OpenSSL's reasons for an answer in plain HTTP: before version 3.2, and since."""
_NO_HTTP = aiohttp.ClientResponseError | http_exceptions.HttpProcessingError | AssertionError
"""The server answers something other than HTTP."""
_PACKED = http_exceptions.ContentEncodingError | AssertionError
"""The body cannot be decompressed."""
_BROKEN_OFF = aiohttp.ClientPayloadError | aiohttp.ServerDisconnectedError | aiohttp.ClientOSError


def steps() -> aiohttp.TraceConfig:
    """Return tracing that records in a query's `time_limits.Progress` which step of connecting it has
    reached.
    """
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


def why(error: BaseException, shown: credentials.RequestCredentials, *, began: bool) -> faults.BackendDown:
    """Return the fault for a connection error. `began`: a part of the answer had arrived."""
    detail = f"{type(error).__name__}: {error}"
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return faults.BackendDown(
                "Prometheus' certificate is not trusted",
                detail=f"{cause.verify_message}; trusted CAs: {shown.trusted_cas}",
            )
        if isinstance(cause, ssl.SSLError) and "ALERT" in (cause.reason or ""):
            return faults.BackendDown(
                "Prometheus refuses the server's certificate, or its TLS",
                detail=f"{cause.reason}; client credential sent: {shown.presented}; "
                "see --prometheus-certificate",
            )
        if isinstance(cause, ssl.SSLError) and cause.reason in _NO_TLS:
            detail += "; if that address does not use TLS, give --prometheus http://…"
    return faults.BackendDown(_what(error, began=began), detail=detail)


def _what(error: BaseException, *, began: bool) -> str:
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return "Prometheus cannot be reached: no connection could be made in time"
    if isinstance(error, aiohttp.ClientPayloadError) and isinstance(error.__cause__, _PACKED):
        return "Prometheus' answer cannot be decompressed"
    if began and isinstance(error, _BROKEN_OFF):
        return "Prometheus' answer ended before it was complete"
    if isinstance(error, _NO_HTTP):
        return "Prometheus' address answers something that is not HTTP"
    return "Prometheus cannot be reached"


def let_go(error: BaseException) -> None:
    """Remove the tracebacks of an error and its causes, so that their frames are freed at once.

    aiohttp stores errors in the objects that raise them. This reference cycle would keep everything that was
    received in memory until the garbage collector runs.
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
    # aiohttp's own errors inherit from those of `ssl` but lack their attributes, such as `reason`.
    while error is not None:
        if not isinstance(error, aiohttp.ClientError):
            yield error
        error = error.__cause__ or error.__context__
