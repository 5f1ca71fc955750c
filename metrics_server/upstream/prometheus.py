"""Asks Prometheus, and nothing else does.

Anything that speaks its query API will do (Thanos, Mimir, VictoriaMetrics). Queries go by POST, because a
selector may be longer than a URL, compressed, all of one plan at the same instant. VictoriaMetrics, which its
answers give away, would evaluate them as of half a minute ago and is asked not to; the parameter for that is
sent to no other, since some refuse what they do not know. How long is waited says `patience`, and how much
is taken `allowance`; nothing of an answer is held once its query has failed.

Credentials are asked for with every question. Connections belong to the TLS they were made with, so that one
under way goes on and the next is made with what is trusted by then. Redirects are not followed: they would
take the credentials along.

What the backend says of itself (address, query, error text) goes to the log, never to a client.
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

Patience = patience_.Patience
_FOREIGN = (aiohttp.ClientError, http_exceptions.HttpProcessingError, OSError, AssertionError)
"""What aiohttp raises of a connection, and of what comes over it: a cut deflate stream is an assertion."""
_EXPLAINED = 1 << 16
"""Bytes of an answer that is no success that are looked at."""


class Observer(Protocol):
    """Is told of every query: how it ended and how many seconds it took."""

    def query_done(self, outcome: str, seconds: float) -> None: ...


class Prometheus:
    """A client of one query API. Close it when done."""

    def __init__(
        self,
        url: str,
        *,
        observer: Observer,
        presenting: Callable[[], credentials.Credentials] = lambda: credentials.NOTHING,
        patience: Patience | None = None,
        allowed: memory_budget.Allowance | None = None,
        resolver: abc.AbstractResolver | None = None,
    ) -> None:
        """`allowed`: what answers may take. `resolver` finds the host; without, the machine does."""
        self._endpoint = yarl.URL(url) / "api/v1/query"
        self._observer = observer
        self._presenting = presenting
        self._patience = patience or Patience()
        self._allowed = allowed or memory_budget.Allowance(memory_budget.usual())
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None
        self._further: Mapping[str, str] = {}

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def ask(self, queries: Sequence[str], *, at: float) -> list[response.Answer]:
        """Return the results of all queries at the Unix time `at`, in order. Raises faults.Unavailable."""
        asked = [self._begin(text, at) for text in queries]
        try:
            await patience_.Waiting(
                asked, patience=self._patience, probe=lambda: self._begin(promql.PROBE, at)
            ).done()
            return [result for one in asked if isinstance(result := one.task.result(), response.Answer)]
        finally:
            await patience_.given_up([one.task for one in asked])
            asked.clear()  # the frame, and the answers with it, may live as long as an error

    def _begin(self, text: str, at: float) -> patience_.Question[response.Answer]:
        progress = patience_.Progress()
        return patience_.Question(
            asyncio.create_task(self._query(text, at, progress), name="query"), progress
        )

    async def _query(
        self, text: str, at: float, progress: patience_.Progress
    ) -> response.Answer | faults.Unavailable:
        begun = time.perf_counter()
        outcome = "failed"
        shown = self._presenting()
        try:
            result = await self._post(text, at, shown, progress)
            if isinstance(result, response.Answer):
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
        self, text: str, at: float, shown: credentials.Credentials, progress: patience_.Progress
    ) -> response.Answer | faults.Unavailable:
        result = await self._posted(text, at, shown, progress, further := self._further)
        if isinstance(result, response.Answer) and result.behind and not further:
            self._further = response.NOT_BEHIND
            del result
            progress.began = False
            result = await self._posted(text, at, shown, progress, self._further)
        return result

    async def _posted(
        self,
        text: str,
        at: float,
        shown: credentials.Credentials,
        progress: patience_.Progress,
        further: Mapping[str, str],
    ) -> response.Answer | faults.Unavailable:
        share = self._allowed.share()
        async with self._open().post(
            self._endpoint,
            data={"query": text, "time": f"{at:.3f}", **further},
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
    response: aiohttp.ClientResponse, progress: patience_.Progress, share: memory_budget.Share
) -> bytearray:
    """Return the body, unpacked; of one that is no success no more than tells why. Raises
    faults.BackendRefused for one that is too long. After a failure nothing of it is held.
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
    status: int, body: bytearray, text: str, shown: credentials.Credentials, share: memory_budget.Share
) -> response.Answer | faults.Unavailable:
    """Return the result in an answer of the query API, or why it is none."""
    try:
        answer = response.Answer(body, kind=response.kind(text), held=share)
        if status == 200:
            return answer
        reason = "though it says success"
    except ValueError as error:
        reason = shown.censored(str(error))
    return faults.BackendRefused(
        "Prometheus did not answer the query",
        detail=f"status {status}, {reason}{proxy_errors.hint(status, body)}; {text}",
    )
