"""Documents that are made once at start, with their bytes and ETag.

The kube-apiserver requests discovery and OpenAPI often, also in parallel. So these answers must be cheap and
must not depend on a backend.
"""

import dataclasses
import hashlib
from collections.abc import Sequence
from typing import Any

import orjson

from apiservice.http import messages


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document ready to be sent. `digest` is the SHA-512 of the body in hexadecimal."""

    body: bytes
    content_type: str
    digest: str

    @property
    def etag(self) -> str:
        """The digest in quotes, as the `ETag` header has it."""
        return f'"{self.digest}"'

    def answer(
        self, incoming: messages.Incoming, *, headers: Sequence[tuple[str, str]] = ()
    ) -> messages.Answer:
        """The document, or a 304 if the client already has it."""
        headers = (("ETag", self.etag), ("Vary", "Accept"), *headers)
        if _matches(incoming.headers.get("If-None-Match", ""), etag=self.etag):
            return messages.Answer(status=304, content_type=self.content_type, headers=headers)
        return messages.Answer(body=self.body, content_type=self.content_type, headers=headers)


def of(value: Any, *, content_type: str = messages.JSON) -> Document:
    """The document that has the value as JSON."""
    body = orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)
    return Document(body=body, content_type=content_type, digest=hashlib.sha512(body).hexdigest().upper())


def _matches(if_none_match: str, *, etag: str) -> bool:
    etags = {candidate.strip().removeprefix("W/") for candidate in if_none_match.split(",")}
    return etag in etags or "*" in etags
