"""A Prometheus on loopback that sends arbitrary bytes at an arbitrary pace."""

import asyncio
import contextlib
import time
import urllib.parse
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable

HOST = "127.0.0.1"
Play = Callable[[str, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Answers a query; the connection is closed after it."""


def head(status: str = "200 OK", *headers: str, length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", "Connection: close", *headers]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def whole(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    return head(status, *headers, length=len(body)) + body


async def query_of(reader: asyncio.StreamReader) -> tuple[str, float]:
    """Read a request of the query API, and return its query and its time, which may be in the address."""
    reply = (await reader.readuntil(b"\r\n\r\n")).decode()
    fields = dict(line.lower().split(": ", 1) for line in reply.split("\r\n")[1:] if ": " in line)
    form = (await reader.readexactly(int(fields.get("content-length", "0")))).decode()
    asked = urllib.parse.parse_qs(form) | urllib.parse.parse_qs(urllib.parse.urlsplit(reply.split()[1]).query)
    return asked["query"][0], float(asked["time"][0]) if "time" in asked else time.time()


class Backend:
    """Its answers may be changed at any time."""

    def __init__(self, play: Play) -> None:
        self.play = play
        self.url = ""
        self.at = 0.0
        """The time of the latest query."""
        self.asked: list[str] = []

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError, EOFError):
                query, self.at = await query_of(reader)
                self.asked.append(query)
                await self.play(query, reader, writer)
                await writer.drain()
        finally:
            writer.close()


async def until_left(reader: asyncio.StreamReader) -> None:
    """Wait until the client closes the connection."""
    while await reader.read(1 << 16):
        pass


@contextlib.asynccontextmanager
async def running(play: Play) -> AsyncIterator[Backend]:
    """Serve until the block is left."""
    backend = Backend(play)
    tasks: set[asyncio.Task[None]] = set()
    writers: weakref.WeakSet[asyncio.StreamWriter] = weakref.WeakSet()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        task = asyncio.create_task(backend.handle(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, HOST, 0)
    backend.url = f"http://{HOST}:{server.sockets[0].getsockname()[1]}"
    try:
        yield backend
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in list(writers):
            writer.transport.abort()
        await asyncio.sleep(0)
