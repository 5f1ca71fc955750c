"""Whatever the API's address answers, the client returns data or a fault, in bounded time and memory."""

import contextlib
import gzip
import http.server
import json
import pathlib
import resource
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from dashboard.client import api, connection, faults, kubeconfig, traffic

_LARGEST = 4 << 20
_WHOLE_S = 0.6
Behaviour = Callable[[http.server.BaseHTTPRequestHandler], None]


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    behaviour: Behaviour

    def handle_error(self, *_: Any) -> None:
        """The client closes the connection, as it should."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.server.behaviour(self)

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


@pytest.fixture
def server() -> Iterator[_Server]:
    with _Server(("127.0.0.1", 0), _Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join(10)


@pytest.fixture
def client(server: _Server, tmp_path: pathlib.Path) -> Iterator[api.TrafficApi]:
    named = {
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c"}}],
    }
    (tmp_path / "config").write_text(yaml.safe_dump(named))
    found = kubeconfig.load([tmp_path / "config"])
    link = connection.ApiConnection(found, timeouts=(2.0, 30.0), answer_timeout=_WHOLE_S, largest=_LARGEST)
    with contextlib.closing(api.TrafficApi(link)) as opened:
        yield opened


def _head(asked: http.server.BaseHTTPRequestHandler, status: int = 200, **headers: str) -> None:
    asked.send_response(status)
    for name, value in {"Content-Type": "application/json", **headers}.items():
        asked.send_header(name.replace("_", "-"), value)
    asked.end_headers()


def _answer(content: bytes, status: int = 200, **headers: str) -> Behaviour:
    def behave(asked: http.server.BaseHTTPRequestHandler) -> None:
        _head(asked, status, Content_Length=str(len(content)), **headers)
        asked.wfile.write(content)

    return behave


def _drip(asked: http.server.BaseHTTPRequestHandler, piece: bytes) -> None:
    with contextlib.suppress(OSError):
        for _ in range(600):
            asked.wfile.write(piece)
            asked.wfile.flush()
            time.sleep(0.05)


def _dripping_head(asked: http.server.BaseHTTPRequestHandler) -> None:
    asked.wfile.write(b"HTTP/1.1 200 OK\r\n")
    _drip(asked, b"X: y\r\n")


def _dripping_status(asked: http.server.BaseHTTPRequestHandler) -> None:
    _drip(asked, b"H")


def _dripping_body(asked: http.server.BaseHTTPRequestHandler) -> None:
    _head(asked, Content_Length="100000")
    _drip(asked, b" ")


def _without_length(asked: http.server.BaseHTTPRequestHandler) -> None:
    _head(asked)
    _drip(asked, b" ")


def _silence(_: http.server.BaseHTTPRequestHandler) -> None:
    time.sleep(2)


@pytest.mark.parametrize(
    "behaviour", [_dripping_head, _dripping_status, _dripping_body, _without_length, _silence]
)
def test_an_answer_that_never_ends_is_given_up(
    server: _Server, client: api.TrafficApi, behaviour: Behaviour
) -> None:
    server.behaviour = behaviour
    began = time.monotonic()
    with pytest.raises(faults.Unreachable, match="did not answer in time"):
        client.metrics()
    assert time.monotonic() - began < 20 * _WHOLE_S


def _endless(asked: http.server.BaseHTTPRequestHandler) -> None:
    _head(asked)
    with contextlib.suppress(OSError):
        while True:
            asked.wfile.write(b" " * 65536)


def _bomb(asked: http.server.BaseHTTPRequestHandler) -> None:
    packed = zlib.compressobj(9, zlib.DEFLATED, 31)
    content = b"".join(packed.compress(b" " * (1 << 20)) for _ in range(400)) + packed.flush()
    _answer(content, Content_Encoding="gzip")(asked)


def _announced(asked: http.server.BaseHTTPRequestHandler) -> None:
    _head(asked, Content_Length=str(1 << 40))
    with contextlib.suppress(OSError):
        while True:
            asked.wfile.write(b" " * 65536)


@pytest.mark.parametrize("behaviour", [_endless, _bomb, _announced])
def test_an_answer_that_is_too_large_is_refused(
    server: _Server, client: api.TrafficApi, behaviour: Behaviour
) -> None:
    server.behaviour = behaviour
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises((faults.Failed, faults.Unreachable), match=r"more than 4 MiB|in time"):
        client.metrics()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024  # kilobytes


_ITEM: dict[str, Any] = {
    "metadata": {"name": "deployment.cart"},
    "resource": {"kind": "Deployment", "name": "cart", "namespace": "shop"},
    "edge": {"direction": "from", "side": "server"},
    "timestamp": "2026-11-22T12:00:00Z",
    "window": "30s",
    "metrics": [{"name": "success_count", "value": "5"}],
}
_ODD: tuple[Any, ...] = (
    None,
    7,
    -1,
    1e308,
    "",
    "x",
    [],
    {},
    [[]],
    {"a": 1},
    True,
    "9" * 5000,
    "1e999999",
    "0s",
    "-5",
)


def _spoiled() -> Iterator[bytes]:
    """Return items in which every field has every odd value."""
    for path in (
        *(
            ("metadata",),
            ("metadata", "name"),
            ("metadata", "labels"),
            ("metadata", "annotations"),
            ("resource",),
        ),
        *(
            ("resource", "kind"),
            ("resource", "name"),
            ("resource", "namespace"),
            ("edge",),
            ("edge", "direction"),
        ),
        *(("edge", "side"), ("edge", "resource"), ("timestamp",), ("window",), ("metrics",)),
    ):
        for odd in _ODD:
            item = json.loads(json.dumps(_ITEM))
            place = item
            for name in path[:-1]:
                place = place[name]
            place[path[-1]] = odd
            yield json.dumps({"items": [item]}).encode()
    for odd in _ODD:
        yield json.dumps({"items": odd}).encode()
        yield json.dumps(odd).encode()
        for metric in ({"name": "p99_response_latency", "value": odd}, {"name": odd, "value": "1"}, odd):
            yield json.dumps({"items": [{**_ITEM, "metrics": [metric]}]}).encode()
    yield from (
        b"",
        b"{",
        b"[" * 50_000,
        b'{"a":' * 50_000,
        b"\xff\xfe",
        b"NaN",
        b"9" * 6000,
        gzip.compress(b"{}"),
    )
    yield b'{"items":[' + b"9" * 6000 + b"]}"


def test_an_odd_answer_is_figures_or_a_fault_and_nothing_else(
    server: _Server, client: api.TrafficApi
) -> None:
    good, refused = 0, list[str]()
    for content in _spoiled():
        server.behaviour = _answer(content)
        try:
            for item in client.metrics():
                _is_sound(item)
                good += 1
        except faults.Fault as fault:
            refused.append(str(fault))
    assert good
    assert refused
    assert all(reply.isprintable() for reply in refused)


def _is_sound(item: traffic.Traffic) -> None:
    assert item.window > 0
    counts = (item.success_count, item.failure_count, item.p50, item.p90, item.p99)
    assert all(count is None or 0 <= count < 1e300 for count in counts)
    assert all(text.isprintable() for text in (item.name, item.resource.name, item.side, item.direction))


@pytest.mark.parametrize("status", [201 + 1, 204, 206, 301, 302, 307, 400, 404, 418, 500, 503, 599])
def test_only_a_good_answer_is_one(server: _Server, client: api.TrafficApi, status: int) -> None:
    server.behaviour = _answer(b'{"items": []}', status, Location=f"http://127.0.0.1:{server.server_port}/")
    with pytest.raises(faults.Fault):
        client.metrics()


@pytest.mark.parametrize("namespace", [".", ".."])
def test_no_name_leads_to_another_path(client: api.TrafficApi, namespace: str) -> None:
    with pytest.raises(faults.Failed, match="not found"):
        client.metrics(namespace=namespace)


def test_a_message_of_the_api_is_one_plain_line_of_a_bounded_length(
    server: _Server, client: api.TrafficApi
) -> None:
    message = "\x1b[2J\n\u202egnp" + "x" * 1_000_000
    server.behaviour = _answer(json.dumps({"kind": "Status", "message": message}).encode(), 500)
    with pytest.raises(faults.Failed) as caught:
        client.metrics()
    assert str(caught.value).startswith(r"\x1b[2J\n\u202egnp")
    assert len(str(caught.value)) < 10_000
