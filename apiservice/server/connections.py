"""All connections of a server, and the limits of their number, memory and time.

A client can open connections and send data before it is authenticated, so all connections together are
limited. When there are too many, a new one takes the place of an old one: first of the oldest stranger (a
connection whose client is not authenticated yet) from the address with the most strangers; then of the
authenticated connection that has been idle longest. So a new client is served although other clients keep
their connections open.
"""

import asyncio
import collections
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from typing import Protocol

from aiohttp import http_exceptions, web
from yarl import _url

from apiservice.observe import connection_events
from apiservice.server import connection

_LONG_URLS = 4 << 20
"""Bytes of long heads after which yarl's caches of URLs are cleared."""


def _is_not_malformed_http(record: logging.LogRecord) -> bool:
    """Drops log records about malformed HTTP, which any client can send."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, http_exceptions.HttpProcessingError)


_log = logging.getLogger("apiservice.server.connections")
_log.addFilter(_is_not_malformed_http)


def _forget_urls() -> None:
    """Clears yarl's caches: they keep the last 128 URLs of any length, and no public function clears them."""
    for remembered in (_url.build_pre_encoded_url, _url.pre_encoded_url, _url.encode_url, _url.from_parts):
        remembered.cache_clear()


class ConnectionObserver(Protocol):
    """Counts connections."""

    def opened(self, number: int) -> None:
        """The number of open connections is now `number`."""

    def cut(self, why: connection_events.Cut) -> None:
        """The server has ended a connection."""


def _rests(one: connection.Connection) -> bool:
    return not one.is_answering or one.blocked is not None


def _is_stranger(one: connection.Connection) -> bool:
    return one.is_stranger


