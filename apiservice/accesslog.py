"""Who read what: a line for each request in the log `apiservice.access`.

    user=ann verb=get resource=fruits.fruits.example.com namespace=north name=apple status=200 ms=1.2 audit=…

What a request does not have is left out. The resource is spelled as RBAC spells it; what is none has its
path instead. Queries and headers are never written, for they may hold secrets; nor are health checks that
pass, for they come every second and say nothing.
"""

import json
import logging
import re
from collections.abc import Iterator

from apiservice import requests

_log = logging.getLogger("apiservice.access")


def write(
    attributes: requests.Attributes | None,
    *,
    method: str,
    path: str,
    user: str,
    status: int,
    seconds: float,
    audit: str,
) -> None:
    """`attributes` are None for a request that could not be understood, `user` is empty for a stranger."""
    if not _log.isEnabledFor(logging.INFO):
        return
    fields = {
        "user": user,
        "verb": attributes.verb if attributes is not None else method,
        **dict(_what(attributes, path=path)),
        "status": str(status),
        "ms": f"{seconds * 1000:.1f}",
        "audit": audit,
    }
    _log.info("%s", " ".join(f"{name}={_word(value)}" for name, value in fields.items() if value))


def _what(attributes: requests.Attributes | None, *, path: str) -> Iterator[tuple[str, str]]:
    if attributes is None or not attributes.is_resource:
        yield "path", path
        return
    resource = ".".join(filter(None, (attributes.resource, attributes.group)))
    yield "resource", "/".join(filter(None, (resource, attributes.subresource)))
    yield "namespace", attributes.namespace
    yield "name", attributes.name


_PLAIN = re.compile(r"[!#-~]+")


def _word(text: str) -> str:
    """The text, quoted where it could be taken for more than one word or line."""
    return text if _PLAIN.fullmatch(text) else json.dumps(text)
