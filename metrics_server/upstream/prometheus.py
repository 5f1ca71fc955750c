"""The client of the backend: it sends queries and returns their answers.

Any backend with the query API of Prometheus works (Thanos, Mimir, VictoriaMetrics). Queries are sent by
POST, because a selector may be longer than a URL allows, and all queries of one plan at the same instant.
Answers may be compressed. A backend that refuses this form of a query gets another one (`request_form`), and
one that is too busy gets the query once more. VictoriaMetrics evaluates a query as of half a minute ago
unless a parameter says otherwise. That parameter is sent only after an answer has shown that the backend is
VictoriaMetrics, because others refuse parameters they do not know. `time_limits` decides how long to wait,
`memory_budget` how large an answer may be. When a query fails, its answer is freed at once.

Each query gets the present credentials. A connection keeps the TLS context with which it was opened; the
next one uses the present context. Redirects are not followed: they would send the credentials to another
server.

Details about the backend (address, query, error text) go to the log, never to a client.
https://prometheus.io/docs/prometheus/latest/querying/api/
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import aiohttp
import yarl
from aiohttp import abc, http_exceptions

from metrics_server.model import faults, label_matchers
from metrics_server.query import dialect, promql
from metrics_server.settings import memory_budget
from metrics_server.upstream import (
    answer_body,
    connection_errors,
    credentials,
    proxy_errors,
    refused_queries,
    request_form,
)
from metrics_server.upstream import response as upstream_response
from metrics_server.upstream import time_limits as patience_

logger = logging.getLogger(__name__)
Patience = patience_.TimeLimits
_FOREIGN = (aiohttp.ClientError, http_exceptions.HttpProcessingError, OSError, AssertionError)
"""The exceptions of aiohttp for a connection and its data; a truncated deflate stream raises
AssertionError.
"""


@dataclasses.dataclass(frozen=True, slots=True)
class _Refused:
    """An HTTP answer that is not the answer to a query, and its fault."""

    refusal: request_form.Refusal
    fault: faults.Unavailable


@dataclasses.dataclass(frozen=True, slots=True)
class _Sending:
    """What one query is sent with: its time of evaluation (Unix), its credentials, and its progress."""

    at: float | None
    """Unix seconds; None: the present time of the backend."""
    shown: credentials.RequestCredentials
    progress: patience_.Progress


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
        always: Sequence[label_matchers.Matcher] = (),
    ) -> None:
        """`url`: the base of the query API; its parameters are sent with each query. `presenting`: returns
        the present credentials. `allowed`: the memory for answers. `resolver`: finds the host; without, the
        system does. `always`: the matchers that every selector gets.
        """
        base = yarl.URL(url)
        self._endpoint = (base / "api/v1/query").with_query(base.query)
        self._observer = observer
        self._presenting = presenting
        self._patience = patience or Patience()
        self._allowed = allowed or memory_budget.MemoryBudget(memory_budget.usual())
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None
        self._always = tuple(always)
        self._form = request_form.RequestForm()

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def ask(self, queries: Sequence[str], *, at: float | None) -> list[upstream_response.Answer]:
        """Return the answers to all queries, evaluated at the Unix time `at`, in order; for None, at the
        present time of the backend. Raises faults.Unavailable.
        """
        asked = [self._begin(text, at) for text in queries]
        try:
            await patience_.QueryWaiter(
                asked, patience=self._patience, probe=lambda: self._begin(promql.PROBE, at)
            ).done()
            return [
                result for one in asked if not isinstance(result := one.task.result(), faults.Unavailable)
            ]
        finally:
            await patience_.given_up([one.task for one in asked])
            asked.clear()  # an error would keep this frame alive, and the answers with it

    def _begin(self, text: str, at: float | None) -> patience_.PendingQuery[upstream_response.Answer]:
        progress = patience_.Progress()
        return patience_.PendingQuery(
            asyncio.create_task(self._query(text, at, progress), name="query"), progress
        )

    async def _query(
        self, text: str, at: float | None, progress: patience_.Progress
    ) -> upstream_response.Answer | faults.Unavailable:
        begun = time.perf_counter()
        outcome = "failed"
        shown = self._presenting()
        try:
            result = await self._answered(text, _Sending(at, shown, progress))
            if not isinstance(result, faults.Unavailable):
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

    async def _answered(self, text: str, sending: _Sending) -> upstream_response.Answer | faults.Unavailable:
        """Return the answer to a query, in the form in which the backend accepts it."""
        sent = form = self._form
        tried = [form]
        first: _Refused | None = None
        while True:
            result = await self._in_parts(text, sending, form)
            if isinstance(result, _Refused):
                following = request_form.other(form, result.refusal, query=text)
                first = first or result
                if following is None or following in tried:
                    reported = request_form.explains(first.refusal, result.refusal)
                    return first.fault if reported is first.refusal else result.fault
            elif result.behind and not form.further:
                following = dataclasses.replace(form, further=upstream_response.NOT_BEHIND)
                del result
            else:
                self._learn(sent, form)
                return result
            form = following
            tried.append(form)
            sending.progress.began = False

    def _learn(self, sent: request_form.RequestForm, answered: request_form.RequestForm) -> None:
        known = request_form.learned(self._form, sent=sent, answered=answered)
        if known != self._form:
            logger.info("Prometheus is queried by %s", known.description)
            self._form = known

    async def _in_parts(
        self, text: str, sending: _Sending, form: request_form.RequestForm
    ) -> upstream_response.Answer | _Refused:
        language = dialect.Dialect(always=self._always, exact_names=form.exact_names)
        answers: list[upstream_response.PrometheusAnswer] = []
        for part in dialect.adapted(text, language):
            sending.progress.began = False
            result = await self._once_more(part, sending, form)
            if isinstance(result, _Refused):
                return result
            answers.append(result)
        return answers[0] if len(answers) == 1 else upstream_response.JoinedAnswers(answers)

    async def _once_more(
        self, text: str, sending: _Sending, form: request_form.RequestForm
    ) -> upstream_response.PrometheusAnswer | _Refused:
        """Return the answer; if the backend is too busy, that to the same query a moment later."""
        result = await self._sent(text, sending, form)
        seconds = request_form.pause(result.refusal) if isinstance(result, _Refused) else None
        if seconds is None or seconds > self._patience.answer / 2:
            return result
        sending.progress.paused = True
        await asyncio.sleep(seconds)
        sending.progress.paused = sending.progress.began = False
        return await self._sent(text, sending, form)

    async def _sent(
        self, text: str, sending: _Sending, form: request_form.RequestForm
    ) -> upstream_response.PrometheusAnswer | _Refused:
        share = self._allowed.share()
        evaluated = {} if sending.at is None else {"time": f"{sending.at:.3f}"}
        parameters = {"query": text, **evaluated, **form.further}
        is_post = form.method == "POST"
        async with self._open().request(
            form.method,
            self._endpoint if is_post else self._endpoint.extend_query(parameters),
            data=parameters if is_post else None,
            headers=sending.shown.headers,
            ssl=sending.shown.tls or True,
            allow_redirects=False,
            trace_request_ctx=sending.progress,
        ) as response:
            sending.progress.began = True
            body = await answer_body.read(response, sending.progress, share)
        refused = proxy_errors.refusal(
            response.status,
            body=body,
            location=response.headers.get("Location", ""),
            presented=sending.shown.presented,
        )
        result: upstream_response.PrometheusAnswer | faults.Unavailable
        if refused is not None:
            result = faults.BackendRefused(refused.message, detail=f"{refused.detail}; {text}")
        else:
            result = _result(response.status, body, text, sending.shown, share)
        if isinstance(result, faults.Unavailable):
            retry_after = response.headers.get("Retry-After", "")
            return _Refused(
                request_form.Refusal(
                    status=response.status, body=bytes(body[: answer_body.EXPLAINED]), retry_after=retry_after
                ),
                result,
            )
        return result

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


def _result(
    status: int,
    body: bytearray,
    text: str,
    shown: credentials.RequestCredentials,
    share: memory_budget.Reservation,
) -> upstream_response.PrometheusAnswer | faults.Unavailable:
    """Return the answer in a body, or the fault for a body that is not a successful answer to the query
    `text`.
    """
    try:
        answer = upstream_response.PrometheusAnswer(body, kind=upstream_response.kind(text), held=share)
        if status == 200:
            return answer
        reason = "although the body says success"
    except ValueError as error:
        reason = shown.censored(str(error))
    return faults.BackendRefused(
        refused_queries.message(status, body),
        detail=f"status {status}, {reason}{proxy_errors.hint(status, body)}; {text}",
    )
