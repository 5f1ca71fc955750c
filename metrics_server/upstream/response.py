"""The answer to one query, decoded piece by piece while it is read.

A summed histogram of a thousand proxies is 25 MB of JSON and 120,000 series. Decoded at once it takes 165
MB, and Python's garbage collector traverses all of it repeatedly. Decoded in pieces it takes almost no
memory and half the time, and the caller can decode it outside the event loop.

Backends differ in their answers. Values that are no samples are left out of ranges: NaN, with which
VictoriaMetrics marks the end of a series, and infinity in a counter. Warnings, and whether the backend is
VictoriaMetrics, are kept as attributes.

This module refuses only answers without a list of series, or of another result type than was asked for;
the series are checked by `model.validation`.

A long answer is cut between two series, at `},{"metric":`. This text cannot occur inside a JSON string,
where a quote is escaped. The last piece is decoded together with the envelope. An answer without such a
text (for example one with spaces) is a single piece. It is refused if it is longer than 16 MiB, because a
decoded piece may take twenty times its length.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Literal

import orjson

from metrics_server.model import validation

Series = dict[str, Any]
NOT_BEHIND = {"latency_offset": "1ms"}
"""The parameter that overrides VictoriaMetrics' `-search.latencyOffset` for one query; 0 is refused."""
_BEGIN = b'"result":['
_BETWEEN = b'},{"metric":'
_PIECE = 1 << 18
"""Bytes: about a thousand series."""
_LONGEST_PIECE = 1 << 24
"""Bytes."""
_NO_SAMPLES = frozenset({"NaN", "+Inf", "-Inf"})
_WARNINGS = 20
"""The number of warnings that are kept."""
_QUOTED = 300
"""Characters of a warning or an error that are kept."""
Kind = Literal["vector", "matrix"]


def kind(query: str) -> Kind:
    """Return the result type of a query: `matrix` for a range selector, else `vector`."""
    return "matrix" if query.endswith("]") else "vector"


class PrometheusAnswer:
    """A successful answer of the query API. Each iteration decodes it again.

    `warnings`: those of the backend, for example that a part of the store did not answer. `behind`:
    whether the backend is VictoriaMetrics, which evaluates a query as of some time ago without
    `NOT_BEHIND`.
    """

    def __init__(
        self,
        body: bytes | bytearray,
        *,
        piece: int = _PIECE,
        kind: Kind | None = None,
        held: object = None,
    ) -> None:
        """`piece`: bytes of a piece. `kind`: the expected result type, if known. `held`: an object that is
        freed together with the answer.

        Raises ValueError with the reason for a body that is not such an answer, as far as its beginning
        and its end show.
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
        result_type = answer["data"].get("resultType")
        if kind is not None and result_type not in (kind, None):
            raise ValueError(f"the result type is not {kind}")
        is_of_ranges = result_type == "matrix"
        self._marked = b'"NaN"' in body or (is_of_ranges and b'Inf"' in body)

    def __iter__(self) -> Iterator[Series]:
        return self.among(())

    def among(self, metrics: Collection[str]) -> Iterator[Series]:
        """Return at least the series of these metrics: pieces without any of them are not decoded. Without a
        metric, return all series.
        """
        series = self._series([b'"%s"' % name.encode() for name in metrics])
        return samples(series) if self._marked else series

    def _series(self, names: Collection[bytes]) -> Iterator[Series]:
        for begin, end in itertools.pairwise(self._cuts):
            piece = self._body[begin : end - 1]
            if not names or any(name in piece for name in names):
                yield from _piece(piece)
        yield from self._last


class JoinedAnswers:
    """The answers to the parts of one query, as one answer."""

    def __init__(self, parts: Sequence[PrometheusAnswer]) -> None:
        self._parts = parts
        self.warnings = tuple(dict.fromkeys(warning for part in parts for warning in part.warnings))
        self.behind = any(part.behind for part in parts)

    def __iter__(self) -> Iterator[Series]:
        return itertools.chain.from_iterable(self._parts)

    def among(self, metrics: Collection[str]) -> Iterator[Series]:
        """Return at least the series of these metrics; without a metric, all."""
        return itertools.chain.from_iterable(part.among(metrics) for part in self._parts)


Answer = PrometheusAnswer | JoinedAnswers
"""The answer to a query, which was sent as one or in parts."""


def samples(ranges: Iterable[Series]) -> Iterator[Series]:
    """Return the series without values that are no samples, and without series that have no other values."""
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
    """Return the series of a piece. Raises faults.BackendRefused."""
    try:
        piece: list[Series] = orjson.loads(b"[" + series + b"]")
    except orjson.JSONDecodeError as error:
        raise validation.senseless(error) from None
    return piece


def _check_pieces(ends: list[int]) -> None:
    if any(end - begin > _LONGEST_PIECE for begin, end in itertools.pairwise(ends)):
        raise ValueError(
            f"it has a part of more than {_LONGEST_PIECE >> 20} MiB that cannot be split between two series"
        )


def _cuts(body: bytes | bytearray, piece: int) -> list[int]:
    """Return the indices where the pieces begin; the last one ends with the body."""
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


def _plain(said: object) -> str:
    """Return a text of a backend for the log, shortened and in one line."""
    return "".join(one if one.isprintable() else " " for one in str(said)[:_QUOTED])


def _warnings(answer: dict[str, Any]) -> tuple[str, ...]:
    given = answer.get("warnings") or ()
    warned = tuple(map(_plain, given[:_WARNINGS] if isinstance(given, list) else (given,) if given else ()))
    # VictoriaMetrics in a cluster sets `isPartial` instead of a warning.
    return (*warned, "isPartial: a part of the store did not answer") if answer.get("isPartial") else warned


def _is_of_victoria_metrics(answer: dict[str, Any]) -> bool:
    stats = answer.get("stats")
    return isinstance(stats, dict) and "seriesFetched" in stats
