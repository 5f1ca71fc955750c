"""The HTTP server (waitress), protected against slow clients.

waitress closes idle connections, but keeps one that sends a byte now and then for ever. Here a request must
be complete in time. If there are too many connections, the oldest one without a complete request is closed,
as in nginx.
"""

import time
from typing import Any

import waitress
import waitress.channel

from dashboard.web import gate, serving

_WHOLE_S = 20  # from the first byte of a request to the last
_IDLE_S = 60  # between two requests
_MOST_CONNECTIONS = 300
_LARGEST_HEAD = 32 * 1024  # bytes: enough for a token of 16 KiB, a cookie and an address


class _Channel(waitress.channel.HTTPChannel):  # type: ignore[misc]  # waitress has no types
    began: float | None = None  # time of the first byte of an incomplete request
    whole: float = _WHOLE_S
    most: int = _MOST_CONNECTIONS

    def __init__(self, server: Any, *arguments: Any, **named: Any) -> None:
        super().__init__(server, *arguments, **named)
        self.came = time.monotonic()
        if len(server.active_channels) > self.most:
            _make_place(server, newest=self)

    def received(self, data: bytes) -> bool:
        """Handle received bytes; close the connection if the request took too long."""
        now = time.monotonic()
        if self.request is not None and self.began is not None and now - self.began > self.whole:
            self.will_close = True
            return False
        went_well: bool = super().received(data)
        if self.request is None:
            self.began = None
        elif self.began is None:
            self.began = now
        return went_well

    def is_waiting(self) -> bool:
        """Whether no request of the connection is in progress."""
        return not self.requests and not self.total_outbufs_len and not self.will_close


def _make_place(server: Any, *, newest: _Channel) -> None:
    waiting = [one for one in server.active_channels.values() if one is not newest and one.is_waiting()]
    if waiting:
        min(waiting, key=lambda one: one.came).will_close = True


def server(
    site: serving.Site, *, host: str, port: int, whole: float = _WHOLE_S, most: int = _MOST_CONNECTIONS
) -> Any:
    """A listening server; its `run` method serves until the process ends.

    A request must be complete within `whole` seconds. Above `most` connections
    the oldest waiting one is closed.
    """
    listening = waitress.create_server(
        site.application,
        host=host,
        port=port,
        ident=None,
        max_request_body_size=gate.LARGEST_BODY,
        max_request_header_size=_LARGEST_HEAD,
        channel_timeout=_IDLE_S,
        cleanup_interval=5,
        connection_limit=most + 100,
        asyncore_use_poll=True,
        **site.options,
    )
    for one in _parts(listening):
        one.channel_class = type("Channel", (_Channel,), {"whole": whole, "most": most})
    return listening


def _parts(listening: Any) -> list[Any]:
    """The servers, one for each address of a host name such as localhost."""
    several = [one for one in getattr(listening, "map", {}).values() if hasattr(one, "channel_class")]
    return several or [listening]
