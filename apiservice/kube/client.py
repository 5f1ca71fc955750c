"""Requests to the kube-apiserver, over one pool of connections.

All requests to it are sent from here. Every error is raised as one of these:

    KubeApiError
    ├── Unreachable   no connection, no answer in time, or a temporary failure: a retry may help
    ├── Refused       an answer with an error code, which a retry does not change
    └── Garbled       an answer that is not in the form of the Kubernetes API
"""

import asyncio
import contextlib
import dataclasses
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import aiohttp
import orjson
from aiohttp import http_exceptions

from apiservice.runtime import backoff

_BUSY = frozenset({429, 500, 502, 503, 504})
"""HTTP codes after which a retry may help."""
_SENT = {"PATCH": "application/merge-patch+json"}
"""Content types of methods that do not send plain JSON."""
_CONNECTIONS = 32
JSON = "application/json"
_LINE = 1 << 21
"""Bytes; aiohttp allows lines of twice this size in a watch. etcd stores objects of up to 1.5 MiB."""
_LONGEST = 1 << 28
"""Bytes of an answer after decompression. A page of 500 objects has about 5 MiB."""
_EXPLAINED = 1 << 16
"""Bytes of an error's body that are read."""


class KubeApiError(Exception):
    """A request to the kube-apiserver failed. The message begins with the path."""


class Unreachable(KubeApiError):
    """There is no connection, no answer in time, or an answer with a temporary error code."""


class Refused(KubeApiError):
    """The kube-apiserver answered with an error. `code` is the HTTP code."""

    def __init__(self, message: str, *, code: int) -> None:
        super().__init__(message)
        self.code = code


class Garbled(KubeApiError):
    """The answer does not have the form that the Kubernetes API defines."""


async def no_credential() -> None:
    """No `Authorization` header: the client certificate of the connection is the credential."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionConfig:
    """The kube-apiserver's URL, and the credentials for it."""

    url: str
    tls: ssl.SSLContext | None = None
    authorization: Callable[[], Awaitable[str | None]] = no_credential
    """Returns the current value of the header. It is called for each request, as tokens are short-lived."""
    server_name: str | None = None
    """The host name in the kube-apiserver's certificate, if it is not the URL's host."""


