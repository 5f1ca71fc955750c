"""How long an answer may take in all, and how large it may be.

A timeout of requests runs between two bytes, so an answer that drips never meets it, neither in its head nor
in its body. Here the socket is shut when the time is over, which ends whatever waits for it. The size is that
of the unpacked body: what is packed well could fill the memory as well.
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

_PIECE = 64 * 1024  # bytes
_waiting = threading.local()


class TooLarge(Exception):
    """The answer is larger than allowed."""


class Overdue(Exception):
    """The answer was not whole in time."""


class _Cut:
    """Shuts a socket when its time is over."""

    def __init__(self, seconds: float) -> None:
        self._guard = threading.Lock()
        self._socket: socket.socket | None = None
        self.is_over = False
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._timer.start()

    def covers(self, connected: Any) -> None:
        with self._guard:
            # A proxy that is reached by TLS has none that could be shut; its bytes are waited for one by one.
            self._socket = connected if isinstance(connected, socket.socket) else None

    def cancel(self) -> None:
        self._timer.cancel()

    def _end(self) -> None:
        with self._guard:
            self.is_over = True
            if self._socket is not None:
                with contextlib.suppress(OSError):
                    # Of the plain socket below: that of TLS would be taken from under whoever reads.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """Whatever this thread asks inside is over after this time, with `Overdue`."""
    cut = _waiting.cut = _Cut(seconds)
    try:
        yield
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        if cut.is_over:
            raise Overdue from error
        raise
    finally:
        cut.cancel()
        _waiting.cut = None
    if cut.is_over:
        raise Overdue


def body(response: requests.Response, *, most: int) -> bytes:
    """The unpacked body of a streamed answer; `TooLarge` above `most` bytes, having read little more."""
    with contextlib.closing(response):
        found = bytearray()
        for piece in response.iter_content(_PIECE):
            found += piece
            if len(found) > most:
                raise TooLarge
        return bytes(found)


class Adapter(requests.adapters.HTTPAdapter):
    """Connections that `within` can cut."""

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool: Any) -> None:
        super().init_poolmanager(connections, maxsize, block, **pool)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **pool: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **pool)
        manager.pool_classes_by_scheme = _POOLS
        return manager


class _Plain(urllib3.connection.HTTPConnection):
    def getresponse(self) -> Any:
        _cover(self.sock)
        return super().getresponse()


class _Tls(urllib3.connection.HTTPSConnection):
    def getresponse(self) -> Any:
        _cover(self.sock)
        return super().getresponse()


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Plain


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Tls


_POOLS = {"http": _PlainPool, "https": _TlsPool}


def _cover(connected: Any) -> None:
    cut: _Cut | None = getattr(_waiting, "cut", None)
    if cut is not None:
        cut.covers(connected)
