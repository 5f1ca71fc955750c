"""However a backend is slow, the server either stops waiting soon or lets it finish, and says why."""

import asyncio
import contextlib
import dataclasses
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import abc

from metrics_server.model import faults
from metrics_server.query import promql
from metrics_server.upstream import prometheus
from tests.attacks import backend
from tests.metrics_server import questions

QUICK = prometheus.Patience(connect=0.4, doubt=0.4, probe=0.3, stall=0.5, answer=30.0)
"""The usual proportions, in less time; a test that reaches `answer` fails at its own deadline."""
_SOON = 10.0
RIGHT = b'{"status":"success","data":{"resultType":"vector","result":[]}}'
BEGUN = backend.head(length=50_000) + RIGHT[:30]


@contextlib.asynccontextmanager
async def asking(
    play: backend.Play, patience: prometheus.Patience = QUICK
) -> AsyncIterator[prometheus.Prometheus]:
    async with backend.running(play) as slow, questions.client(slow.url, patience=patience) as client:
        yield client


async def refused(
    play: backend.Play, kind: type[faults.Unavailable] = faults.BackendSlow
) -> faults.Unavailable:
    async with asking(play) as client:
        return await fault(client, kind)


async def fault(
    client: prometheus.Prometheus, kind: type[faults.Unavailable] = faults.BackendSlow
) -> faults.Unavailable:
    with pytest.raises(kind) as raised:
        async with asyncio.timeout(_SOON):
            await client.ask([questions.QUERY, questions.QUERY], at=questions.NOW)
    assert questions.says_nothing_of_the_backend(raised.value, "nowhere")
    return raised.value


async def hang(query: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await backend.until_left(reader)


async def drip(writer: asyncio.StreamWriter, body: bytes) -> None:
    for byte in body:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.02)


async def test_one_that_accepts_and_never_answers() -> None:
    assert (await refused(hang)).message == "Prometheus accepts connections but does not answer"


@pytest.mark.parametrize("begun", [backend.head(length=50_000), BEGUN], ids=["the head", "half of it"])
async def test_one_that_begins_to_answer_and_hangs(begun: bytes) -> None:
    async def stop(query: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(begun)
        await backend.until_left(reader)

    assert (await refused(stop)).message.startswith("Prometheus began to answer, then stopped sending for ")


async def test_one_that_sends_byte_after_byte() -> None:
    async def slowly(query: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(backend.head(length=50_000))
        await drip(writer, b" " * 50_000)

    assert (await refused(slowly)).message.startswith("Prometheus sends its answer too slowly: ")


async def test_one_that_sends_byte_after_byte_of_its_head() -> None:
    async def slowly(query: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await drip(writer, backend.head("200 OK", *["odd: odd"] * 900))

    assert (await refused(slowly)).message == "Prometheus accepts connections but does not answer"


@pytest.mark.parametrize("begun", [b"", BEGUN], ids=["nothing", "half of it"])
async def test_one_that_answers_the_smallest_query_alone_and_of_others_sends(begun: bytes) -> None:
    async def alive(query: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if query == promql.PROBE:
            writer.write(backend.whole(RIGHT))
            return
        writer.write(begun)
        await backend.until_left(reader)

    limited = dataclasses.replace(QUICK, answer=1.5)
    async with asking(alive, limited) as client:
        message = (await fault(client)).message
    if begun:
        assert message.startswith("Prometheus began to answer, then stopped sending for ")
    else:
        assert message == "Prometheus answers small queries, but took longer than 1.5 s to answer this one"


async def test_one_that_begins_even_the_smallest_answer_and_hangs() -> None:
    async def begin(query: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if query == promql.PROBE:
            writer.write(BEGUN)
        await backend.until_left(reader)

    assert "does not finish even the smallest answer" in (await refused(begin)).message


async def test_one_that_is_busy_but_goes_on_may_finish() -> None:
    async def busily(query: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if query == promql.PROBE:
            writer.write(backend.whole(RIGHT))
            return
        await asyncio.sleep(3 * QUICK.doubt)
        blanks = b" " * 4000
        writer.write(backend.head(length=len(RIGHT) + 12 * len(blanks)))
        for _ in range(12):
            writer.write(blanks)
            await writer.drain()
            await asyncio.sleep(QUICK.stall / 5)
        writer.write(RIGHT)

    async with asking(busily) as client, asyncio.timeout(_SOON):
        assert await questions.read(client, [questions.QUERY, questions.QUERY]) == [[], []]


async def test_patience_has_an_end_for_one_that_goes_on_and_on() -> None:
    async def on_and_on(query: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(backend.head())
        while True:
            writer.write(b" " * 4000)
            await writer.drain()
            await asyncio.sleep(QUICK.stall / 5)

    async with asking(on_and_on, dataclasses.replace(QUICK, answer=1.2)) as client:
        assert (await fault(client)).message == "Prometheus was still sending its answer after 1.2 s"


async def test_one_that_breaks_off() -> None:
    async def break_off(query: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(BEGUN)

    reply = await refused(break_off, faults.BackendDown)
    assert reply.message == "Prometheus' answer ended before it was complete"


async def test_one_that_refuses_connections() -> None:
    with socket.socket() as closed:
        closed.bind((backend.HOST, 0))
        async with questions.client(f"http://{backend.HOST}:{closed.getsockname()[1]}") as client:
            assert (await fault(client, faults.BackendDown)).message == "Prometheus cannot be reached"


async def test_one_that_never_ends_the_handshake_of_tls() -> None:
    left = asyncio.Event()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await backend.until_left(reader)
        left.set()
        writer.close()

    async with await asyncio.start_server(accept, backend.HOST, 0) as server:
        url = f"https://{backend.HOST}:{server.sockets[0].getsockname()[1]}"
        async with questions.client(url, patience=QUICK) as client:
            reply = await fault(client, faults.Unavailable)
        assert "no connection" in reply.message or "still makes a connection" in reply.message
        await asyncio.wait_for(left.wait(), _SOON)


class _Silent(abc.AbstractResolver):
    """Resolves no host, and never answers."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[abc.ResolveResult]:
        await asyncio.Event().wait()
        raise AssertionError("waits for ever")

    async def close(self) -> None: ...


async def test_one_whose_name_is_never_found() -> None:
    client = prometheus.Prometheus(
        "http://no-such-host.invalid:9090", observer=questions.Heard(), patience=QUICK, resolver=_Silent()
    )
    try:
        reply = await fault(client)
    finally:
        await client.close()
    assert reply.message.startswith("The server still looks up the name of Prometheus' address after ")


async def test_the_usual_patience_gives_a_hung_backend_up_within_three_seconds() -> None:
    usual = prometheus.Patience()
    assert usual.doubt + usual.probe <= 3.0
    assert usual.stall + usual.connect <= 3.0
