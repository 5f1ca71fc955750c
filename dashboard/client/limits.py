"""Limit the total time and the size of an answer.

The timeout of requests applies to each read, so an answer that arrives byte by byte never exceeds it. Here
the socket is shut down when the time is over, which ends every read of it. The size limit applies to the
decompressed body, because a small compressed body could otherwise fill the memory.
"""

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import requests
import requests.adapters
import urllib3
import urllib3.connection

_CHUNK = 64 * 1024  # bytes
_thread = threading.local()


class TooLarge(Exception):
    """The answer is larger than allowed."""


class TooSlow(Exception):
    """The answer was not complete in time."""


class _SocketTimer:
    """Shuts down a socket after some seconds."""

    def __init__(self, seconds: float) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self.has_expired = False
        self._timer = threading.Timer(seconds, self._shut_down)
        self._timer.daemon = True
        self._timer.start()

    def watch(self, open_socket: Any) -> None:
        """Shut down this socket when the time is over."""
        with self._lock:
            # TLS inside TLS (an https proxy) is not a socket; then only the timeout of each read applies.
            self._socket = open_socket if isinstance(open_socket, socket.socket) else None

    def cancel(self) -> None:
        """Stop the timer."""
        self._timer.cancel()

    def _shut_down(self) -> None:
        with self._lock:
            self.has_expired = True
            if self._socket is not None:
                with contextlib.suppress(OSError):
                    # Not SSLSocket.shutdown, which would remove the TLS state that another thread reads from.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Requests of this thread inside the block end after `seconds` with `TooSlow`."""
    timer = _thread.timer = _SocketTimer(seconds)
    try:
        yield
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        if timer.has_expired:
            raise TooSlow from error
        raise
    finally:
        timer.cancel()
        _thread.timer = None
    if timer.has_expired:
        raise TooSlow


def body(response: requests.Response, *, most: int) -> bytes:
    """The decompressed body of a streamed answer. Raises `TooLarge` as soon as it exceeds `most` bytes."""
    with contextlib.closing(response):
        found = bytearray()
        for chunk in response.iter_content(_CHUNK):
            found += chunk
            if len(found) > most:
                raise TooLarge
        return bytes(found)


class Adapter(requests.adapters.HTTPAdapter):
    """Connections that `time_limit` can end."""

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool: Any) -> None:
        """Create pools whose sockets `time_limit` can shut down."""
        super().init_poolmanager(connections, maxsize, block, **pool)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **pool: Any) -> Any:
        """The same for connections through a proxy."""
        manager = super().proxy_manager_for(proxy, **pool)
        manager.pool_classes_by_scheme = _POOLS
        return manager


class _Plain(urllib3.connection.HTTPConnection):
    def getresponse(self) -> Any:
        _watch(self.sock)
        return super().getresponse()


class _Tls(urllib3.connection.HTTPSConnection):
    def getresponse(self) -> Any:
        _watch(self.sock)
        return super().getresponse()


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Plain


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Tls


_POOLS = {"http": _PlainPool, "https": _TlsPool}


def _watch(open_socket: Any) -> None:
    timer: _SocketTimer | None = getattr(_thread, "timer", None)
    if timer is not None:
        timer.watch(open_socket)
