"""Thanos as processes: a sidecar beside each Prometheus, and a querier for all."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from demo import processes, wait
from tests.cluster import build

_GRPC, _HTTP, _QUERY = 10901, 10902, 9090


@dataclass(frozen=True, slots=True)
class Thanos:
    """A querier, whose sidecars a test can stop and start."""

    url: str
    family: processes.Family
    databases: Sequence[str]
    hosts: Sequence[str]
    """One per sidecar; the querier has the next one."""

    async def start(self, number: int) -> None:
        """Start the sidecar of a Prometheus."""
        host = self.hosts[number]
        command = [
            *(str(build.THANOS.path), "sidecar", f"--prometheus.url={self.databases[number]}"),
            *(f"--grpc-address={host}:{_GRPC}", f"--http-address={host}:{_HTTP}"),
        ]
        await self.family.start(f"sidecar-{number}", command)

    async def stop(self, number: int) -> None:
        """Stop the sidecar of a Prometheus."""
        await self.family.stop(f"sidecar-{number}")


@contextlib.asynccontextmanager
async def over(databases: Sequence[str], folder: Path, *, subnet: str, first: int) -> AsyncIterator[Thanos]:
    """Run Thanos over some Prometheus servers until the block is left. `first`: the last number of the first
    of as many loopback addresses as there are servers, and one more.
    """
    await build.make(build.THANOS, report=print)
    hosts = [f"{subnet}.{first + number}" for number in range(len(databases))]
    querier = f"{subnet}.{first + len(databases)}"
    url = f"http://{querier}:{_QUERY}"
    async with processes.family(folder) as family, aiohttp.ClientSession() as http:
        found = Thanos(url, family, databases, hosts)
        for number in range(len(databases)):
            await found.start(number)
        command = [
            *(str(build.THANOS.path), "query", f"--http-address={querier}:{_QUERY}"),
            *(f"--grpc-address={querier}:{_GRPC}", *(f"--endpoint={host}:{_GRPC}" for host in hosts)),
        ]
        await family.start("query", command)
        await family.guard(wait.until_ok(http, f"{url}/-/ready", what="Thanos", within=60))
        yield found
