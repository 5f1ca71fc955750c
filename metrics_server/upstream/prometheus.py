"""The client of the backend: it sends queries and returns their answers.

Any backend with the query API of Prometheus works (Thanos, Mimir, VictoriaMetrics). Queries are sent by
POST, because a selector may be longer than a URL allows, and all queries of one plan at the same instant.
Answers may be compressed. VictoriaMetrics evaluates a query as of half a minute ago unless a parameter
says otherwise. That parameter is sent only after an answer has shown that the backend is VictoriaMetrics,
because others refuse parameters they do not know. `time_limits` decides how long to wait, `memory_budget`
how large an answer may be. When a query fails, its answer is freed at once.

Each query gets the present credentials. A connection keeps the TLS context with which it was opened; the
next one uses the present context. Redirects are not followed: they would send the credentials to another
server.

Details about the backend (address, query, error text) go to the log, never to a client.
https://prometheus.io/docs/prometheus/latest/querying/api/
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import aiohttp
import yarl
from aiohttp import abc, http_exceptions

from metrics_server.model import faults
from metrics_server.query import promql
from metrics_server.settings import memory_budget
from metrics_server.upstream import connection_errors, credentials, proxy_errors, response
from metrics_server.upstream import time_limits as patience_

Patience = patience_.TimeLimits
_FOREIGN = (aiohttp.ClientError, http_exceptions.HttpProcessingError, OSError, AssertionError)
"""The exceptions of aiohttp for a connection and its data; a truncated deflate stream raises
AssertionError.
"""
_EXPLAINED = 1 << 16
"""Bytes. No more is read of an answer whose status is not 200."""


class QueryObserver(Protocol):
    """Gets the outcome and the duration in seconds of each query."""

    def query_done(self, outcome: str, seconds: float) -> None: ...


class Prometheus:
    """A client of one backend. Close it after use."""

    def __init__(
        self,
        url: str,
        *,
        observer: QueryObserver,
        presenting: Callable[[], credentials.RequestCredentials] = lambda: credentials.NOTHING,
        patience: Patience | None = None,
        allowed: memory_budget.MemoryBudget | None = None,
        resolver: abc.AbstractResolver | None = None,
    ) -> None:
        """`presenting`: returns the present credentials. `allowed`: the memory for answers. `resolver`:
        finds the host; without, the system does.
        """
        self._endpoint = yarl.URL(url) / "api/v1/query"
        self._observer = observer
        self._presenting = presenting
        self._patience = patience or Patience()
        self._allowed = allowed or memory_budget.MemoryBudget(memory_budget.usual())
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None
        self._further: Mapping[str, str] = {}

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def ask(self, queries: Sequence[str], *, at: float | None) -> list[response.PrometheusAnswer]:
        """Return the answers to all queries, evaluated at the Unix time `at`, in order; for None, at the
        present time of the backend. Raises faults.Unavailable.
        """
        asked = [self._begin(text, at) for text in queries]
        try:
            await patience_.QueryWaiter(
                asked, patience=self._patience, probe=lambda: self._begin(promql.PROBE, at)
            ).done()
            return [
                result for one in asked if isinstance(result := one.task.result(), response.PrometheusAnswer)
            ]
        finally:
            await patience_.given_up([one.task for one in asked])
            asked.clear()  # an error would keep this frame alive, and the answers with it

    def _begin(self, text: str, at: float | None) -> patience_.PendingQuery[response.PrometheusAnswer]:
        progress = patience_.Progress()
        return patience_.PendingQuery(
            asyncio.create_task(self._query(text, at, progress), name="query"), progress
        )

    async def _query(
        self, text: str, at: float | None, progress: patience_.Progress
    ) -> response.PrometheusAnswer | faults.Unavailable:
        begun = time.perf_counter()
        outcome = "failed"
        shown = self._presenting()
        try:
            result = await self._post(text, at, shown, progress)
            if isinstance(result, response.PrometheusAnswer):
                outcome = "answered"
            return result
        except faults.Unavailable as fault:
            connection_errors.let_go(fault)
            return fault
        except _FOREIGN as error:
            why = connection_errors.why(error, shown, began=progress.began)
            connection_errors.let_go(error)
            return why
        finally:
            outcome = "timed out" if progress.given_up else outcome
            self._observer.query_done(outcome, time.perf_counter() - begun)

    async def _post(
        self, text: str, at: float | None, shown: credentials.RequestCredentials, progress: patience_.Progress
    ) -> response.PrometheusAnswer | faults.Unavailable:
        result = await self._posted(text, at, shown, progress, further := self._further)
        if isinstance(result, response.PrometheusAnswer) and result.behind and not further:
            self._further = response.NOT_BEHIND
            del result
            progress.began = False
            result = await self._posted(text, at, shown, progress, self._further)
        return result

    async def _posted(
        self,
        text: str,
        at: float | None,
        shown: credentials.RequestCredentials,
        progress: patience_.Progress,
        further: Mapping[str, str],
    ) -> response.PrometheusAnswer | faults.Unavailable:
        share = self._allowed.share()
        async with self._open().post(
            self._endpoint,
            data={"query": text, **({} if at is None else {"time": f"{at:.3f}"}), **further},
            headers=shown.headers,
            ssl=shown.tls or True,
            allow_redirects=False,
            trace_request_ctx=progress,
        ) as response:
            progress.began = True
            body = await _body(response, progress, share)
        refused = proxy_errors.refusal(
            response.status,
            body=body,
            location=response.headers.get("Location", ""),
            presented=shown.presented,
        )
        if refused is not None:
            return faults.BackendRefused(refused.message, detail=f"{refused.detail}; {text}")
        return _result(response.status, body, text, shown, share)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._patience.connect)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=self._resolver),
                timeout=timeout,
                headers={"Accept": "application/json"},
                cookie_jar=aiohttp.DummyCookieJar(),
                trace_configs=[connection_errors.steps()],
            )
        return self._session


async def _body(
    response: aiohttp.ClientResponse, progress: patience_.Progress, share: memory_budget.Reservation
) -> bytearray:
    """Return the decompressed body; if the status is not 200, only its first `_EXPLAINED` bytes or a
    little more.

    Raises faults.BackendRefused for a body that is too long. After a failure the body is freed.
    """
    body = bytearray()
    try:
        while chunk := await response.content.readany():
            progress.size += len(chunk)
            share.take(len(chunk))
            body += chunk
            if response.status != 200 and len(body) >= _EXPLAINED:
                break
    except BaseException:
        body.clear()
        share.give_back()
        raise
    return body


def _result(
    status: int,
    body: bytearray,
    text: str,
    shown: credentials.RequestCredentials,
    share: memory_budget.Reservation,
) -> response.PrometheusAnswer | faults.Unavailable:
    """Return the answer in a body, or the fault for a body that is not a successful answer to the query
    `text`.
    """
    try:
        answer = response.PrometheusAnswer(body, kind=response.kind(text), held=share)
        if status == 200:
            return answer
        reason = "although the body says success"
    except ValueError as error:
        reason = shown.censored(str(error))
    return faults.BackendRefused(
        "Prometheus did not answer the query",
        detail=f"status {status}, {reason}{proxy_errors.hint(status, body)}; {text}",
    )
