"""A client that costs little compared with the server: one keep-alive TLS connection, one read at a time.

It supports what the servers here use and no more: HTTP/1.1 with a Content-Length, or in chunks.
"""

import asyncio
import dataclasses
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Self

JSON = "application/json"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
"""The `Accept` header of kubectl."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The address and credentials of a running API server."""

    pid: int
    address: tuple[str, int]
    authority: Path
    """The certificate that verifies it."""
    token: str


class Connection:
    """One connection; made by `open`, to be closed by its owner."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fields: str) -> None:
        self._reader = reader
        self._writer = writer
        self._fields = fields

    @classmethod
    async def open(cls, server: Server, *, headers: Mapping[str, str] | None = None) -> Self:
        """Connect to a server; every read has these headers, too. Raises OSError."""
        host, port = server.address
        context = ssl.create_default_context(cafile=server.authority)
        reader, writer = await asyncio.open_connection(host, port, ssl=context)
        always = {
            "Host": f"{host}:{port}",
            "Authorization": f"Bearer {server.token}",
            **(headers or {}),
        }
        return cls(reader, writer, "".join(f"{name}: {value}\r\n" for name, value in always.items()))

    async def get(self, path: str, *, accept: str = JSON) -> tuple[int, bytes]:
        """Return status and body."""
        request = f"GET {path} HTTP/1.1\r\n{self._fields}Accept: {accept}\r\n\r\n"
        self._writer.write(request.encode("ascii"))
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        start, *lines = head.lower().split("\r\n")
        lengths = (line.partition(":")[2] for line in lines if line.startswith("content-length:"))
        length = next(lengths, None)
        body = await (self._chunks() if length is None else self._reader.readexactly(int(length)))
        return int(start.split(" ")[1]), body

    async def _chunks(self) -> bytes:
        chunks: list[bytes] = []
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            chunks.append(await self._reader.readexactly(size))
            await self._reader.readexactly(2)
        await self._reader.readexactly(2)
        return b"".join(chunks)

    async def aclose(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()
