"""One connection with HTTP over TLS, from accept to close, and the memory that it uses.

The event loop implements TLS, aiohttp implements HTTP. aiohttp limits the length of lines and the number of
header fields, but not the size of a whole head nor the time for it. The size is limited here, the time in
`connections`. Bodies of requests are skipped, as the API is read-only.
"""

import asyncio
import dataclasses
import logging
from typing import Protocol, cast

from aiohttp import http_exceptions, streams, web

_FIELD = 512
"""Bytes of memory per header field in addition to its text; aiohttp keeps fields twice, raw and decoded."""
_PIPELINED = 2
"""Requests of a connection that are read ahead while an earlier one is being answered."""
_UNTAKEN = 16 * 1024
"""Bytes of answers in the write buffer above which a connection stops writing until the client reads."""
_BODY = 16 * 1024
"""Bytes of a request's body that are buffered. The body is then skipped."""
_LONG = 4096
"""Bytes above which a head counts as long."""
LINGER = 2.0
"""Seconds for skipping the rest of a body, and for the closing handshake of TLS."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """The limits of all connections together, and of each one. Times are in seconds.

    A stranger is a connection whose client has not been authenticated yet. Every connection begins as one.
    """

    connections: int = 1024
    strangers: int = 128
    """Connections that are strangers; they also count for `connections`."""
    buffered: int = 16 << 20
    """Bytes of unanswered requests and unread answers, over all connections."""
    head: int = 256 << 10
    """Bytes of a request line and its header fields."""
    fields: int = 2000
    """Header fields of a request."""
    unfinished: float = 10.0
    """For a TLS handshake, and from the first to the last byte of a head."""
    stranger: float = 10.0
    """Until the next request of a stranger."""
    idle: float = 90.0
    """Until the next request of an authenticated client."""
    untaken: float = 30.0
    """For which a client may read nothing of its answer."""


class Pool(Protocol):
    """The part of `connections.ConnectionPool` that a connection uses."""

    limits: ConnectionLimits

    def weigh(self, change: int) -> None:
        """The memory use of a connection has changed by so many bytes."""

    def read(self, number: int) -> None:
        """A connection has read so many bytes of a long head."""

    def gone(self, connection: "Connection") -> None:
        """The connection has ended."""


class Connection(web.RequestHandler):
    """One connection, from accept on. `transport` is None until the TLS handshake is over."""

    def __init__(
        self,
        pool: Pool,
        *,
        server: web.Server,
        host: str,
        loop: asyncio.AbstractEventLoop,
        log: logging.Logger,
    ) -> None:
        limits = pool.limits
        super().__init__(
            server,
            loop=loop,
            # aiohttp takes None for "no access log"; its annotation does not say so.
            access_log=None,  # type: ignore[arg-type]
            logger=log,
            keepalive_timeout=limits.idle,
            max_line_size=limits.head,
            max_field_size=limits.head,
            max_headers=limits.fields,
            read_bufsize=_BODY,
            lingering_time=LINGER,
            auto_decompress=False,
        )
        self._max_msg_queue_size, self._msg_queue_resume_size = _PIPELINED, 0
        self.host = host
        self.known = False
        """Whether its client has been authenticated. A stranger has not."""
        self.since = loop.time()
        """Start of the present wait: for a handshake, the rest of a head, or the next request."""
        self.blocked: float | None = None
        """Time at which the write buffer became full, as the client does not read; else None."""
        self.weight = 0
        """Bytes of memory for requests and answers."""
        self._pool = pool
        self._answered = 0
        self._head = 0
        self._body: streams.StreamReader | None = None
        self._line: asyncio.Transport | None = None

    @property
    def is_answering(self) -> bool:
        """Whether a request has been read and its answer is not sent yet."""
        return self._request_count > self._answered

    @property
    def is_stranger(self) -> bool:
        """Whether its client is not authenticated even after its first request."""
        return not self.known and self._request_count > 1

    @property
    def is_unfinished(self) -> bool:
        """Whether a handshake or a head is incomplete, or no request has come yet."""
        return self._line is None or self._head > 0 or self._request_count == 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: the TLS handshake is over."""
        super().connection_made(transport)
        self._line = cast(asyncio.Transport, transport)
        self._line.set_write_buffer_limits(high=_UNTAKEN)
        self.since = self._loop.time()

    def connection_lost(self, exc: BaseException | None) -> None:
        """asyncio: the connection is closed."""
        super().connection_lost(exc)
        self.let_go()

    def let_go(self) -> None:
        """Frees the memory of a connection that has ended, without waiting for the garbage collector."""
        if self._body is not None and not self._body.is_eof():
            self._body.feed_eof()
        self._line = self._body = self._parser = None
        self._messages.clear()
        self._pool.gone(self)

    def data_received(self, data: bytes) -> None:
        """asyncio: bytes have come. Counts them, and refuses a head that is too large."""
        count, had, body = self._request_count, self._head, self._body
        # aiohttp keeps the last request until the next one comes.
        is_fresh = not had and count == self._answered
        if had and had + len(data) > self._pool.limits.head:
            end = data.find(b"\r\n\r\n")
            if had + (end if end >= 0 else len(data)) > self._pool.limits.head:
                self._refuse()
                return
        super().data_received(data)
        if not data:
            return
        if self._request_count > count:
            # Bytes after the last complete head belong to the next head.
            end = data.rfind(b"\r\n\r\n")
            self._head = len(data) - end - 4 if end >= 0 else len(data)
            self._body = self._messages[-1][1]
            if isinstance(error := getattr(self._messages[-1][0], "exc", None), BaseException):
                # A frame of the traceback refers to the error: a cycle that only the garbage collector frees.
                error.__traceback__ = None
        elif body is not None and not body.is_eof():
            self._head = 0
        else:
            self._head += len(data)
        if self._head and not had:
            self.since = self._loop.time()
        if had + len(data) > _LONG:
            self._pool.read(len(data))
        held = 0 if is_fresh else self.weight
        self._hold(held + len(data) + _FIELD * data.count(b"\n"))
        if self._head > self._pool.limits.head:
            self._refuse()

    def pause_writing(self) -> None:
        """asyncio: the write buffer is full."""
        super().pause_writing()
        self.blocked = self._loop.time()

    def resume_writing(self) -> None:
        """asyncio: the client reads again."""
        super().resume_writing()
        self.blocked = None

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """aiohttp: sends the answer. A long body counts as memory of this connection meanwhile."""
        body = resp.content_length or 0
        if body > _UNTAKEN:
            self._hold(self.weight + body)
        try:
            return await super().finish_response(request, resp, start_time)
        finally:
            self.since = self._loop.time()
            self._answered += 1
            if body > _UNTAKEN:
                self._hold(max(self.weight - body, 0))

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """aiohttp: the answer to an error. Malformed HTTP gets the same answer as from Go's net/http."""
        if isinstance(exc, http_exceptions.HttpProcessingError):
            too_large = isinstance(exc, http_exceptions.LineTooLong) or "Too many headers" in exc.message
            return MalformedAnswer(_TOO_LARGE if too_large else _MALFORMED)
        return super().handle_error(request, status, exc, message)

    def cut(self) -> None:
        """Ends the connection at once."""
        if self._line is not None:
            self._line.abort()

    def _refuse(self) -> None:
        """Refuses a head that is too large. An earlier request is still answered."""
        if not self.is_answering and self.transport is not None:
            self.transport.write(_TOO_LARGE)
            self.force_close()
        self.close()

    def _hold(self, weight: int) -> None:
        change, self.weight = weight - self.weight, weight
        self._pool.weigh(change)


def _refusal(status: str) -> bytes:
    """The whole answer as Go's net/http sends it."""
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n{status}"
    ).encode()


_MALFORMED = _refusal("400 Bad Request")
_TOO_LARGE = _refusal("431 Request Header Fields Too Large")


class MalformedAnswer(web.Response):
    """An answer to malformed HTTP: its bytes are sent unchanged."""

    def __init__(self, raw: bytes) -> None:
        super().__init__(status=400)
        self._raw = raw
        self.force_close()

    async def prepare(self, request: web.BaseRequest) -> None:
        """Sends the bytes."""
        if request.transport is not None:
            request.transport.write(self._raw)

    async def write_eof(self, data: bytes = b"") -> None:
        """Does nothing, as `prepare` has sent all."""
