"""Requests and answers as plain values.

Only `server` uses the HTTP library. All other code gets and returns these values, so that tests need no
network.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import multidict
import orjson

from apiservice.http import errors, status

JSON = "application/json"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A request. `path` is percent-decoded once; `query` has the first value of each parameter."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: multidict.CIMultiDictProxy[str]
    certificates: tuple[bytes, ...] = ()
    """The client's certificate chain from the TLS handshake, in DER, its own certificate first."""


_FORM = ("Accept", "If-None-Match", "User-Agent")
"""The headers that choose the form of an answer."""


def without_identity(incoming: Incoming, *, query: Mapping[str, str]) -> Incoming:
    """The request with its parsed query, but without what identifies its sender: of the headers only those
    that choose the form of the answer, and no certificates.
    """
    sent = incoming.headers
    kept = multidict.CIMultiDict((name, sent[name]) for name in _FORM if name in sent)
    return Incoming(
        method=incoming.method,
        path=incoming.path,
        query=query,
        headers=multidict.CIMultiDictProxy(kept),
    )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer. `headers` does not contain `Content-Type`."""

    body: bytes = b""
    status: int = 200
    content_type: str = JSON
    headers: Sequence[tuple[str, str]] = ()

    def with_header(self, name: str, value: str) -> "Answer":
        """The same answer with one more header, which is the first."""
        return Answer(
            body=self.body,
            status=self.status,
            content_type=self.content_type,
            headers=((name, value), *self.headers),
        )


def json_answer(value: Any) -> Answer:
    """A 200 with the value as JSON."""
    return Answer(body=orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE))


def text_answer(text: str, *, status: int = 200) -> Answer:
    """An answer in plain text."""
    return Answer(body=text.encode(), status=status, content_type="text/plain; charset=utf-8")


def refusal_answer(error: errors.StatusError) -> Answer:
    """The error as a `Status` object, always in JSON, as every Kubernetes client can read that."""
    return Answer(
        body=orjson.dumps(status.render(error), option=orjson.OPT_APPEND_NEWLINE),
        status=error.code,
        headers=tuple(error.headers.items()),
    )
