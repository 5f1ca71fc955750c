"""The odd answers that a Prometheus can give, as data: each with a name, and the expected result.

A kind changes the right answer to one sort of query. `counters` are ranges of raw counters, `buckets` figures
of summed buckets. After a `harmless` answer the counts are right; after any other the server answers 503 with
a reason.
"""

import copy
import dataclasses
import gzip
import itertools
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from tests.attacks import backend

Result = list[dict[str, Any]]
Wire = Callable[[bytes], bytes]
"""Makes the body to send, with its head, of the right body."""


@dataclasses.dataclass(frozen=True, slots=True)
class Kind:
    """One odd way to answer."""

    name: str
    to: str
    """The sort of query that gets this answer."""
    wire: Wire
    harmless: bool = False


def _kinds_of_bodies() -> Iterator[Kind]:
    bodies: Mapping[str, Callable[[bytes], bytes]] = {
        "no body": lambda right: b"",
        "blanks": lambda right: b" \n\t ",
        "null": lambda right: b"null",
        "true": lambda right: b"true",
        "a number": lambda right: b"42",
        "a text": lambda right: b'"success"',
        "an empty list": lambda right: b"[]",
        "an empty object": lambda right: b"{}",
        "a byte order mark": lambda right: b"\xef\xbb\xbf" + right,
        "garbage behind": lambda right: right + b"x",
        "another answer behind": lambda right: right + right,
        "a NUL behind": lambda right: right + b"\0",
        "garbage before": lambda right: b")]}'\n" + right,
        "no UTF-8": lambda right: right.replace(b"metric", b"\xff\xfe", 1),
        "UTF-16": lambda right: right.decode().encode("utf-16"),
        "HTML": lambda right: b"<!doctype html><title>log in</title>",
        "XML": lambda right: b'<?xml version="1.0"?><Error/>',
        "plain words": lambda right: b"Service temporarily unavailable",
        "half of it": lambda right: right[: len(right) // 2],
        "all but the last byte": lambda right: right[:-1],
        "lists in lists": lambda right: b"[" * 100_000,
        "objects in objects": lambda right: b'{"a":' * 100_000,
        "single quotes": lambda right: right.replace(b'"', b"'"),
        "a comma too many": lambda right: right[:-1] + b",}",
        "a comment": lambda right: b"// right\n" + right,
        "metrics for a scrape": lambda right: b"# HELP up\nup 1\n",
        "several lines of JSON": lambda right: b"{}\n{}\n",
        "a JSONP callback": lambda right: b"callback(" + right + b")",
    }
    for name, change in bodies.items():
        yield Kind(f"body: {name}", "counters", lambda right, change=change: backend.whole(change(right)))  # type: ignore[misc]


def _changed(change: Callable[[dict[str, Any]], object]) -> Wire:
    def wire(right: bytes) -> bytes:
        answer = json.loads(right)
        other = change(answer)
        return backend.whole(json.dumps(answer if other is None else other, separators=(",", ":")).encode())

    return wire


_ODD: Mapping[str, Any] = {"null": None, "a number": 5, "a text": "odd", "true": True, "a list": [1]}


def _kinds_of_envelopes() -> Iterator[Kind]:
    for field in ("status", "data"):
        yield Kind(f"{field} missing", "counters", _changed(lambda all_, f=field: all_.pop(f) and None))  # type: ignore[misc]
        for name, odd in _ODD.items():
            yield Kind(
                f"{field} is {name}",
                "counters",
                _changed(lambda all_, f=field, o=odd: all_.update({f: o})),  # type: ignore[misc]
            )
    for name, odd in {"an object": {}, **_ODD}.items():
        if name != "a list":
            yield Kind(
                f"result is {name}",
                "counters",
                _changed(lambda all_, o=odd: all_["data"].update(result=o)),  # type: ignore[misc]
            )
    yield Kind("result missing", "counters", _changed(lambda all_: all_["data"].pop("result") and None))
    yield Kind(
        "result type missing",
        "counters",
        _changed(lambda all_: all_["data"].pop("resultType") and None),
        True,
    )
    for to, reply in itertools.product(("counters", "buckets"), ("scalar", "string", "streams", "", 5)):
        yield Kind(
            f"{to}: result type {reply!r}",
            to,
            _changed(lambda all_, t=reply: all_["data"].update(resultType=t)),  # type: ignore[misc]
        )
    for to, reply in (("counters", "vector"), ("buckets", "matrix")):
        yield Kind(
            f"{to}: result type {reply}",
            to,
            _changed(lambda all_, t=reply: all_["data"].update(resultType=t)),  # type: ignore[misc]
        )
    for status in ("error", "Success", "success ", ""):
        yield Kind(
            f"status {status!r}",
            "counters",
            _changed(lambda all_, s=status: all_.update(status=s, error="secret", errorType="internal")),  # type: ignore[misc]
        )
    for name, warnings in {**_ODD, "no list": {}, "lists": [[]], "lines": ["a\nb"] * 1000}.items():
        yield Kind(
            f"warnings are {name}",
            "counters",
            _changed(lambda all_, w=warnings: all_.update(warnings=w)),  # type: ignore[misc]
            True,
        )
    for name, stats in _ODD.items():
        yield Kind(
            f"statistics are {name}",
            "counters",
            _changed(lambda all_, s=stats: all_.update(stats=s)),  # type: ignore[misc]
            True,
        )


def _series(change: Callable[[dict[str, Any], Result], object]) -> Wire:
    """Change one series of requests, or of buckets; the function's result replaces it."""

    def wire(right: bytes) -> bytes:
        answer = json.loads(right)
        result: Result = answer["data"]["result"]
        place = next(
            n
            for n, one in enumerate(result)
            if "_rq_" in one["metric"].get("__name__", "_rq_") and _grows(one)
        )
        other = change(result[place], result)
        if other is not None:
            result[place] = cast(dict[str, Any], other)
        return backend.whole(json.dumps(answer, separators=(",", ":")).encode())

    return wire


def _grows(series: Mapping[str, Any]) -> bool:
    """Whether a change of its last value must be detected."""
    last = series["values"][-1] if "values" in series else series["value"]
    return float(last[1]) > 0


_NO_SERIES: Mapping[str, Any] = {
    "a number": 1,
    "a text": "odd",
    "a list": [],
    "an empty object": {},
    "without labels": {"value": [1, "1"], "values": [[1, "1"]]},
    "without samples": {"metric": {"__name__": "up"}},
}
_NO_LABELS: Mapping[str, Any] = {"null": None, "a number": 1, "a text": "le", "a list": [], "true": True}
_NO_LABEL: Mapping[str, Any] = {"null": None, "a number": 5, "a list": ["a"], "an object": {}, "true": True}
_NO_SAMPLE: Mapping[str, Any] = {
    "null": None,
    "a number": 5,
    "a text": "12",
    "an object": {},
    "empty": [],
    "a time alone": [1.0],
    "without a time": ["5"],
    "three things": [1.0, "5", "6"],
    "the other way round": ["5", 1.0],
}
_NO_TIME: Mapping[str, Any] = {"null": None, "a text": "now", "a list": [], "an object": {}}
_NO_VALUE: Mapping[str, Any] = {"null": None, "a number": 5, "a list": [], "an object": {}, "true": True}
_NO_NUMBER = ("", "five", "1,5", "0x10", "--1", "1 2")
_NO_COUNT = ("-5", "-0.001", "-1e308", "1e308", "18446744073709551616", "1e400")


def _kinds_of_series() -> Iterator[Kind]:
    for to in ("counters", "buckets"):
        for name, odd in _NO_SERIES.items():
            yield Kind(f"{to}: a series is {name}", to, _series(lambda one, all_, o=odd: o))  # type: ignore[misc]
        for name, odd in _NO_LABELS.items():
            yield Kind(
                f"{to}: labels are {name}",
                to,
                _series(lambda one, all_, o=odd: one.update(metric=o)),  # type: ignore[misc]
            )
        for name, odd in _NO_LABEL.items():
            yield Kind(
                f"{to}: a label is {name}",
                to,
                _series(lambda one, all_, o=odd: one["metric"].update(namespace=o)),  # type: ignore[misc]
            )
        yield Kind(
            f"{to}: labels of 2 MB", to, _series(lambda one, all_: one["metric"].update(pod="x" * 2**21))
        )
        yield Kind(f"{to}: a series twice", to, _series(lambda one, all_: all_.append(copy.deepcopy(one))))
        yield Kind(
            f"{to}: a series twice, its labels in another order",
            to,
            _series(
                lambda one, all_: all_.append(
                    copy.deepcopy({**one, "metric": dict(reversed(one["metric"].items()))})
                )
            ),
        )
        yield Kind(
            f"{to}: the other kind of samples",
            to,
            _series(
                lambda one, all_: (
                    {"metric": one["metric"], "value": one["values"][-1]}
                    if "values" in one
                    else {"metric": one["metric"], "values": [one["value"]]}
                )
            ),
        )
        yield Kind(
            f"{to}: half of a letter",
            to,
            lambda right: backend.whole(right.replace(b'"namespace":"', b'"namespace":"\\ud800', 1)),
        )


def _last(change: Callable[[list[Any]], object]) -> Wire:
    """Change the last sample; the function's result replaces it."""

    def changed(one: dict[str, Any], all_: Result) -> None:
        if "values" in one:
            other = change(one["values"][-1])
            one["values"][-1] = one["values"][-1] if other is None else other
        else:
            other = change(one["value"])
            one["value"] = one["value"] if other is None else other

    return _series(changed)


def _put(place: int, odd: Any) -> Wire:
    def put(sample: list[Any]) -> None:
        sample[place] = odd

    return _last(put)


def _kinds_of_samples() -> Iterator[Kind]:
    for to in ("counters", "buckets"):
        for name, odd in _NO_SAMPLE.items():
            if odd is None:
                continue
            yield Kind(f"{to}: a sample is {name}", to, _last(lambda sample, o=odd: o))  # type: ignore[misc]
        for name, odd in _NO_VALUE.items():
            yield Kind(f"{to}: a value is {name}", to, _put(1, odd))
        for text in _NO_NUMBER:
            yield Kind(f"{to}: a value is {text!r}", to, _put(1, text))
        for text in _NO_COUNT:
            harmless = to == "buckets" and text == "1e400"  # a bucket with the bound infinity is not known
            yield Kind(f"{to}: a count is {text}", to, _put(1, text), harmless)
    for name, odd in _NO_TIME.items():
        yield Kind(f"counters: a time is {name}", "counters", _put(0, odd))
    for name, odd in {"null": None, "a number": 5, "a text": "odd", "an object": {}, "empty": []}.items():
        yield Kind(
            f"counters: samples are {name}",
            "counters",
            _series(lambda one, all_, o=odd: one.update(values=o)),  # type: ignore[misc]
        )
    yield Kind("counters: times go back", "counters", _series(lambda one, all_: one["values"].reverse()))
    yield Kind(
        "counters: two values at one time",
        "counters",
        _series(lambda one, all_: one["values"].append([one["values"][-1][0], "999999"])),
    )
    yield Kind(
        "counters: a sample kept twice",
        "counters",
        _series(lambda one, all_: one["values"].append(list(one["values"][-1]))),
        True,
    )
    yield Kind(
        "counters: a metric that was not asked for",
        "counters",
        _series(lambda one, all_: one["metric"].update(__name__="node_cpu_seconds_total")),
    )
    yield Kind(
        "counters: no name", "counters", _series(lambda one, all_: one["metric"].pop("__name__") and None)
    )
    yield Kind(
        "counters: native histograms",
        "counters",
        _series(lambda one, all_: {"metric": one["metric"], "histograms": [[1, {"count": "5", "sum": "5"}]]}),
    )


_BUCKET = [0, "0.5", "1", "2"]
_NATIVE: Mapping[str, Any] = {
    "null": None,
    "a text": "odd",
    "a list": [],
    "without a count": {"buckets": [_BUCKET]},
    "a count that is none": {"count": "many", "buckets": [_BUCKET]},
    "a count of NaN": {"count": "NaN", "buckets": [_BUCKET]},
    "a negative count": {"count": "-2", "buckets": []},
    "a count without end": {"count": "1e308", "buckets": []},
    "buckets that are none": {"count": "2", "buckets": 5},
    "a bucket that is none": {"count": "2", "buckets": [5]},
    "a bucket too short": {"count": "2", "buckets": [[0, "1", "2"]]},
    "a bucket of words": {"count": "2", "buckets": [[0, "a", "b", "c"]]},
    "a bucket turned round": {"count": "2", "buckets": [[0, "2", "1", "2"]]},
    "a bucket without bounds": {"count": "2", "buckets": [[0, "NaN", "NaN", "2"]]},
    "a bucket below nothing": {"count": "2", "buckets": [[0, "0.5", "1", "-2"]]},
    "buckets that overlap": {"count": "4", "buckets": [[0, "1", "4", "2"], [0, "2", "3", "2"]]},
    "more in buckets than counted": {"count": "1", "buckets": [[0, "1", "2", "500"]]},
}


def _kinds_of_buckets() -> Iterator[Kind]:
    for label in ("__name__", "zone"):
        yield Kind(
            f"buckets: a label that was not asked for, {label}",
            "buckets",
            _series(lambda one, all_, label=label: one["metric"].update({label: "odd"})),  # type: ignore[misc]
        )
    yield Kind(
        "buckets: no bound", "buckets", _series(lambda one, all_: one["metric"].pop("le") and None), True
    )
    for bound in ("", "five", "NaN"):
        yield Kind(
            f"buckets: the bound {bound!r}",
            "buckets",
            _series(lambda one, all_, b=bound: one["metric"].update(le=b)),  # type: ignore[misc]
            True,
        )
    for odd in ("NaN", "+Inf", "-Inf"):
        yield Kind(f"buckets: a count of {odd}", "buckets", _put(1, odd), True)
    for name, reply in _NATIVE.items():

        def native(one: dict[str, Any], all_: Result, reply: Any = reply) -> dict[str, Any]:
            labels = {label: value for label, value in one["metric"].items() if label != "le"}
            return {"metric": labels, "histogram": [1, reply]}

        yield Kind(f"buckets: a native histogram is {name}", "buckets", _series(native))


def _kinds_of_http() -> Iterator[Kind]:
    for code in (
        201,
        204,
        205,
        206,
        304,
        400,
        401,
        403,
        404,
        405,
        413,
        418,
        422,
        429,
        500,
        502,
        503,
        504,
        599,
    ):
        yield Kind(
            f"status {code} without a body",
            "counters",
            lambda right, c=code: backend.whole(b"", f"{c} Odd"),  # type: ignore[misc]
        )
    for code in (201, 300, 400, 404, 500, 503):
        yield Kind(
            f"status {code} with a right body",
            "counters",
            lambda right, c=code: backend.whole(right, f"{c} Odd"),  # type: ignore[misc]
        )
    for code in (301, 302, 303, 307, 308):
        yield Kind(
            f"redirect {code}",
            "counters",
            lambda right, c=code: backend.whole(b"", f"{c} Odd", "Location: http://secret.example/"),  # type: ignore[misc]
        )
    early = b"HTTP/1.1 %d Odd\r\n\r\n"
    for code in (100, 102, 103):
        yield Kind(
            f"status {code} first",
            "counters",
            lambda right, c=code: early % c + backend.whole(right),  # type: ignore[misc]
            True,
        )
    wires: Mapping[str, Wire] = {
        "nothing at all": lambda right: b"",
        "half of a head": lambda right: backend.head()[:20],
        "no status": lambda right: b"HTTP/1.1\r\n\r\n" + right,
        "a status of words": lambda right: b"HTTP/1.1 OK fine\r\n\r\n" + right,
        "another protocol": lambda right: b"SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/2": lambda right: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
        "TLS": lambda right: b"\x15\x03\x01\x00\x02\x02\x46",
        "no head": lambda right: right,
        "a header without a colon": lambda right: backend.head("200 OK", "odd") + right,
        "a header with NUL": lambda right: backend.head("200 OK", "odd: \0") + right,
        "a header of 1 MB": lambda right: backend.head("200 OK", "odd: " + "x" * 2**20) + right,
        "a length too great": lambda right: backend.head(length=len(right) + 9) + right,
        "a length too small": lambda right: backend.head(length=len(right) - 9) + right,
        "a negative length": lambda right: backend.head("200 OK", "Content-Length: -5") + right,
        "a length of words": lambda right: backend.head("200 OK", "Content-Length: many") + right,
        "two lengths": lambda right: backend.head("200 OK", "Content-Length: 5", "Content-Length: 6") + right,
        "chunks cut": lambda right: _chunked(b"%x\r\n" % len(right) + right[:99]),
        "no last chunk": lambda right: _chunked(b"%x\r\n%s\r\n" % (len(right), right)),
        "a chunk of words": lambda right: _chunked(b"many\r\n" + right),
        "a chunk without end": lambda right: _chunked(b"f" * 40 + b"\r\n" + right),
        "gzip that is none": lambda right: backend.whole(right, "200 OK", "Content-Encoding: gzip"),
        "gzip cut": lambda right: _packed("gzip", gzip.compress(right)[:-40]),
        "gzip broken": lambda right: _packed("gzip", gzip.compress(right)[:60] + b"\xff" * 99),
        "deflate that is none": lambda right: _packed("deflate", right),
        "deflate cut": lambda right: _packed("deflate", zlib.compress(right)[:-40]),
        "zstd": lambda right: _packed("zstd", b"\x28\xb5\x2f\xfd\x04\x00"),
        "brotli": lambda right: _packed("br", b"\x0b\x02\x80"),
        "an encoding of words": lambda right: _packed("odd", gzip.compress(right)),
    }
    for name, wire in wires.items():
        yield Kind(f"HTTP: {name}", "counters", wire)
    yield Kind("HTTP: gzip", "counters", lambda right: _packed("gzip", gzip.compress(right)), True)
    yield Kind("HTTP: deflate", "counters", lambda right: _packed("deflate", zlib.compress(right)), True)
    yield Kind("HTTP: until the end", "counters", lambda right: backend.head() + right, True)


def _chunked(body: bytes) -> bytes:
    return backend.head("200 OK", "Transfer-Encoding: chunked") + body


def _packed(how: str, body: bytes) -> bytes:
    return backend.whole(body, "200 OK", f"Content-Encoding: {how}")


KINDS = tuple(
    itertools.chain(
        _kinds_of_bodies(),
        _kinds_of_envelopes(),
        _kinds_of_series(),
        _kinds_of_samples(),
        _kinds_of_buckets(),
        _kinds_of_http(),
    )
)
