"""The result of one query, decoded while it is read.

A summed histogram of a thousand proxies is 25 MB of JSON and 120,000 series. Decoded at once they take
165 MB, and Python's garbage collector walks over all of them again and again; decoded in pieces they take
next to nothing and half of the time, and not on the event loop.

A long answer is cut between two series, where `},{"metric":` stands: inside a JSON string a quote is
escaped, so there it cannot. The last piece is read with the envelope. An answer without such a place (one
written with spaces) is one piece.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import orjson

from metrics_server import faults

Series = dict[str, Any]
_BEGIN = b'"result":['
_BETWEEN = b'},{"metric":'
_PIECE = 1 << 18
"""Bytes; some thousand series."""


class Answer:
    """A successful answer of the query API. Read it once or often; each time it is decoded anew.

    Its `warnings` are what the backend says of it, such as that a part of the store did not answer.
    """

    def __init__(self, body: bytes, *, piece: int = _PIECE) -> None:
        """Raises ValueError with the reason for what is no such answer, as far as its ends tell."""
        self._body = body
        self._cuts = _cuts(body, piece)
        begin, end = (self._cuts[0], self._cuts[-1]) if self._cuts else (0, 0)
        self._last, self.warnings = _result(body[:begin] + body[end:])

    def __iter__(self) -> Iterator[Series]:
        for begin, end in itertools.pairwise(self._cuts):
            yield from _piece(self._body[begin : end - 1])
        yield from self._last


def _piece(series: bytes) -> list[Series]:
    """Return some of the series. Raises faults.BackendRefused."""
    try:
        piece: list[Series] = orjson.loads(b"[" + series + b"]")
    except orjson.JSONDecodeError as error:
        raise faults.BackendRefused("Prometheus did not answer the query", detail=str(error)) from error
    return piece


def _cuts(body: bytes, piece: int) -> list[int]:
    """Return where the pieces begin; the last of them ends with the body."""
    begin = body.find(_BEGIN)
    if begin < 0 or len(body) <= piece:
        return []
    cuts = [begin + len(_BEGIN)]
    while (found := body.find(_BETWEEN, cuts[-1] + piece)) >= 0:
        cuts.append(found + 2)
    return cuts


def _result(body: bytes) -> tuple[list[Series], tuple[str, ...]]:
    try:
        answer = orjson.loads(body)
        if answer["status"] == "success":
            result = answer["data"]["result"]
            if isinstance(result, list):
                return result, tuple(map(str, answer.get("warnings") or ()))
        reason = f"{answer.get('errorType')}: {answer.get('error')}"
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        what = f"not an answer of the query API ({type(error).__name__})"
        raise ValueError(f"{what}: {body[:200]!r}") from error
    raise ValueError(reason)
