"""Listening sockets. Connections are accepted in small groups, so that open connections are not delayed."""

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import Iterator, Sequence
from typing import Any

from apiservice.runtime import throttled_log
from apiservice.server import connections

_log = logging.getLogger(__name__)
_AT_ONCE = 16
"""Connections accepted before the event loop runs other tasks."""
_PAUSE = 0.1
"""Seconds until the next attempt to accept when the system lacks file descriptors or memory."""
_RECEIVED = 16 * 1024
"""Bytes of the kernel's receive buffer for each connection. One read can bring this much to TLS and HTTP."""
_SENT = 128 * 1024
"""Bytes of the kernel's send buffer for each connection."""
_LACKS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


async def bind(host: str, *, port: int, backlog: int) -> list[socket.socket]:
    """Listening sockets for all addresses of the host. Raises `OSError`."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    with contextlib.ExitStack() as opened:
        sockets = []
        for family, kind, protocol, _, address in dict.fromkeys(found):
            one = opened.enter_context(socket.socket(family, kind, protocol))
            _listen(one, address=address, backlog=backlog)
            sockets.append(one)
        opened.pop_all()
        return sockets


def _listen(one: socket.socket, *, address: Any, backlog: int) -> None:
    one.setblocking(False)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVED)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SENT)
    if one.family == socket.AF_INET6:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    try:
        one.bind(address)
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise OSError(
            error.errno, f"error while attempting to bind on address {address!r}: {reason}"
        ) from None
    one.listen(backlog)


class Listener:
    """Accepts connections and gives them to the hall, until it is closed. Closes the sockets itself."""

    def __init__(self, sockets: Sequence[socket.socket], *, pool: connections.ConnectionPool) -> None:
        self._sockets = sockets
        self._pool = pool
        self._loop = asyncio.get_running_loop()
        self._throttled = throttled_log.ThrottledLog(_log)
        self._resuming: asyncio.TimerHandle | None = None
        self._resume()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the first socket."""
        host, port, *_ = self._sockets[0].getsockname()
        return host, port

    def close(self) -> None:
        """Accepts the connections that wait, then closes the sockets."""
        self._pause()
        if self._resuming is not None:
            self._resuming.cancel()
        for one in self._sockets:
            for accepted, host in self._accepted(one, most=self._pool.limits.connections):
                self._pool.take(accepted, host=host)
            one.close()

    def _resume(self) -> None:
        self._resuming = None
        for one in self._sockets:
            self._loop.add_reader(one.fileno(), self._accept, one)

    def _pause(self) -> None:
        for one in self._sockets:
            self._loop.remove_reader(one.fileno())

    def _accept(self, one: socket.socket) -> None:
        for accepted, host in self._accepted(one, most=_AT_ONCE):
            self._pool.take(accepted, host=host)

    def _accepted(self, one: socket.socket, *, most: int) -> Iterator[tuple[socket.socket, str]]:
        for _ in range(most):
            try:
                accepted, address = one.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                # Other errors concern the connection itself, which its client has already closed.
                if error.errno in _LACKS:
                    self._wait(error)
                    return
                continue
            accepted.setblocking(False)
            yield accepted, address[0]

    def _wait(self, error: OSError) -> None:
        self._throttled.warn(
            f"new connections cannot be accepted: {error.strerror}; raise the limit of open files"
        )
        self._pool.make_room()
        self._pause()
        if self._resuming is None:
            self._resuming = self._loop.call_later(_PAUSE, self._resume)
