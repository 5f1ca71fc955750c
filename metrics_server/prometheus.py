"""Asks Prometheus, and nothing else does.

Anything that speaks its query API will do (Thanos, Mimir, VictoriaMetrics). Queries go by POST, because a
selector may be longer than a URL, compressed, all of one plan at the same instant. A backend that was
reached but does not answer is told from one that is merely slow by a second, trivial query: a hung one is
given up within three seconds, a busy one may finish.

What the backend says of itself (address, query, error text) goes to the log, never to a client.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import aiohttp
import yarl

from metrics_server import answers, faults, promql


class Observer(Protocol):
    """Is told of every query: how it ended and how many seconds it took."""

    def query_done(self, outcome: str, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait, in seconds."""

    connect: float = 1.0
    doubt: float = 1.5
    """After this long without an answer, ask whether anybody is there."""
    probe: float = 1.0
    """How long the answer to that may take."""
    answer: float = 20.0
    """How long a living backend may take."""


class Prometheus:
    """A client of one query API. Close it when done."""

    def __init__(self, url: str, *, observer: Observer, patience: Patience | None = None) -> None:
        self._endpoint = yarl.URL(url) / "api/v1/query"
        self._observer = observer
        self._patience = patience or Patience()
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def ask(self, queries: Sequence[str], *, at: float) -> list[answers.Answer]:
        """Return the results of all queries at the Unix time `at`, in order. Raises faults.Unavailable."""
        asked = [asyncio.create_task(self._query(text, at), name="query") for text in queries]
        try:
            if not await _all_done(asked, within=self._patience.doubt):
                await self._wait_if_alive(asked, at)
            return [task.result() for task in asked]
        finally:
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)

    async def _wait_if_alive(self, asked: Sequence[asyncio.Task[answers.Answer]], at: float) -> None:
        """Give a backend that answers something the time to answer all; one that answers nothing, none."""
        probe = asyncio.create_task(self._query(promql.PROBE, at, limit=self._patience.probe), name="probe")
        try:
            if await _all_done(asked, within=self._patience.probe):
                return
            await probe
        finally:
            probe.cancel()
            await asyncio.gather(probe, return_exceptions=True)
        if not await _all_done(asked, within=self._patience.answer - self._patience.doubt):
            raise faults.BackendSlow(f"Prometheus took longer than {self._patience.answer:.0f} s to answer")

    async def _query(self, text: str, at: float, *, limit: float | None = None) -> answers.Answer:
        begun = time.perf_counter()
        outcome = "failed"
        try:
            async with asyncio.timeout(limit or self._patience.answer):
                status, body = await self._post(text, at)
            result = _result(status, body, text)
            outcome = "answered"
            return result
        except TimeoutError as error:
            outcome = "timed out"
            raise faults.BackendSlow(
                "Prometheus accepts connections but does not answer", detail=text
            ) from error
        except aiohttp.ClientError as error:
            raise faults.BackendDown(
                "Prometheus cannot be reached", detail=f"{type(error).__name__}: {error}"
            ) from error
        finally:
            self._observer.query_done(outcome, time.perf_counter() - begun)

    async def _post(self, text: str, at: float) -> tuple[int, bytes]:
        async with self._open().post(self._endpoint, data={"query": text, "time": f"{at:.3f}"}) as response:
            return response.status, await response.read()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._patience.connect)
            self._session = aiohttp.ClientSession(timeout=timeout, headers={"Accept": "application/json"})
        return self._session


async def _all_done(tasks: Sequence[asyncio.Task[answers.Answer]], *, within: float) -> bool:
    """Whether all tasks are done in time. Raises what the first to fail raised, and waits for no other."""
    done, pending = await asyncio.wait(tasks, timeout=within, return_when=asyncio.FIRST_EXCEPTION)
    for task in done:
        task.result()
    return not pending


def _result(status: int, body: bytes, text: str) -> answers.Answer:
    """Return the result in an answer of the query API. Raises faults.BackendRefused."""
    try:
        answer = answers.Answer(body)
        if status == 200:
            return answer
        reason = "though it says success"
    except ValueError as error:
        reason = str(error)
    raise faults.BackendRefused(
        "Prometheus did not answer the query", detail=f"status {status}, {reason}; {text}"
    )
