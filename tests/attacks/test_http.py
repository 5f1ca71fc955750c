"""Malformed HTTP: the server refuses it with a short message and serves the next client.

No answer is a 5xx, no input causes a traceback, and the token is in no answer and no line of the log.
"""

import asyncio
import contextlib
import random
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import loops
from tests.attacks import effort, victim
from tests.metrics_server import recording

BATCHES = 6
REQUESTS = 40
"""Requests in a batch, each on its own connection."""
PATHS = (
    victim.READ,
    f"{victim.READ}/cart",
    f"{victim.READ}/cart/edges",
    "/apis/metrics.smi-spec.io/v1alpha1/trafficmetrics",
    "/apis",
    "/apis/metrics.smi-spec.io/v1alpha1",
    "/openapi/v2",
    "/openapi/v3",
    "/livez",
    "/readyz/ping",
    "/metrics",
    "/version",
    "/",
)
METHODS = (
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "CONNECT",
    "TRACE",
    "get",
    "G ET",
    "PRI",
)
PARAMETERS = (
    *("labelSelector", "fieldSelector", "limit", "continue", "timeout", "timeoutSeconds", "watch", "pretty"),
    *("includeObject", "window", "t", "from", "to", "exclude", "verbose", "resourceVersion"),
)
FIELDS = (
    *("Accept", "Accept-Encoding", "If-None-Match", "Audit-ID", "User-Agent", "X-Remote-User", "Cookie"),
    *("Upgrade", "Connection", "Expect", "Content-Length", "Transfer-Encoding", "Content-Encoding", "Host"),
    *("Authorization", "Impersonate-User", "Range", "Sec-WebSocket-Key1", "TE", "Trailer"),
)
ODD = (
    *(
        b"",
        b" ",
        b"\t",
        b"\0",
        b"\r",
        b"\n",
        b"%",
        b"%00",
        b"%0a",
        b"%ff",
        b"\xff\xfe",
        "é…".encode(),
        b"\x1b[31m",
    ),
    *(
        b"..",
        b"/",
        b"//",
        b"?",
        b"#",
        b"=",
        b"!=",
        b"in (",
        b")",
        b",",
        b"\\",
        b"'",
        b'"',
        b"*",
        b"-1",
        b"1e999",
    ),
    *(
        b"9" * 40,
        b"1s" * 50,
        b"a" * 5000,
        b" " * 5000,
        b"a=b," * 500,
        b"close",
        b"upgrade",
        b"chunked",
        b"gzip",
    ),
    *(
        b"identity;q=0",
        b"websocket",
        b"100-continue",
        b"application/json;as=Table;v=v1;g=meta.k8s.io",
        b"0",
        b"5",
    ),
)
ENDS = (b"\r\n\r\n",) * 6 + (b"\n\n", b"\r\n", b"", b"\r\r\n\r\n", b"\r\n \r\n\r\n")
SMUGGLED = (
    b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    b"Content-Length: 5, 5\r\n\r\nhello",
    b"Content-Length: +5\r\n\r\nhello",
    b"Content-Length: -5\r\n\r\nhello",
    b"Content-Length: 99999999999999999999999\r\n\r\nhello",
    b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: identity, chunked, identity\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffffff\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n5;x=\0\r\nhello\r\n0\r\n\r\n",
    b"Content-Encoding: gzip\r\nContent-Length: 9\r\n\r\nnot gzip!",
    b"Content-Encoding: deflate\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nxxx\r\n0\r\n\r\n",
    b"Content-Encoding: br\r\nContent-Length: 3\r\n\r\n\xff\xff\xff",
    b"Content-Length: 10\r\n\r\nshort",
)


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[victim.Victim]:
    with loops.entered(victim.running(tmp_path_factory.mktemp("victim"), "--access-log")) as running:
        yield running


