"""Answers known at start, bytes and ETag included.

The aggregation layer asks for discovery and OpenAPI again and again, several times at once; it must cost
nothing and depend on nothing.
"""

import dataclasses
import hashlib
from collections.abc import Sequence
from typing import Any

import orjson

from apiservice.http import messages


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    body: bytes
    content_type: str
    digest: str

    @property
    def etag(self) -> str:
        return f'"{self.digest}"'

    def answer(
        self, incoming: messages.Incoming, *, headers: Sequence[tuple[str, str]] = ()
    ) -> messages.Answer:
        """The document, or 304 where the client has it already."""
        headers = (("ETag", self.etag), ("Vary", "Accept"), *headers)
        if _holds(incoming.headers.get("If-None-Match", ""), etag=self.etag):
            return messages.Answer(status=304, content_type=self.content_type, headers=headers)
        return messages.Answer(body=self.body, content_type=self.content_type, headers=headers)


def of(value: Any, *, content_type: str = messages.JSON) -> Document:
    body = orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)
    return Document(body=body, content_type=content_type, digest=hashlib.sha512(body).hexdigest().upper())


def _holds(if_none_match: str, *, etag: str) -> bool:
    held = {candidate.strip().removeprefix("W/") for candidate in if_none_match.split(",")}
    return etag in held or "*" in held
