"""A kube-apiserver whose answer is endless or very slow: the wait is bounded, and reported."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from apiservice.kube import client
from tests.attacks import backend

_LONGEST = 1 << 20
_SOON = 20.0


@contextlib.asynccontextmanager
async def asking(sent: bytes, again: bytes) -> AsyncIterator[client.KubeApi]:
    """A client of a server that answers with some bytes, and then repeats others without end."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(sent)
            while not writer.is_closing():
                writer.write(again)
                await writer.drain()
                await asyncio.sleep(0.01)
        writer.close()

    async with await asyncio.start_server(accept, backend.HOST, 0) as server:
        url = f"http://{backend.HOST}:{server.sockets[0].getsockname()[1]}"
        connection = client.ConnectionConfig(url=url)
        async with client.connect(connection, patience=_SOON, attempts=1, longest=_LONGEST) as api:
            yield api
        await asyncio.sleep(0.05)


async def test_an_answer_without_end_is_cut() -> None:
    async with asking(backend.head() + b'{"a":"', b"x" * 100_000) as api:
        with pytest.raises(client.Garbled, match="longer than 1048576 bytes"):
            await api.get("/api/v1/pods", query={})


async def test_of_a_refusal_without_end_the_beginning_is_read() -> None:
    async with asking(backend.head("403 Forbidden") + b'{"a":"', b"x" * 100_000) as api:
        with pytest.raises(client.Refused) as refused:
            await api.get("/api/v1/pods", query={})
    assert refused.value.code == 403


@pytest.mark.alone
async def test_a_watch_that_drips_is_silent() -> None:
    async with asking(backend.head(), b" ") as api, asyncio.timeout(_SOON):
        with pytest.raises(client.Unreachable, match=r"no event of the watch within 0\.3 s"):
            async for _ in api.watch("/api/v1/pods", query={"watch": "1"}, silence=0.3):
                pass