def request(dice: random.Random, *, token: str) -> bytes:
    """Return a request with no, one or several errors."""

    def odd() -> bytes:
        return b"".join(dice.choice(ODD) for _ in range(dice.randint(0, 3)))

    path = dice.choice(PATHS).encode() + (odd() if dice.random() < 0.3 else b"")
    if dice.random() < 0.6:
        pairs = [dice.choice(PARAMETERS).encode() + b"=" + odd() for _ in range(dice.randint(1, 4))]
        path += b"?" + dice.choice((b"&", b"&&", b";")).join(pairs)
    if dice.random() < 0.8:
        path = re.sub(rb"[\x00-\x20]", lambda found: b"%%%02X" % ord(found[0]), path)
    lines = [dice.choice(METHODS[: dice.choice((1, 2, len(METHODS)))]).encode() + b" " + path + b" "]
    lines[0] += dice.choice((b"HTTP/1.1",) * 8 + (b"HTTP/1.0", b"HTTP/2.0", b"HTTP/9", b"", b"http/1.1"))
    lines += [b"Host: x"] * dice.choice((0, 1, 1, 1, 1, 2))
    if dice.random() < 0.6:
        lines.append(b"Authorization: Bearer " + token.encode() + (odd() if dice.random() < 0.1 else b""))
    lines += [
        dice.choice(FIELDS).encode() + dice.choice((b": ", b":", b" : ", b"")) + odd()
        for _ in range(dice.randint(0, 4))
    ]
    if dice.random() < 0.25:
        return b"\r\n".join(lines) + b"\r\n" + dice.choice(SMUGGLED)
    return b"\r\n".join(lines) + dice.choice(ENDS)


async def answered(one: victim.Victim, sent: bytes, *, parts: int, half: bool) -> bytes:
    """Return everything that the server answers to this, sent in so many parts; `half` closes the sending
    side.
    """
    reader, writer = await one.connect()
    try:
        size = len(sent) // parts + 1
        for start in range(0, len(sent), size):
            writer.write(sent[start : start + size])
            await asyncio.sleep(0)
        if half and writer.can_write_eof():
            writer.write_eof()
        said = b""
        with contextlib.suppress(TimeoutError):
            while part := await asyncio.wait_for(reader.read(1 << 16), 0.3):
                said += part
        return said
    except ConnectionError:
        return b""
    finally:
        writer.transport.abort()


STATUS = re.compile(rb"(?:\A|(?<=[\n}]))HTTP/1\.[01] (\d{3}) ")


async def test_whatever_is_sent_is_refused_or_answered(attacked: victim.Victim, tries: effort.Effort) -> None:
    dice = tries.dice("http")
    statuses: set[int] = set()
    for _ in range(tries.times(BATCHES)):
        attacked.prometheus.holds = recording.shop(taken=time.time())
        batch = [
            b"".join(request(dice, token=attacked.token) for _ in range(dice.choice((1, 1, 1, 2, 5))))
            for _ in range(REQUESTS)
        ]
        answers = await asyncio.gather(
            *(
                answered(attacked, sent, parts=dice.choice((1, 1, 2, 7)), half=dice.random() < 0.2)
                for sent in batch
            )
        )
        for sent, said in zip(batch, answers, strict=True):
            found = {int(status) for status in STATUS.findall(said)}
            assert not {status for status in found if status >= 500 and not _is_of_data(said)}, (sent, said)
            assert attacked.token.encode() not in said, sent
            assert b"aiohttp" not in said, sent
            statuses |= found
        assert (await attacked.ask("/apis")).status == 200
    assert {200, 400, 401, 404, 405} <= statuses
    log = attacked.log
    assert "Traceback" not in log
    assert attacked.token not in log
    assert max(map(len, log.splitlines())) < 4096


def _is_of_data(said: bytes) -> bool:
    """Whether the data is too old for an answer, which is not caused by an attack."""
    return b'"reason":"ServiceUnavailable"' in said or b'"reason":"Timeout"' in said


async def test_what_is_malformed_is_answered_as_go_answers_it(attacked: victim.Victim) -> None:
    said = await answered(
        attacked, b"GET / HTTP/1.1\r\nAuthorization : Bearer secret\r\n\r\n", parts=1, half=False
    )
    assert said == (
        b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
        b"400 Bad Request"
    )


async def test_a_smuggled_request_is_not_answered(attacked: victim.Victim) -> None:
    for smuggled in SMUGGLED:
        sent = b"POST / HTTP/1.1\r\nHost: x\r\n" + smuggled + b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
        said = await answered(attacked, sent, parts=1, half=False)
        ambiguous = (
            smuggled[: smuggled.index(b"\r\n\r\n")].count(b":") > 1 and b"Encoding: gzip" not in smuggled
        )
        if ambiguous and b"Content-Encoding" not in smuggled:
            assert b" 200 " not in said, (smuggled, said)


