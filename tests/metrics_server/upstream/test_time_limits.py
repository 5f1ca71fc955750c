"""Time limits of queries: a Prometheus that is down or hangs is given up, a busy one may finish."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest
from aiohttp import web

from metrics_server.model import faults
from metrics_server.upstream import prometheus
from tests.metrics_server import fake_prometheus, questions


async def test_a_backend_that_is_down_is_told_at_once() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        heard = questions.Heard()
        begun = time.monotonic()
        async with questions.client(url, heard=heard, patience=None) as asking:
            with pytest.raises(faults.BackendDown) as down:
                await asking.ask([questions.QUERY, questions.QUERY], at=questions.NOW)
    assert time.monotonic() - begun < 1.5
    assert questions.says_nothing_of_the_backend(down.value, url)
    assert "ClientConnectorError" in down.value.detail
    assert heard.outcomes == ["failed"] * 2


async def test_a_name_that_does_not_resolve_is_a_backend_that_is_down() -> None:
    async with questions.client("http://no-such-host.invalid:9090") as asking:
        with pytest.raises(faults.BackendDown) as down:
            await asking.ask([questions.QUERY], at=questions.NOW)
    assert "no-such-host" not in down.value.message


async def test_a_backend_that_hangs_is_given_up_within_three_seconds(
    backend: fake_prometheus.FakePrometheus,
) -> None:
    backend.behaviour = backend.hung
    heard = questions.Heard()
    begun = time.monotonic()
    async with questions.client(backend.url, heard=heard, patience=None) as asking:
        with pytest.raises(faults.BackendSlow) as slow:
            await asking.ask([questions.QUERY], at=questions.NOW)
    assert time.monotonic() - begun < 3.0
    assert questions.says_nothing_of_the_backend(slow.value, backend.url)
    assert "timed out" in heard.outcomes
    await asyncio.wait_for(backend.ended.wait(), 5)


async def test_a_backend_that_is_slow_but_alive_may_finish(backend: fake_prometheus.FakePrometheus) -> None:
    probed = asyncio.Event()

    async def busy(request: web.Request, query: str) -> web.StreamResponse:
        if query == "vector(1)":
            probed.set()
        else:
            await probed.wait()
        return await backend.well(request, query)

    backend.behaviour = busy
    async with questions.client(backend.url, patience=questions.DOUBTING) as asking:
        assert await questions.read(asking, [questions.QUERY, questions.QUERY]) == [[], []]
    assert backend.asked.count("vector(1)") == 1


async def test_patience_ends_even_with_a_backend_that_is_alive(
    backend: fake_prometheus.FakePrometheus,
) -> None:
    async def never(request: web.Request, query: str) -> web.StreamResponse:
        return await (backend.well if query == "vector(1)" else backend.hung)(request, query)

    backend.behaviour = never
    patience = prometheus.Patience(connect=5.0, doubt=0.1, probe=5.0, answer=0.4)
    async with questions.client(backend.url, patience=patience) as asking:
        with pytest.raises(faults.BackendSlow) as slow:
            await asking.ask([questions.QUERY], at=questions.NOW)
    assert questions.says_nothing_of_the_backend(slow.value, backend.url)
    await asyncio.wait_for(backend.ended.wait(), 5)


async def test_a_question_that_is_given_up_is_not_left_with_the_backend(
    backend: fake_prometheus.FakePrometheus,
) -> None:
    backend.behaviour = backend.hung
    async with questions.client(backend.url, patience=questions.CALM) as asking:
        waiting = asyncio.create_task(asking.ask([questions.QUERY], at=questions.NOW))
        async with asyncio.timeout(5):
            while not backend.asked:  # noqa: ASYNC110 - another task queries the fake
                await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await asyncio.wait_for(backend.ended.wait(), 5)


async def test_when_one_query_is_refused_the_others_are_given_up(
    backend: fake_prometheus.FakePrometheus,
) -> None:
    async def one_refused(request: web.Request, query: str) -> web.StreamResponse:
        if query == "up":
            return await backend.hung(request, query)
        return web.json_response({"status": "error"}, status=422)

    backend.behaviour = one_refused
    async with questions.client(backend.url) as asking:
        with pytest.raises(faults.BackendRefused):
            await asking.ask(["up", questions.QUERY], at=questions.NOW)
        await asyncio.wait_for(backend.ended.wait(), 1)
