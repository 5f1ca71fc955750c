"""The real server as a process, with a Prometheus that has a recorded mesh, and the means to observe it."""

import asyncio
import contextlib
import dataclasses
import json
import os
import re
import signal
import ssl
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib import parse

from tests.metrics_server import fake_prometheus, recording

READ = "/apis/metrics.smi-spec.io/v1alpha1/namespaces/shop/deployments"
PATIENCE = 60.0
"""Seconds until a test gives up waiting; the machine may be busy."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer with status, headers and body."""

    status: int
    head: bytes
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """A running server."""

    process: asyncio.subprocess.Process
    port: int
    token: str
    folder: Path
    prometheus: fake_prometheus.FakePrometheus

    @property
    def rss(self) -> int:
        """Bytes of memory that it uses."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) * 1024

    @property
    def files(self) -> int:
        """How many files and sockets it has open."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8")

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.folder / "state" / "ca.crt")

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port, ssl=self.context(), limit=1 << 24)

    def head(self, path: str, *headers: str, method: str = "GET") -> bytes:
        """Return the head of a request of a user who may read everything."""
        lines = (f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {self.token}", *headers)
        return "\r\n".join((*lines, "", "")).encode()

    async def ask(self, path: str, *headers: str) -> Answer:
        """Return the answer to a user who may read everything, on a new connection."""
        async with asyncio.timeout(PATIENCE):
            reader, writer = await self.connect()
            try:
                writer.write(self.head(path, *headers))
                return await read(reader)
            finally:
                writer.transport.abort()

    async def metric(self, name: str) -> float:
        """The sum of the server's own metric over its labels."""
        text = (await self.ask("/metrics")).body.decode()
        return sum(float(line.split()[-1]) for line in text.splitlines() if re.match(rf"{name}[ {{]", line))


async def read(reader: asyncio.StreamReader, *, bodiless: bool = False) -> Answer:
    """Read one answer. Raises IncompleteReadError if there is none."""
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    if bodiless or status in (204, 304):
        body = b""
    elif length is not None:
        body = await reader.readexactly(int(length[1]))
    else:
        body = await reader.read()
    return Answer(status=status, head=head, body=body)


@contextlib.asynccontextmanager
async def running(folder: Path, *options: str) -> AsyncIterator[Victim]:
    """Run the server until the block is left; then kill it if it still runs."""
    fake = fake_prometheus.FakePrometheus(recording.shop(taken=time.time()))
    async with fake_prometheus.running(fake) as prometheus:
        kubeconfig = folder / "kubeconfig"
        places = (f"--state={folder / 'state'}", f"--kubeconfig={kubeconfig}", "--listen=127.0.0.1:0")
        given = (f"--prometheus={prometheus.url}", "--stale-after=86400", *places, *options)
        with (folder / "log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "metrics_server", "serve", *given, stdout=log, stderr=log
            )
        try:
            async with asyncio.timeout(PATIENCE):
                while not kubeconfig.exists():
                    assert process.returncode is None, (folder / "log").read_text(encoding="utf-8")
                    await asyncio.sleep(0.05)
            found = re.search(r"server: (\S+)", kubeconfig.read_text(encoding="utf-8"))
            assert found is not None
            yield Victim(
                process=process,
                port=parse.urlsplit(found[1].strip("'\"")).port or 0,
                token=(folder / "state" / "token").read_text(encoding="ascii").strip(),
                folder=folder,
                prometheus=prometheus,
            )
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGKILL)
            await process.wait()
