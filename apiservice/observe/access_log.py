"""The access log: one line for each request, under the logger name `apiservice.access`.

    user=ann verb=get resource=fruits.fruits.example.com namespace=north name=apple status=200 ms=1.2 audit=…

A field without a value is left out. The resource is written as in RBAC rules; a request for another path has
`path=` instead. Queries and headers are not logged, as they may contain secrets. Passed health checks are not
logged, as there is one every few seconds.

No client can fill the log: the length of each field is limited, and so is the number of refused requests
logged in a second. One more line has the number of those that were left out.
"""

import json
import logging
import re
import time
from collections.abc import Callable, Iterator

from apiservice.request import request_info

_log = logging.getLogger("apiservice.access")
_LONGEST = 512
"""Characters of a field."""
_LONGEST_QUOTED = 128
"""Characters of a field that must be quoted. Escapes can make it six times as long."""
_REFUSED = 400
"""Lowest HTTP status of a refused request."""


class AccessLog:
    """Writes a line for each request, but for at most `most` refused requests in a second."""

    def __init__(self, *, most: int = 20, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._second = clock()
        self._written = 0
        self._left_out = 0

    def write(
        self,
        attributes: request_info.Attributes | None,
        *,
        method: str,
        path: str,
        user: str,
        status: int,
        seconds: float,
        audit: str,
    ) -> None:
        """Logs one request.

        `attributes` is None if the request could not be parsed; `user` is empty if it was not authenticated.
        """
        if not _log.isEnabledFor(logging.INFO):
            return
        self.settle()
        if status >= _REFUSED:
            if self._written >= self._most:
                self._left_out += 1
                return
            self._written += 1
        fields = {
            "user": user,
            "verb": attributes.verb if attributes is not None else method,
            **dict(_what(attributes, path=path)),
            "status": str(status),
            "ms": f"{seconds * 1000:.1f}",
            "audit": audit,
        }
        _log.info("%s", " ".join(f"{name}={word(value)}" for name, value in fields.items() if value))

    def settle(self) -> None:
        """Logs how many refused requests were left out, when their second is over."""
        now = self._clock()
        if now - self._second < 1.0:
            return
        left_out, self._left_out = self._left_out, 0
        self._second, self._written = now, 0
        if left_out:
            _log.info("more refused requests in this second, not logged: %d", left_out)


def _what(attributes: request_info.Attributes | None, *, path: str) -> Iterator[tuple[str, str]]:
    if attributes is None or not attributes.is_resource:
        yield "path", path
        return
    resource = ".".join(filter(None, (attributes.resource, attributes.group)))
    yield "resource", "/".join(filter(None, (resource, attributes.subresource)))
    yield "namespace", attributes.namespace
    yield "name", attributes.name


_PLAIN = re.compile(r"[!#-~]+")


def word(text: str) -> str:
    """The text as one field: in quotes if it has spaces, quotes or control characters, and cut if long."""
    is_plain = _PLAIN.fullmatch(text, 0, _LONGEST) is not None
    longest = _LONGEST if is_plain else _LONGEST_QUOTED
    kept = text[:longest] if is_plain else json.dumps(text[:longest])
    return kept if len(text) <= longest else f"{kept}…({len(text)}_characters)"
