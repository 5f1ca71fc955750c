"""The HTTP server (waitress), protected against slow clients.

waitress closes idle connections, but keeps one that sends a byte now and then for ever. Here a request must
be complete in time. If there are too many connections, the oldest one without a complete request is closed,
as in nginx.
"""

import time
from typing import Any

import waitress
import waitress.channel

from dashboard.web import gate, sites

_REQUEST_TIMEOUT_S = 20  # from the first byte of a request to the last
_IDLE_TIMEOUT_S = 60  # between two requests
_MOST_CONNECTIONS = 300
_LARGEST_HEADERS = 32 * 1024  # bytes: enough for a token of 16 KiB, a cookie and an address


class _Channel(waitress.channel.HTTPChannel):  # type: ignore[misc]  # waitress has no types
    request_started: float | None = None  # time of the first byte of an incomplete request
    request_timeout: float = _REQUEST_TIMEOUT_S
    max_connections: int = _MOST_CONNECTIONS

    def __init__(self, server: Any, *arguments: Any, **named: Any) -> None:
        super().__init__(server, *arguments, **named)
        self.opened_at = time.monotonic()
        if len(server.active_channels) > self.max_connections:
            _close_oldest_waiting(server, except_for=self)

    def received(self, data: bytes) -> bool:
        """Handle received bytes; close the connection if the request took too long."""
        now = time.monotonic()
        if (
            self.request is not None
            and self.request_started is not None
            and now - self.request_started > self.request_timeout
        ):
            self.will_close = True
            return False
        accepted: bool = super().received(data)
        if self.request is None:
            self.request_started = None
        elif self.request_started is None:
            self.request_started = now
        return accepted

    def is_waiting(self) -> bool:
        """Whether no request of the connection is in progress."""
        return not self.requests and not self.total_outbufs_len and not self.will_close


def _close_oldest_waiting(server: Any, *, except_for: _Channel) -> None:
    waiting = [one for one in server.active_channels.values() if one is not except_for and one.is_waiting()]
    if waiting:
        min(waiting, key=lambda one: one.opened_at).will_close = True


def server(
    site: sites.Site,
    *,
    host: str,
    port: int,
    request_timeout: float = _REQUEST_TIMEOUT_S,
    max_connections: int = _MOST_CONNECTIONS,
) -> Any:
    """A listening server; its `run` method serves until the process ends.

    A request must be complete within `request_timeout` seconds. Above `max_connections`
    the oldest waiting one is closed.
    """
    listener = waitress.create_server(
        site.application,
        host=host,
        port=port,
        ident=None,
        max_request_body_size=gate.LARGEST_BODY,
        max_request_header_size=_LARGEST_HEADERS,
        channel_timeout=_IDLE_TIMEOUT_S,
        cleanup_interval=5,
        connection_limit=max_connections + 100,
        asyncore_use_poll=True,
        **site.options,
    )
    settings = {"request_timeout": request_timeout, "max_connections": max_connections}
    for one in _parts(listener):
        one.channel_class = type("Channel", (_Channel,), settings)
    return listener


def _parts(listener: Any) -> list[Any]:
    """The servers, one for each address of a host name such as localhost."""
    several = [one for one in getattr(listener, "map", {}).values() if hasattr(one, "channel_class")]
    return several or [listener]
