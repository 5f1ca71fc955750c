"""A request and its answer as plain values, between the sockets and everything that decides.

Nothing that decides what to answer sees the HTTP library, so all of it can be asked without a network.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import multidict
import orjson

from apiservice.http import errors, status

JSON = "application/json"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A request. `path` is decoded, once; `query` answers the first value of each parameter."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: multidict.CIMultiDictProxy[str]
    certificates: tuple[bytes, ...] = ()
    """What the client presented in the TLS handshake, in DER, its own first."""


def without_identity(incoming: Incoming, *, identifies: Callable[[str], bool]) -> Incoming:
    """The request, without certificates and the headers that say who sent it."""
    kept = multidict.CIMultiDict(
        (name, value) for name, value in incoming.headers.items() if not identifies(name)
    )
    return dataclasses.replace(incoming, headers=multidict.CIMultiDictProxy(kept), certificates=())


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    body: bytes = b""
    status: int = 200
    content_type: str = JSON
    headers: Sequence[tuple[str, str]] = ()


def json_answer(value: Any) -> Answer:
    return Answer(body=orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE))


def text_answer(text: str, *, status: int = 200) -> Answer:
    return Answer(body=text.encode(), status=status, content_type="text/plain; charset=utf-8")


def refusal_answer(error: errors.StatusError) -> Answer:
    """Refusals are JSON whatever the client accepts: every Kubernetes client can read that."""
    return Answer(
        body=orjson.dumps(status.render(error), option=orjson.OPT_APPEND_NEWLINE),
        status=error.code,
        headers=tuple(error.headers.items()),
    )