class KubeApi:
    """An open pool of connections. `patience` is the time in seconds for a request with all its attempts.

    All methods raise `KubeApiError`.
    """

    def __init__(
        self,
        connection: ConnectionConfig,
        *,
        http: aiohttp.ClientSession,
        patience: float,
        attempts: int,
        pauses: backoff.Backoff,
        longest: int = _LONGEST,
    ) -> None:
        self._connection = connection
        self._http = http
        self._patience = patience
        self._attempts = attempts
        self._pauses = pauses
        self._longest = longest

    async def post(self, path: str, *, body: Mapping[str, Any]) -> dict[str, Any]:
        """The object as the kube-apiserver returns it after creating it."""
        return await self._persistently("POST", path, query={}, data=orjson.dumps(body))

    async def put(self, path: str, *, body: Mapping[str, Any]) -> dict[str, Any]:
        """The object after it is replaced. If it has changed since it was read: `Refused` with code 409."""
        return await self._persistently("PUT", path, query={}, data=orjson.dumps(body))

    async def patch(self, path: str, *, body: Mapping[str, Any]) -> dict[str, Any]:
        """The object after these fields are replaced, as a JSON merge patch does."""
        return await self._persistently("PATCH", path, query={}, data=orjson.dumps(body))

    async def get(self, path: str, *, query: Mapping[str, str], accept: str = JSON) -> dict[str, Any]:
        """The object or list at the path. `accept` is the `Accept` header."""
        return await self._persistently("GET", path, query=query, data=None, accept=accept)

    async def watch(
        self, path: str, *, query: Mapping[str, str], silence: float
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Events until the kube-apiserver ends the watch.

        Raises `Unreachable` after `silence` seconds without an event.
        """
        async with self.watching(path, query=query, silence=silence) as events:
            async for event in events:
                yield event

    @contextlib.asynccontextmanager
    async def watching(
        self, path: str, *, query: Mapping[str, str], silence: float, accept: str = JSON
    ) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        """The same as a context. It is entered when the watch has begun, even if there is no event yet."""
        limits = aiohttp.ClientTimeout(total=None, sock_connect=self._patience, sock_read=silence)
        begun = self._response("GET", path, query=query, data=None, limits=limits, accept=accept)
        try:
            async with asyncio.timeout(self._patience) as beginning, begun as response:
                beginning.reschedule(None)
                yield _events(response, path=path, silence=silence)
        except TimeoutError:
            raise Unreachable(f"{path}: no watch within {self._patience:g} s") from None

    async def _persistently(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str],
        data: bytes | None,
        accept: str = JSON,
    ) -> dict[str, Any]:
        pauses = self._pauses.pauses()
        try:
            async with asyncio.timeout(self._patience):
                for _ in range(self._attempts - 1):
                    with contextlib.suppress(Unreachable):
                        return await self._once(method, path, query=query, data=data, accept=accept)
                    await asyncio.sleep(next(pauses))
                return await self._once(method, path, query=query, data=data, accept=accept)
        except TimeoutError:
            raise Unreachable(f"{path}: no answer within {self._patience:g} s") from None

    async def _once(
        self, method: str, path: str, *, query: Mapping[str, str], data: bytes | None, accept: str
    ) -> dict[str, Any]:
        limits = aiohttp.ClientTimeout(total=self._patience)
        async with self._response(
            method, path, query=query, data=data, limits=limits, accept=accept
        ) as response:
            return _object(await _body(response, path=path, longest=self._longest), path=path)

    @contextlib.asynccontextmanager
    async def _response(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str],
        data: bytes | None,
        limits: aiohttp.ClientTimeout,
        accept: str,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A successful response. Errors of aiohttp, also while reading it, become a `KubeApiError`."""
        headers = {"Accept": accept, "Content-Type": _SENT.get(method, JSON)}
        try:
            if (authorization := await self._connection.authorization()) is not None:
                headers["Authorization"] = authorization
            async with self._http.request(
                method,
                self._connection.url + path,
                params=query,
                data=data,
                headers=headers,
                timeout=limits,
                allow_redirects=False,
                read_bufsize=_LINE,
                server_hostname=self._connection.server_name,
            ) as response:
                if response.status >= 300:
                    body = await response.content.read(_EXPLAINED)
                    raise _failure(body, code=response.status, path=path)
                yield response
        except (aiohttp.ClientError, OSError) as error:
            raise Unreachable(f"{path}: {str(error) or type(error).__name__}") from error
        except http_exceptions.HttpProcessingError as error:
            # For a too long line of a watch, aiohttp raises this and no ClientError.
            raise Garbled(f"{path}: {error}") from error


@contextlib.asynccontextmanager
async def connect(
    connection: ConnectionConfig,
    *,
    patience: float = 10.0,
    attempts: int = 5,
    pauses: backoff.Backoff | None = None,
    longest: int = _LONGEST,
) -> AsyncIterator[KubeApi]:
    """A pool of connections, which is closed when the block is left.

    `patience` is the time in seconds for a request with at most `attempts` attempts; `longest` is the
    greatest size of an answer in bytes.
    """
    connector = aiohttp.TCPConnector(limit=_CONNECTIONS, ssl=connection.tls or True)
    async with aiohttp.ClientSession(connector=connector) as http:
        yield KubeApi(
            connection,
            http=http,
            patience=patience,
            attempts=attempts,
            pauses=pauses or backoff.Backoff(),
            longest=longest,
        )


async def _body(response: aiohttp.ClientResponse, *, path: str, longest: int) -> bytearray:
    body = bytearray()
    while chunk := await response.content.readany():
        body += chunk
        if len(body) > longest:
            raise Garbled(f"{path}: the answer is longer than {longest} bytes")
    return body


async def _events(
    response: aiohttp.ClientResponse, *, path: str, silence: float
) -> AsyncIterator[dict[str, Any]]:
    while True:
        try:
            # The limit is for a whole event: it could arrive in small pieces without end.
            async with asyncio.timeout(silence):
                line = await response.content.readline()
        except TimeoutError:
            raise Unreachable(f"{path}: timeout, no event of the watch within {silence:g} s") from None
        if not line:
            return
        if not line.endswith(b"\n"):
            raise Unreachable(f"{path}: the watch was cut off in the middle of an event")
        yield _object(line, path=path)


def _object(body: bytes | bytearray, *, path: str) -> dict[str, Any]:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Garbled(f"{path}: the answer is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise Garbled(f"{path}: the answer is not an object")
    return value


def _failure(body: bytes, *, code: int, path: str) -> KubeApiError:
    try:
        reason = str(_object(body, path=path).get("message", ""))
    except Garbled:
        reason = ""
    message = f"{path}: {code} {reason}".rstrip()
    return Unreachable(message) if code in _BUSY else Refused(message, code=code)
