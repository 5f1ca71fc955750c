"""Memory for a backend's endless answer: at most the limit, and none once it has failed."""

import asyncio
import contextlib
import gc
import gzip
import os
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import cast

import pytest

from metrics_server.model import faults
from metrics_server.settings import memory_budget
from metrics_server.upstream import credentials, prometheus, requests_prometheus
from tests.attacks import backend
from tests.metrics_server import fake_prometheus, questions, reading

MIB = memory_budget.MIB
BEGUN = b'{"status":"success","data":{"resultType":"vector","result":['
SERIES = b'{"metric":{"a":"%s"},"value":[1,"1"]},' % (b"b" * 4000)
FAILURES = 50


@contextlib.asynccontextmanager
async def asking(play: backend.Play, *, mib: float) -> AsyncIterator[prometheus.Prometheus]:
    allowed = memory_budget.MemoryBudget(int(mib * MIB))
    patience = prometheus.Patience(connect=5.0, doubt=20.0, probe=5.0, stall=0.2, answer=30.0)
    async with backend.running(play) as endless:
        client = prometheus.Prometheus(
            endless.url, observer=questions.Heard(), patience=patience, allowed=allowed
        )
        try:
            yield client
        finally:
            await client.close()


def unpacking(how: str) -> tuple[str, bytes]:
    """An answer of 64 MiB, compressed."""
    body = BEGUN + SERIES * (64 * MIB // len(SERIES))
    return how, gzip.compress(body, 1) if how == "gzip" else zlib.compress(body, 1)


async def refused(client: prometheus.Prometheus, queries: int = 1) -> str:
    with pytest.raises(faults.BackendRefused) as raised:
        async with asyncio.timeout(30):
            await client.ask([questions.QUERY] * queries, at=questions.NOW)
    return raised.value.message


@pytest.mark.parametrize("status", ["200 OK", "500 Internal Server Error"])
async def test_an_answer_without_end_is_cut(status: str) -> None:
    async def endless(query: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(backend.head(status) + BEGUN)
        while not writer.is_closing():
            writer.write(SERIES * 100)
            await writer.drain()

    with _traced() as peak:
        async with asking(endless, mib=8) as client:
            message = await refused(client)
    assert peak() < 32 * MIB
    if status.startswith("200"):
        assert "8 MiB" in message
        assert "--answer-limit (TRAFFIC_ANSWER_LIMIT)" in message
    else:
        assert message == "Prometheus failed to answer the query, by an error of its own"


@pytest.mark.parametrize("how", ["gzip", "deflate"])
async def test_a_small_answer_that_unpacks_to_a_big_one_is_cut(how: str) -> None:
    _, packed = unpacking(how)
    assert len(packed) < MIB

    async def bomb(query: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(backend.whole(packed, "200 OK", f"Content-Encoding: {how}"))

    with _traced() as peak:
        async with asking(bomb, mib=8) as client:
            assert "8 MiB" in await refused(client)
    assert peak() < 32 * MIB


async def test_the_answers_to_several_queries_are_bounded_together() -> None:
    body = BEGUN + SERIES * (3 * MIB // len(SERIES)) + SERIES[:-1] + b"]}}"

    async def big(query: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(backend.whole(body))

    async with asking(big, mib=8) as client:
        two = await client.ask([questions.QUERY] * 2, at=questions.NOW)
        assert "8 MiB" in await refused(client)  # while these answers are held
        del two
        assert "8 MiB" in await refused(client, 3)
        assert len(await client.ask([questions.QUERY] * 2, at=questions.NOW)) == 2


def test_check_is_bounded_too() -> None:
    async def endless(query: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(backend.head() + BEGUN)
        while not writer.is_closing():
            writer.write(SERIES * 100)
            await writer.drain()

    async def look() -> str:
        async with backend.running(endless) as one:
            asked = requests_prometheus.RecordingClient(
                one.url, credentials.NOTHING, allowed=memory_budget.MemoryBudget(8 * MIB)
            )
            with pytest.raises(faults.BackendRefused) as raised:
                await asyncio.to_thread(asyncio.run, asked.ask([questions.QUERY], at=questions.NOW))
            return raised.value.message

    assert "8 MiB" in asyncio.run(look())


_STALLS = {
    "stalls": backend.head(length=99 * MIB) + BEGUN + SERIES * (2 * MIB // len(SERIES)),
    "is too long": backend.head() + BEGUN + SERIES * (6 * MIB // len(SERIES)),
    "breaks off": backend.head(length=99 * MIB) + BEGUN + SERIES * (2 * MIB // len(SERIES)),
    "makes no sense": backend.whole(
        BEGUN + SERIES * (2 * MIB // len(SERIES)) + SERIES.replace(b'"1"]', b'"x"]')[:-1] + b"]}}"
    ),
}


@pytest.mark.parametrize("how", _STALLS)
async def test_nothing_is_held_after_failures_though_nobody_collects_garbage(
    how: str, tmp_path: Path
) -> None:
    """This covers the whole server: parallel profiles, store, views."""

    async def failing(query: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if "count(" in query or query.startswith("topk"):
            label = '{"metric":{"trafficmetrics_profile":"envoy"},"value":[1,"1"]}'
            other = '{"metric":{"trafficmetrics_profile":"istio"},"value":[1,"1"]}'
            writer.write(backend.whole(BEGUN + f"{label},{other}]}}}}".encode()))
            return
        writer.write(_STALLS[how])
        if how == "stalls":
            await backend.until_left(reader)

    async with backend.running(failing) as prometheus_:
        fake = cast(fake_prometheus.FakePrometheus, prometheus_)
        async with reading.served(fake, tmp_path, refresh=0.001, answer_limit=8.0, patience=0.05) as api:
            (await api.get("trafficedges")).refused(503)
            gc.collect()
            with _no_collector():
                for _ in range(3):
                    (await api.get("trafficedges")).refused(503)
                before = _resident()
                for _ in range(FAILURES):
                    (await api.get("trafficedges")).refused(503)
                grown = _resident() - before
    # Each failure had received at least 2 MiB; the fake, in the same process, keeps some memory itself.
    assert grown < FAILURES * MIB / 2, f"{grown / MIB:.1f} MiB"


def _resident() -> int:
    """Return the bytes of memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def _no_collector() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextlib.contextmanager
def _traced() -> Iterator[Callable[[], int]]:
    tracemalloc.start(1)
    try:
        yield lambda: tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