async def test_strangers_cannot_fill_the_log(attacked: victim.Victim) -> None:
    before, began = len(attacked.log), time.monotonic()
    reader, writer = await attacked.connect()
    for _ in range(200):
        writer.write(b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % (b"a" * 100_000))
        assert (await victim.read(reader)).status == 401
    writer.transport.abort()
    seconds = time.monotonic() - began + 2
    assert len(attacked.log) - before < seconds * 25 * 1024
    while "more refused requests" not in attacked.log[before:]:
        assert time.monotonic() - began < victim.PATIENCE
        await asyncio.sleep(0.1)


HELD = {
    "labelSelector": " " * 200_000,
    "fieldSelector": "a=b," * 50_000,
    "window": "1s" * 100_000,
    "timeout": "1s" * 100_000,
    "limit": "1" * 200_000,
}


@pytest.mark.parametrize("credential", [True, False])
async def test_nothing_holds_the_event_loop(attacked: victim.Victim, credential: bool) -> None:
    heads = [
        *(
            f"GET {victim.READ}?{name}={text.replace(' ', '%20')[:200_000]} HTTP/1.1"
            for name, text in HELD.items()
        ),
        f"GET {victim.READ}?labelSelector=a%20in%20({'a,' * 100_000}) HTTP/1.1",
        f"GET {victim.READ}?labelSelector={'a,' * 100_000} HTTP/1.1",
        f"GET {victim.READ}?{'a&' * 100_000} HTTP/1.1",
        f"GET {victim.READ} HTTP/1.1\r\nAccept: {'a,' * 100_000}",
        f"GET {victim.READ} HTTP/1.1\r\nAccept-Encoding: {'a,' * 100_000}",
        f"GET /livez?exclude={'a,' * 100_000} HTTP/1.1",
    ]
    shown = f"Authorization: Bearer {attacked.token}\r\n" if credential else ""
    lags: list[float] = []

    async def watch() -> None:
        while True:
            began = time.monotonic()
            assert (await attacked.ask("/version")).status == 200
            lags.append(time.monotonic() - began)

    watcher = asyncio.ensure_future(watch())
    for head in heads:
        sent = f"{head}\r\nHost: x\r\n{shown}\r\n".encode()
        async with asyncio.timeout(victim.PATIENCE):
            reader, writer = await attacked.connect()
            writer.write(sent)
            answer = await victim.read(reader)
            writer.transport.abort()
        assert len(answer.body) < 10_000
        assert answer.status == 401 if not credential and "/livez" not in head else answer.status < 500
    await asyncio.wait({watcher}, timeout=0.5)
    watcher.cancel()
    # Such a request once took several seconds; other tests also use the machine.
    assert sorted(lags)[len(lags) // 2] < 1.0


async def test_stopping_loses_no_request_and_waits_for_nobody_else(tmp_path: Path) -> None:
    async with victim.running(tmp_path) as one, contextlib.AsyncExitStack() as opened:
        resting = await one.connect()
        resting[1].write(one.head("/apis"))
        await victim.read(resting[0])
        unfinished = await one.connect()
        unfinished[1].write(b"GET / HTTP/1.1\r\nX: ")
        clients = [await one.connect() for _ in range(20)]
        for _, writer in (resting, unfinished, *clients):
            opened.callback(writer.transport.abort)
        for _, writer in clients:
            writer.write(one.head("/openapi/v2"))
        began = time.monotonic()
        one.process.send_signal(signal.SIGTERM)
        answers = await asyncio.gather(*(victim.read(reader) for reader, _ in clients))
        assert {answer.status for answer in answers} == {200}
        async with asyncio.timeout(victim.PATIENCE):
            assert await one.process.wait() == 0
        # The server's limit is five seconds; the machine may be busy.
        assert time.monotonic() - began < 12
        assert "Traceback" not in one.log


async def test_a_second_signal_ends_the_server_at_once(tmp_path: Path) -> None:
    async with victim.running(tmp_path, "--shutdown-delay=300") as one:
        one.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(victim.PATIENCE):
            while (await one.ask("/readyz")).status == 200:  # noqa: ASYNC110 - another process is waited for
                await asyncio.sleep(0.05)
            one.process.send_signal(signal.SIGTERM)
            assert await one.process.wait() == 128 + signal.SIGTERM
        assert "Traceback" not in one.log
