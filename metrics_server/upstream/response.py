"""The result of one query, decoded while it is read.

A summed histogram of a thousand proxies is 25 MB of JSON and 120,000 series. Decoded at once they take
165 MB, and Python's garbage collector walks over all of them again and again; decoded in pieces they take
next to nothing and half of the time, and not on the event loop.

Databases that speak the query API do not all speak it alike. What is no sample is left out of ranges: the
marker by which those of VictoriaMetrics tell the end of a series, a NaN, and a counter that says infinity.
What else an answer tells of its backend is kept beside the series.

What an answer must be like says `gate`; here is refused what has no series at all, or not of the kind that
was asked for.

A long answer is cut between two series, where `},{"metric":` stands: inside a JSON string a quote is
escaped, so there it cannot. The last piece is read with the envelope. An answer without such a place (one
written with spaces) is one piece, and refused if it is too long for one: decoded, a piece may take twenty
times as much.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator
from typing import Any, Literal

import orjson

from metrics_server.model import validation

Series = dict[str, Any]
NOT_BEHIND = {"latency_offset": "1ms"}
"""What to send VictoriaMetrics with a query, in place of its `-search.latencyOffset`; it refuses 0."""
_BEGIN = b'"result":['
_BETWEEN = b'},{"metric":'
_PIECE = 1 << 18
"""Bytes; some thousand series."""
_LONGEST_PIECE = 1 << 24
_NO_SAMPLES = frozenset({"NaN", "+Inf", "-Inf"})
_WARNINGS = 20
"""Of them so many are kept, and of each so many characters."""
_QUOTED = 300
Kind = Literal["vector", "matrix"]


def kind(query: str) -> Kind:
    """Return what answers a query: ranges, where it is a range selector alone; else figures."""
    return "matrix" if query.endswith("]") else "vector"


class Answer:
    """A successful answer of the query API. Read it once or often; each time it is decoded anew.

    Its `warnings` are what the backend says of it, such as that a part of the store did not answer. It is
    `behind` if the backend answers as of some time ago, because it was not told otherwise.
    """

    def __init__(
        self,
        body: bytes | bytearray,
        *,
        piece: int = _PIECE,
        kind: Kind | None = None,
        held: object = None,
    ) -> None:
        """`kind`: what was asked for, where that is known. `held` is let go with the answer.

        Raises ValueError with the reason for what is no such answer, as far as its ends tell.
        """
        self._body = body
        self._held = held
        self._cuts = _cuts(body, piece)
        begin, end = (self._cuts[0], self._cuts[-1]) if self._cuts else (0, 0)
        _check_pieces([0, *self._cuts[1:], len(body)])
        answer = _success(body[:begin] + body[end:])
        self._last: list[Series] = answer["data"]["result"]
        self.warnings = _warnings(answer)
        self.behind = _is_of_victoria_metrics(answer)
        told = answer["data"].get("resultType")
        if kind is not None and told not in (kind, None):
            raise ValueError(f"a {kind} was asked for, and it is none")
        is_of_ranges = told == "matrix"
        self._marked = b'"NaN"' in body or (is_of_ranges and b'Inf"' in body)

    def __iter__(self) -> Iterator[Series]:
        return self.among(())

    def among(self, metrics: Collection[str]) -> Iterator[Series]:
        """Return the series among which those of some metrics are: a piece that has none of them is not
        decoded. Without a metric, all.
        """
        series = self._series([b'"%s"' % name.encode() for name in metrics])
        return samples(series) if self._marked else series

    def _series(self, names: Collection[bytes]) -> Iterator[Series]:
        for begin, end in itertools.pairwise(self._cuts):
            piece = self._body[begin : end - 1]
            if not names or any(name in piece for name in names):
                yield from _piece(piece)
        yield from self._last


def samples(ranges: Iterable[Series]) -> Iterator[Series]:
    """Return the series without what is no sample in them, and none that has no other."""
    for series in ranges:
        if type(series) is not dict or "values" not in series:
            yield series
            continue
        try:
            values = [one for one in series["values"] if one[1] not in _NO_SAMPLES]
        except validation.SENSELESS as error:
            raise validation.senseless(error) from None
        if values:
            yield {**series, "values": values}


def _piece(series: bytes | bytearray) -> list[Series]:
    """Return some of the series. Raises faults.BackendRefused."""
    try:
        piece: list[Series] = orjson.loads(b"[" + series + b"]")
    except orjson.JSONDecodeError as error:
        raise validation.senseless(error) from None
    return piece


def _check_pieces(ends: list[int]) -> None:
    if any(end - begin > _LONGEST_PIECE for begin, end in itertools.pairwise(ends)):
        raise ValueError(f"more than {_LONGEST_PIECE >> 20} MiB of it cannot be read series by series")


def _cuts(body: bytes | bytearray, piece: int) -> list[int]:
    """Return where the pieces begin; the last of them ends with the body."""
    begin = body.find(_BEGIN)
    if begin < 0 or len(body) <= piece:
        return []
    cuts = [begin + len(_BEGIN)]
    while (found := body.find(_BETWEEN, cuts[-1] + piece)) >= 0:
        cuts.append(found + 2)
    return cuts


def _success(body: bytes | bytearray) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = orjson.loads(body)
        if answer["status"] == "success" and isinstance(answer["data"]["result"], list):
            return answer
        reason = f"{_plain(answer.get('errorType'))}: {_plain(answer.get('error'))}"
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        what = f"not an answer of the query API ({type(error).__name__})"
        raise ValueError(f"{what}: {bytes(body[:200])!r}") from None
    raise ValueError(reason)


def _plain(told: object) -> str:
    """Return some words of a backend for the log: not too many, and in one line."""
    return "".join(one if one.isprintable() else " " for one in str(told)[:_QUOTED])


def _warnings(answer: dict[str, Any]) -> tuple[str, ...]:
    told = answer.get("warnings") or ()
    warned = tuple(map(_plain, told[:_WARNINGS] if isinstance(told, list) else (told,) if told else ()))
    # A cluster of VictoriaMetrics says it so.
    return (*warned, "isPartial: a part of the store did not answer") if answer.get("isPartial") else warned


def _is_of_victoria_metrics(answer: dict[str, Any]) -> bool:
    stats = answer.get("stats")
    return isinstance(stats, dict) and "seriesFetched" in stats
