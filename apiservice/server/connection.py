"""One connection: HTTP from its acceptance to its end, with a count of what it holds.

TLS and HTTP are those of the event loop and of aiohttp. aiohttp limits lines and the number of fields, not a
head as a whole, nor its time; both are limited here and in `connections`. Bodies are skipped: nothing can be
written.
"""

import asyncio
import dataclasses
import logging
from typing import Protocol, cast

from aiohttp import http_exceptions, streams, web

_FIELD = 512
"""Bytes that a header field takes in memory beside its text, twice: aiohttp keeps it raw and decoded."""
_PIPELINED = 2
"""Requests of one connection that are read before the one before them is answered."""
_UNTAKEN = 16 * 1024
"""Bytes of answers that a connection holds before its next answer waits."""
_BODY = 16 * 1024
"""Bytes of a request's body that are held. Bodies are refused, and skipped."""
_LONG = 4096
"""Bytes of a head that is longer than usual."""
LINGER = 2.0
"""Seconds in which the rest of a body is skipped, and in which a client may say goodbye in TLS."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What all connections together and each of them may take. Times are in seconds."""

    connections: int = 1024
    strangers: int = 128
    """Of these, such as have not shown a valid credential yet. A new connection is one of them."""
    buffered: int = 16 << 20
    """Bytes of requests that are not answered, and of answers that are not taken, over all connections."""
    head: int = 256 << 10
    """Bytes of a request line and its header fields."""
    fields: int = 2000
    unfinished: float = 10.0
    """For a TLS handshake, and from the first byte of a head to its last."""
    stranger: float = 10.0
    """Until the next request of a client that is not known."""
    idle: float = 90.0
    """Until the next request of a client that is."""
    untaken: float = 30.0
    """In which a client takes none of its answer."""


class Hall(Protocol):
    """What a connection needs to know of where all are kept."""

    limits: Limits

    def weigh(self, change: int) -> None:
        """What it holds has changed by so many bytes."""

    def read(self, number: int) -> None:
        """It has read so many bytes of a long head."""

    def gone(self, connection: "Connection") -> None:
        """It has ended."""


class Connection(web.RequestHandler):
    """One connection, from its acceptance on; `transport` is None before the handshake."""

    def __init__(
        self,
        hall: Hall,
        *,
        server: web.Server,
        host: str,
        loop: asyncio.AbstractEventLoop,
        log: logging.Logger,
    ) -> None:
        limits = hall.limits
        super().__init__(
            server,
            loop=loop,
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
        """Whether its client has shown a valid credential."""
        self.since = loop.time()
        """When what it is waited for began to be waited for: a handshake, a head, a request."""
        self.blocked: float | None = None
        """Since when the client takes nothing of its answer."""
        self.weight = 0
        """Bytes of what it holds."""
        self._hall = hall
        self._answered = 0
        self._head = 0
        self._body: streams.StreamReader | None = None
        self._line: asyncio.Transport | None = None

    @property
    def is_answering(self) -> bool:
        return self._request_count > self._answered

    @property
    def is_stranger(self) -> bool:
        """Whether it was answered before and its client is not known even so."""
        return not self.known and self._request_count > 1

    @property
    def is_unfinished(self) -> bool:
        """Whether a handshake or a head has begun and not ended, or no request ever came."""
        return self._line is None or self._head > 0 or self._request_count == 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._line = cast(asyncio.Transport, transport)
        self._line.set_write_buffer_limits(high=_UNTAKEN)
        self.since = self._loop.time()

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        self.let_go()

    def let_go(self) -> None:
        """It has ended: nothing of it may wait for the garbage collector, which is at work but seldom."""
        if self._body is not None and not self._body.is_eof():
            self._body.feed_eof()
        self._line = self._body = self._parser = None
        self._messages.clear()
        self._hall.gone(self)

    def data_received(self, data: bytes) -> None:
        count, had, body = self._request_count, self._head, self._body
        # The last request is held until there is another.
        is_fresh = not had and not self.is_answering
        if had and had + len(data) > self._hall.limits.head:
            end = data.find(b"\r\n\r\n")
            if had + (end if end >= 0 else len(data)) > self._hall.limits.head:
                self._refuse()
                return
        super().data_received(data)
        if not data:
            return
        if self._request_count > count:
            # The end of the last head that has one; a later one has only begun.
            self._head = len(data) - data.rfind(b"\r\n\r\n") - 4 if b"\r\n\r\n" in data else len(data)
            self._body = self._messages[-1][1]
            if isinstance(error := getattr(self._messages[-1][0], "exc", None), BaseException):
                # It is in a variable of a frame of its own traceback.
                error.__traceback__ = None
        elif body is not None and not body.is_eof():
            self._head = 0
        else:
            self._head += len(data)
        if self._head and not had:
            self.since = self._loop.time()
        if had + len(data) > _LONG:
            self._hall.read(len(data))
        held = 0 if is_fresh else self.weight
        self._hold(held + len(data) + _FIELD * data.count(b"\n"))
        if self._head > self._hall.limits.head:
            self._refuse()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.blocked = self._loop.time()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.blocked = None

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        body = (resp.content_length or 0) if isinstance(resp, web.Response) else 0
        self._hold(self.weight + body)
        try:
            return await super().finish_response(request, resp, start_time)
        finally:
            self.since = self._loop.time()
            self._answered += 1
            self._hold(max(self.weight - body, 0))

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What is not HTTP is answered as Go answers it, without a word of what was sent."""
        if isinstance(exc, http_exceptions.HttpProcessingError):
            too_large = isinstance(exc, http_exceptions.LineTooLong) or "Too many headers" in exc.message
            return Malformed(_TOO_LARGE if too_large else _MALFORMED)
        return super().handle_error(request, status, exc, message)

    def cut(self) -> None:
        """Ends it at once."""
        if self._line is not None:
            self._line.abort()

    def _refuse(self) -> None:
        """The head is too large. What was asked before it is answered."""
        if not self.is_answering and self.transport is not None:
            self.transport.write(_TOO_LARGE)
            self.force_close()
        self.close()

    def _hold(self, weight: int) -> None:
        change, self.weight = weight - self.weight, weight
        self._hall.weigh(change)


def _refusal(status: str) -> bytes:
    """As Go's net/http writes it."""
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n{status}"
    ).encode()


_MALFORMED = _refusal("400 Bad Request")
_TOO_LARGE = _refusal("431 Request Header Fields Too Large")


class Malformed(web.Response):
    """An answer to what is not HTTP."""

    def __init__(self, raw: bytes) -> None:
        super().__init__(status=400)
        self._raw = raw
        self.force_close()

    async def prepare(self, request: web.BaseRequest) -> None:
        if request.transport is not None:
            request.transport.write(self._raw)

    async def write_eof(self, data: bytes = b"") -> None:
        """All is written."""
