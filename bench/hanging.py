"""The answers while Prometheus accepts connections and never answers: it is stopped for the measurement."""

import asyncio
import contextlib
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Mapping

from bench import client, hpas, joined, report

_PAUSE = 0.5
_WORDS = 60
"""Characters of the message."""


async def measure(joint: joined.Joined, doors: Mapping[str, client.Server]) -> report.Table:
    """Return a row for each server, all read at the same time."""
    path = hpas.of_pods(joint.place.cluster.namespaces[0], "v1beta1", **{"of-10": "0"})
    for door in doors.values():
        await joined.until_read(door, path)
    async with _stopped(joint.place.prometheus_pid):
        rows = await asyncio.gather(*(_until_refused(door, path) for door in doors.values()))
    return report.Table(
        name="Prometheus hangs",
        about="reads one after the other until one is refused; aim: none takes longer than 3 s",
        rows=dict(zip(doors, rows, strict=True)),
        compared="longest s",
    )


@contextlib.asynccontextmanager
async def _stopped(pid: int) -> AsyncIterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def _until_refused(door: client.Server, path: str) -> report.Cells:
    async with contextlib.aclosing(await client.Connection.open(door)) as connection:
        begun, longest, reads = time.perf_counter(), 0.0, 0
        while True:
            sent = time.perf_counter()
            status, body = await connection.get(path)
            longest = max(longest, time.perf_counter() - sent)
            if status != 200:
                break
            reads += 1
            await asyncio.sleep(_PAUSE)
    return {
        "answered with 200": reads,
        "refused after s": time.perf_counter() - begun,
        "with": str(status),
        "longest s": longest,
        "says": str(json.loads(body)["message"])[:_WORDS],
    }
