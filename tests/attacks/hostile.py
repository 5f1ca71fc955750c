"""Hostile inputs as data: parts of a callback's body, and requests."""

import copy
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

DEEP: Any = "x"
for _ in range(200):
    DEEP = [DEEP]

VALUES: Sequence[Any] = (
    *(None, True, False, 0, -1, 1e308, 10**400, "", "x", "__proto__", "constructor", "hasOwnProperty", ".."),
    *(
        [],
        {},
        [[]],
        [None],
        ["a"] * 3000,
        {"__proto__": {"x": 1}},
        {"id": 7},
        {"id": ["x"]},
        {"index": "ALL"},
    ),
    *("\ud800", "a\r\nb", "\x00", "\x1b[31m", "\u202e", "?ns=" + "a," * 5000, "x" * 20_000, DEEP),
    *({"props": {}, "type": "Div", "namespace": "dash_html_components"}, {"__dash_patch_update": 1}),
)

CONTENTS: Sequence[bytes] = (
    *(
        b"",
        b" ",
        b"{",
        b"null",
        b"[]",
        b"7",
        b'"x"',
        b"true",
        b"{}",
        b"\x00",
        b"\xff\xfe{}",
        b"NaN",
        b"[" * 30_000,
    ),
    *(
        b'{"output":NaN}',
        b'{"output":Infinity}',
        b'{"output":' + b"9" * 6000 + b"}",
        '{"output":"é"}'.encode("utf-16"),
    ),
    *(
        b"\xef\xbb\xbf{}",
        b'{"output":"\\ud800"}',
        b'{"output":"shell.navbar"}',
        b'{"a":1,"a":2}',
        b"{'a': 1}",
    ),
    b'{"a":' * 20_000,
)

HEADERS: Sequence[Mapping[str, str]] = (
    *({"Content-Type": kind} for kind in ("text/plain", "application/xml", "multipart/form-data", "x", "")),
    *({"Content-Type": f"application/json; charset={name}"} for name in ("utf-16", "rot13", "\x7f", "")),
    *({"Content-Encoding": name} for name in ("gzip", "br", "deflate", "x")),
)

REQUESTS: Sequence[Mapping[str, str]] = (
    *(
        {"Host": host}
        for host in ("", "[", "[::1", "a b", "x" * 900, "é", "a:b:c", "evil.example", "a@b", "..")
    ),
    *({"Origin": origin} for origin in ("http://[", "null", "//", "http://[::1", "\x7f", "http://a:x")),
    *({"Sec-Fetch-Site": site} for site in ("", "none", "cross-site", "x")),
    *(
        {"Referer": f"http://a/?{query}"}
        for query in ("%", "ns=%00", "&" * 3000, "ns=" + "a," * 3000, "%ff=%fe")
    ),
    *(
        {"Cookie": f"trafficmetrics={value}"}
        for value in ("", "x", "g" * 9000, "gAAAA" * 400, '"', "é", "%00")
    ),
    *({"Authorization": f"Bearer {value}"} for value in ("", "é", "a b", "x" * 20_000, "a\tb", '"')),
    *({"Authorization": value} for value in ("Basic !!!", "Digest x", "bearer", "Negotiate " + "A" * 4000)),
    *({"X-Forwarded-Host": value} for value in ("[", "a,b,c", '"', "é")),
    *({"X-Forwarded-Proto": value} for value in ("https", "javascript", "https,http", "x" * 300)),
    *({"X-Forwarded-For": value} for value in ("[", "a,b", "1.2.3.4" * 500, '"')),
    *({"Range": "bytes=9-1"}, {"If-None-Match": "x" * 3000}, {"Accept-Encoding": "x;q=nan"}, {"Expect": "x"}),
)

PATHS: Sequence[str] = (
    *("", "login", "logout", "healthz", "_dash-layout", "_dash-dependencies", "_reload-hash", "_favicon.ico"),
    *(
        "_dash-component-suites/x/y",
        "_dash-component-suites/dash/../../x",
        "_dash-component-suites/dash/deps/x.js",
    ),
    *(
        "_dash-component-suites/dash/%00",
        "_dash-component-suites/__main__/x.js",
        "_dash-component-suites/os/x.py",
    ),
    *(
        "assets/..%2f..%2fapp.py",
        "assets/%00",
        "assets/graph.js",
        "static/x",
        "%ff",
        "%0d%0aSet-Cookie:x",
        "a" * 4000,
    ),
    *(
        "?ns=" + "a," * 3000,
        "?" + "&" * 3000,
        "?window=%00",
        "login?next=%0d%0a",
        "login?why=__class__",
        "..;/x",
    ),
)

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "FOO", "get")


def bodies(good: Sequence[dict[str, Any]], *, dice: random.Random, number: int) -> Iterator[bytes]:
    """Bodies of callbacks, each with one to three errors; first those that are no objects at all."""
    yield from CONTENTS[:number]
    for _ in range(number - len(CONTENTS)):
        body = copy.deepcopy(dice.choice(good))
        for _ in range(dice.choice((1, 1, 2, 3))):
            _spoil(body, others=good, dice=dice)
        yield json.dumps(body).encode()


def _spoil(body: dict[str, Any], *, others: Sequence[dict[str, Any]], dice: random.Random) -> None:
    """Make one error."""
    key = dice.choice(list(body) or ["output"])
    match dice.randrange(6):
        case 0:
            body.pop(key, None)
        case 1:
            body[key] = copy.deepcopy(dice.choice(VALUES))
        case 2:
            body[key] = copy.deepcopy(dice.choice(others).get(key))
        case 3:
            body[str(dice.choice(VALUES))[:50]] = copy.deepcopy(dice.choice(VALUES))
        case _:
            _spoil_a_list(body, dice=dice)


def _spoil_a_list(body: dict[str, Any], *, dice: random.Random) -> None:
    lists = [value for value in body.values() if isinstance(value, list) and value]
    if not lists:
        return
    chosen = dice.choice(lists)
    place = dice.randrange(len(chosen))
    one = chosen[place]
    match dice.randrange(5):
        case 0:
            del chosen[place]
        case 1:
            chosen.insert(place, copy.deepcopy(one))
        case 2:
            chosen[place] = copy.deepcopy(dice.choice(VALUES))
        case _ if isinstance(one, dict):
            one[dice.choice(("id", "property", "value"))] = copy.deepcopy(dice.choice(VALUES))