class ConnectionPool:
    """All connections. Ends those that use too much memory or time."""

    def __init__(
        self,
        handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        *,
        tls: ssl.SSLContext,
        limits: connection.ConnectionLimits,
        observer: ConnectionObserver,
    ) -> None:
        self.limits = limits
        self.is_stopping = False
        self._server = web.Server(handler)
        self._tls = tls
        self._observer = observer
        self._loop = asyncio.get_running_loop()
        self._strangers: dict[str, collections.OrderedDict[connection.Connection, None]] = {}
        """Connections without an authenticated client, by address, the oldest first."""
        self._known: collections.OrderedDict[connection.Connection, None] = collections.OrderedDict()
        """Connections with an authenticated client, the one whose last request is oldest first."""
        self._handshakes: dict[connection.Connection, asyncio.Task[None]] = {}
        self._weight = 0
        self._long = 0
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._known) + sum(map(len, self._strangers.values()))

    def __iter__(self) -> Iterator[connection.Connection]:
        for strangers in list(self._strangers.values()):
            yield from list(strangers)
        yield from list(self._known)

    def take(self, accepted: socket.socket, *, host: str) -> None:
        """Adds an accepted connection, or closes it if there are too many and none can be ended."""
        strangers = len(self) - len(self._known)
        is_full = strangers >= self.limits.strangers or len(self) >= self.limits.connections
        if is_full and not self.make_room():
            self._observer.cut(connection_events.Cut.FULL)
            accepted.close()
            return
        one = connection.Connection(self, server=self._server, host=host, loop=self._loop, log=_log)
        self._strangers.setdefault(host, collections.OrderedDict())[one] = None
        self._changed()
        self._handshakes[one] = self._loop.create_task(self._shake(accepted, one=one))

    def make_room(self) -> bool:
        """Ends one connection to make room for another. Returns False if none may be ended."""
        for is_dispensable in (_rests, _is_stranger):
            for strangers in sorted(self._strangers.values(), key=len, reverse=True):
                if self._cut_first(strangers, which=is_dispensable):
                    return True
        return self._cut_first(self._known, which=_rests)

    def _cut_first(
        self,
        those: collections.OrderedDict[connection.Connection, None],
        *,
        which: Callable[[connection.Connection], bool],
    ) -> bool:
        found = next(filter(which, those), None)
        if found is None:
            return False
        self._cut(found, why=connection_events.Cut.ROOM)
        return True

    def recognize(self, one: connection.Connection) -> None:
        """The client has sent an authenticated request on this connection."""
        if one in self._known:
            self._known.move_to_end(one)
        elif self._forget(one):
            one.known = True
            self._known[one] = None
            self._changed()

    def weigh(self, change: int) -> None:
        """The memory use of a connection has changed by so many bytes."""
        self._weight += change
        if change > 0:
            self._relieve()

    def _relieve(self) -> None:
        while self._weight > self.limits.buffered:
            heaviest = max(filter(self._may_be_cut, self), key=lambda held: held.weight, default=None)
            if heaviest is None:
                return
            self._cut(heaviest, why=connection_events.Cut.MEMORY)

    def read(self, number: int) -> None:
        """A connection has read so many bytes of a long head."""
        self._long += number
        if self._long > _LONG_URLS:
            self._long = 0
            _forget_urls()

    def gone(self, one: connection.Connection) -> None:
        """The connection has ended."""
        if self._forget(one):
            self._weight -= one.weight
            one.weight = 0
            self._changed()

    def sweep(self) -> None:
        """Ends connections that exceed a time or the memory limit. To be called regularly."""
        now = self._loop.time()
        for one in self:
            why = self._overdue(one, now=now)
            if why is not None:
                self._cut(one, why=why)
        self._relieve()

    async def stop(self, *, unfinished: float, answering: float) -> None:
        """Closes all connections.

        Idle ones are closed at once, and those with an incomplete handshake or head after `unfinished`
        seconds. The others are closed when they are answered, at the latest after `answering` seconds.
        """
        self.is_stopping = True
        for one in self:
            if not one.is_unfinished and not one.is_answering:
                one.force_close()
        await self._until_empty(unfinished)
        for one in self:
            if not one.is_answering:
                self._cut(one, why=None)
        await self._until_empty(answering - unfinished)
        for one in self:
            self._cut(one, why=None)
        await asyncio.gather(*self._handshakes.values(), return_exceptions=True)

    async def _until_empty(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._empty.wait()
        except TimeoutError:
            return

    async def _shake(self, accepted: socket.socket, *, one: connection.Connection) -> None:
        try:
            await self._loop.connect_accepted_socket(
                lambda: one,
                accepted,
                ssl=self._tls,
                ssl_handshake_timeout=self.limits.unfinished,
                ssl_shutdown_timeout=connection.LINGER,
            )
        except OSError:
            self._observer.cut(connection_events.Cut.HANDSHAKE)
            one.let_go()
        except asyncio.CancelledError:
            one.let_go()
            raise
        finally:
            self._handshakes.pop(one, None)

    def _overdue(self, one: connection.Connection, *, now: float) -> connection_events.Cut | None:
        limits = self.limits
        if one.blocked is not None:
            return connection_events.Cut.UNTAKEN if now - one.blocked > limits.untaken else None
        if one.is_answering or one in self._handshakes:
            return None
        waited = now - one.since
        if one.is_unfinished:
            return connection_events.Cut.HEAD if waited > limits.unfinished else None
        return (
            connection_events.Cut.IDLE if waited > (limits.idle if one.known else limits.stranger) else None
        )

    def _may_be_cut(self, one: connection.Connection) -> bool:
        """Whether the memory limit may end it. A client that reads its large answer steadily is kept."""
        if one.weight == 0:
            return False
        if one.is_answering:
            return one.is_stranger or (one.blocked is not None and self._loop.time() - one.blocked > 1.0)
        return True

    def _cut(self, one: connection.Connection, *, why: connection_events.Cut | None) -> None:
        if why is not None:
            self._observer.cut(why)
        handshake = self._handshakes.get(one)
        if handshake is not None:
            handshake.cancel()
        one.cut()
        self.gone(one)

    def _forget(self, one: connection.Connection) -> bool:
        strangers = self._strangers.get(one.host)
        if strangers is not None and one in strangers:
            del strangers[one]
            if not strangers:
                del self._strangers[one.host]
            return True
        if one in self._known:
            del self._known[one]
            return True
        return False

    def _changed(self) -> None:
        number = len(self)
        self._observer.opened(number)
        if number:
            self._empty.clear()
        else:
            self._empty.set()
