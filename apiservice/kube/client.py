"""The few questions this server asks the kube-apiserver, over one pool of connections.

Nothing else here speaks to it, and whatever goes wrong comes out as one of these:

    KubeApiError
    ├── Unreachable   no connection, no answer in time, or not now: asking again may help
    ├── Refused       it says no, and with which code and why
    └── Garbled       it answers what no kube-apiserver answers
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
"""Codes after which asking again may help."""
_SENT = {"PATCH": "application/merge-patch+json"}
"""Content types, where they are not plain JSON."""
_CONNECTIONS = 32
JSON = "application/json"
_LINE = 1 << 21
"""Bytes; half of the longest line of a watch. etcd stores objects of up to 1.5 MiB."""
_LONGEST = 1 << 28
"""Bytes of an answer, unpacked. A page of 500 objects is some 5 MiB."""
_EXPLAINED = 1 << 16
"""Bytes of a refusal that are read."""


class KubeApiError(Exception):
    """The question has no answer."""


class Unreachable(KubeApiError):
    """There is no connection or no answer, or not now."""


class Refused(KubeApiError):
    """The kube-apiserver says no."""

    def __init__(self, message: str, *, code: int) -> None:
        super().__init__(message)
        self.code = code


class Garbled(KubeApiError):
    """The answer is none of a kube-apiserver."""


async def nobody() -> None:
    """Asks without an `Authorization` header: the connection's certificate says who asks."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Where the kube-apiserver is, and as whom to ask it."""

    url: str
    tls: ssl.SSLContext | None = None
    authorization: Callable[[], Awaitable[str | None]] = nobody
    """The header's value at this time: tokens are short-lived."""
    server_name: str | None = None
    """In its certificate, where that is not the URL's."""


class KubeApi:
    """An open pool of connections. `patience` is in seconds, for a question with all its attempts."""

    def __init__(
        self,
        connection: Connection,
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
        """The object that the kube-apiserver makes of the given one."""
        return await self._persistently("POST", path, query={}, data=orjson.dumps(body))

    async def put(self, path: str, *, body: Mapping[str, Any]) -> dict[str, Any]:
        """The object as it is now. One that has changed since it was read is `Refused` with 409."""
        return await self._persistently("PUT", path, query={}, data=orjson.dumps(body))

    async def patch(self, path: str, *, body: Mapping[str, Any]) -> dict[str, Any]:
        """The object as it is now, with these fields replaced (a JSON merge patch)."""
        return await self._persistently("PATCH", path, query={}, data=orjson.dumps(body))

    async def get(self, path: str, *, query: Mapping[str, str], accept: str = JSON) -> dict[str, Any]:
        return await self._persistently("GET", path, query=query, data=None, accept=accept)

    async def watch(
        self, path: str, *, query: Mapping[str, str], silence: float
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Events until the kube-apiserver ends the watch. `silence` is how many seconds may hold none."""
        async with self.watching(path, query=query, silence=silence) as events:
            async for event in events:
                yield event

    @contextlib.asynccontextmanager
    async def watching(
        self, path: str, *, query: Mapping[str, str], silence: float, accept: str = JSON
    ) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        """The same, entered once it has begun: a watch may have nothing to tell for long."""
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
        """A successful one. Foreign errors, also those of reading it, are translated."""
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
            # A line of a watch that is too long is no ClientError.
            raise Garbled(f"{path}: {error}") from error


@contextlib.asynccontextmanager
async def connect(
    connection: Connection,
    *,
    patience: float = 10.0,
    attempts: int = 5,
    pauses: backoff.Backoff | None = None,
    longest: int = _LONGEST,
) -> AsyncIterator[KubeApi]:
    """A pool of connections, closed when the block is left."""
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
            # Of a whole event, which may come in pieces for ever.
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
        told = str(_object(body, path=path).get("message", ""))
    except Garbled:
        told = ""
    message = f"{path}: {code} {told}".rstrip()
    return Unreachable(message) if code in _BUSY else Refused(message, code=code)
