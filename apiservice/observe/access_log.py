"""Who read what: a line for each request in the log `apiservice.access`.

    user=ann verb=get resource=fruits.fruits.example.com namespace=north name=apple status=200 ms=1.2 audit=…

What a request does not have is left out. The resource is spelled as RBAC spells it; what is none has its
path instead. Queries and headers are never written, for they may hold secrets; nor are health checks that
pass, for they come every second and say nothing.

What anybody can send cannot fill the log: a field, and with it a line, has a greatest length, and of refused
requests only so many are written in a second. How many others there were is a line, too.
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
"""Characters of one that must be quoted, and can be six times as long then."""
_REFUSED = 400
"""The first of the statuses that refuse."""


class AccessLog:
    """Writes a line for each request, but for `most` of the refused ones a second."""

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
        """`attributes` are None for a request that could not be understood, `user` is empty for a
        stranger.
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
        """Says how many requests were left out, once their second is over."""
        now = self._clock()
        if now - self._second < 1.0:
            return
        left_out, self._left_out = self._left_out, 0
        self._second, self._written = now, 0
        if left_out:
            _log.info("left out %d more refused requests", left_out)


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
    """The text, quoted where it could be taken for more than one word or line, and cut where it is long."""
    is_plain = _PLAIN.fullmatch(text, 0, _LONGEST) is not None
    longest = _LONGEST if is_plain else _LONGEST_QUOTED
    kept = text[:longest] if is_plain else json.dumps(text[:longest])
    return kept if len(text) <= longest else f"{kept}…({len(text)}_characters)"
