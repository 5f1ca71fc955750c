"""Connections without a credential: however many there are and whatever they send or do not send, the
server's memory stays bounded and a client with a credential is served.
"""

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from tests import loops
from tests.attacks import effort, victim
from tests.metrics_server import recording

CONNECTIONS = 35
"""Connections of each kind, all open at the same time: more than the server accepts. The long run opens
2,000.
"""
AT_ONCE = 50
MOST = 240
MOST_GROWTH = 96
"""MB, for all kinds together."""
KINDS = {
    "no handshake": None,
    "nothing": b"",
    "an unfinished head of long fields": b"GET / HTTP/1.1\r\nHost: x\r\n"
    + b"".join(b"X-%d: %s\r\n" % (number, b"x" * 2000) for number in range(120)),
    "an unfinished head of many fields": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 1990,
    "an unfinished field": b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 250_000,
    "a long URL": b"GET /?%s HTTP/1.1\r\nHost: x\r\n\r\n" % (b"a" * 250_000),
    "many requests at once": b"GET /apis HTTP/1.1\r\nHost: x\r\n\r\n" * 1000,
    "a body": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n" + b"x" * 300_000,
    "a small body that unpacks to much": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\n"
    b"Content-Length: 4\r\n\r\nxxxx",
}


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[victim.Victim]:
    with loops.entered(victim.running(tmp_path_factory.mktemp("victim"), "--access-log")) as running:
        yield running


@contextlib.asynccontextmanager
async def hostile(one: victim.Victim, *, number: int, sent: bytes | None) -> AsyncIterator[int]:
    """Open connections that send this, read nothing, and stay. Yields how many were opened."""
    context = one.context()
    opened: list[asyncio.StreamWriter] = []
    kept: list[asyncio.StreamReader] = []

    async def attack(door: asyncio.Semaphore) -> None:
        async with door:
            with contextlib.suppress(OSError):
                tls: ssl.SSLContext | None = None if sent is None else context
                reader, writer = await asyncio.open_connection("127.0.0.1", one.port, ssl=tls, limit=1)
                opened.append(writer)
                # Its limit of one byte stops it from reading further.
                kept.append(reader)
                writer.write(sent or b"")

    door = asyncio.Semaphore(AT_ONCE)
    try:
        await asyncio.gather(*(attack(door) for _ in range(number)))
        yield len(opened)
    finally:
        for writer in opened:
            writer.transport.abort()


async def test_memory_stays_bounded_and_a_good_client_is_served(
    attacked: victim.Victim, tries: effort.Effort
) -> None:
    for _ in range(3):
        assert (await attacked.ask("/openapi/v2")).status == 200
    before, grown = attacked.rss, {}
    async with contextlib.AsyncExitStack() as held:
        for kind, sent in KINDS.items():
            attack = hostile(attacked, number=min(tries.times(CONNECTIONS), MOST), sent=sent)
            assert await held.enter_async_context(attack) > 0
            # Twice: after the first answer the server has received what the connections sent.
            for _ in range(2):
                assert (await attacked.ask("/apis")).status == 200, kind
            grown[kind] = (attacked.rss - before) >> 20
    assert max(grown.values()) <= MOST_GROWTH, grown
    assert "Traceback" not in attacked.log
    assert attacked.token not in attacked.log


async def ended(one: victim.Victim, *sent: bytes) -> bytes:
    """Return everything that the server answers to this until it closes the connection."""
    reader, writer = await one.connect()
    try:
        for part in sent:
            writer.write(part)
        async with asyncio.timeout(victim.PATIENCE):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.transport.abort()


async def drip(one: victim.Victim, *, sent: bytes | None) -> None:
    """Open a connection, send this and then a byte at a time until the server closes it."""
    tls = None if sent is None else one.context()
    reader, writer = await asyncio.open_connection("127.0.0.1", one.port, ssl=tls)
    try:
        writer.write(sent or b"")
        while not reader.at_eof():
            writer.write(b"x" if sent else b"")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(reader.read(1), 0.25)
    except ConnectionError:
        pass
    finally:
        writer.transport.abort()


async def test_who_does_not_finish_a_handshake_or_a_head_is_not_waited_for(attacked: victim.Victim) -> None:
    dripped = (None, b"", b"GET / HTTP/1.1\r\nHost: x\r\nX: ")
    # The server's limit is ten seconds; the machine may be busy.
    await asyncio.wait_for(asyncio.gather(*(drip(attacked, sent=sent) for sent in dripped)), 25)


@pytest.mark.parametrize(
    "head",
    [
        b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % (b"a" * 300_000),
        b"GET / HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r\n" % (b"a" * 300_000),
        b"GET / HTTP/1.1\r\nHost: x\r\n%s\r\n" % (b"X: %s\r\n" % (b"a" * 10_000) * 30),
        b"GET / HTTP/1.1\r\nHost: x\r\n%s\r\n" % (b"X: y\r\n" * 2_001),
    ],
)
async def test_a_head_that_is_too_large_is_refused_in_words(attacked: victim.Victim, head: bytes) -> None:
    answer = await ended(attacked, head)
    assert b"aaaa" not in answer
    # A client that continues to send may see a reset connection before the message.
    assert answer == b"" or answer.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")


async def test_a_user_may_be_in_as_many_groups_as_the_kube_apiserver_sends(attacked: victim.Victim) -> None:
    groups = [f"X-Remote-Group: team-{number:06}" for number in range(1_900)]
    assert (await attacked.ask("/apis", *groups)).status == 200


async def test_the_selector_of_an_autoscaler_may_be_long(attacked: victim.Victim) -> None:
    attacked.prometheus.holds = recording.shop(taken=time.time())
    pods = ",".join(f"pod-{number:06}" for number in range(10_000))
    answer = await attacked.ask(f"{victim.READ}?labelSelector=app%20in%20({pods})")
    assert (answer.status, answer.json["items"]) == (200, [])
