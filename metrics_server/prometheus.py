"""Asks Prometheus, and nothing else does.

Anything that speaks its query API will do (Thanos, Mimir, VictoriaMetrics). Queries go by POST, because a
selector may be longer than a URL, compressed, all of one plan at the same instant. VictoriaMetrics, which its
answers give away, would evaluate them as of half a minute ago and is asked not to; the parameter for that is
sent to no other, since some refuse what they do not know. A backend that was reached but does not answer is
told from one that is merely slow by a second, trivial query: a hung one is given up within three seconds, a
busy one may finish.

Credentials are asked for with every question. Connections belong to the TLS they were made with, so that one
under way goes on and the next is made with what is trusted by then. Redirects are not followed: they would
take the credentials along.

What the backend says of itself (address, query, error text) goes to the log, never to a client.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import aiohttp
import yarl

from metrics_server import answers, credentials, faults, promql, refusals

_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"})
"""What OpenSSL makes of an answer in plain HTTP, before 3.2 and since."""


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

    def __init__(
        self,
        url: str,
        *,
        observer: Observer,
        presenting: Callable[[], credentials.Credentials] = lambda: credentials.NOTHING,
        patience: Patience | None = None,
    ) -> None:
        self._endpoint = yarl.URL(url) / "api/v1/query"
        self._observer = observer
        self._presenting = presenting
        self._patience = patience or Patience()
        self._session: aiohttp.ClientSession | None = None
        self._further: Mapping[str, str] = {}

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
        shown = self._presenting()
        try:
            async with asyncio.timeout(limit or self._patience.answer):
                result = await self._post(text, at, shown, further := self._further)
                if result.behind and not further:
                    self._further = answers.NOT_BEHIND
                    result = await self._post(text, at, shown, self._further)
            outcome = "answered"
            return result
        except TimeoutError as error:
            outcome = "timed out"
            raise faults.BackendSlow(
                "Prometheus accepts connections but does not answer", detail=text
            ) from error
        except aiohttp.ClientError as error:
            raise _unreachable(error, shown) from error
        finally:
            self._observer.query_done(outcome, time.perf_counter() - begun)

    async def _post(
        self, text: str, at: float, shown: credentials.Credentials, further: Mapping[str, str]
    ) -> answers.Answer:
        async with self._open().post(
            self._endpoint,
            data={"query": text, "time": f"{at:.3f}", **further},
            headers=shown.headers,
            ssl=shown.tls or True,
            allow_redirects=False,
        ) as response:
            body = await response.read()
        refused = refusals.refusal(
            response.status,
            body=body,
            location=response.headers.get("Location", ""),
            presented=shown.presented,
        )
        if refused is not None:
            raise faults.BackendRefused(refused.message, detail=f"{refused.detail}; {text}")
        return _result(response.status, body, text, shown)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._patience.connect)
            self._session = aiohttp.ClientSession(
                timeout=timeout,
                headers={"Accept": "application/json"},
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


async def _all_done(tasks: Sequence[asyncio.Task[answers.Answer]], *, within: float) -> bool:
    """Whether all tasks are done in time. Raises what the first to fail raised, and waits for no other."""
    done, pending = await asyncio.wait(tasks, timeout=within, return_when=asyncio.FIRST_EXCEPTION)
    for task in done:
        task.result()
    return not pending


def _result(status: int, body: bytes, text: str, shown: credentials.Credentials) -> answers.Answer:
    """Return the result in an answer of the query API. Raises faults.BackendRefused."""
    try:
        answer = answers.Answer(body)
        if status == 200:
            return answer
        reason = "though it says success"
    except ValueError as error:
        reason = shown.censored(str(error))
    raise faults.BackendRefused(
        "Prometheus did not answer the query",
        detail=f"status {status}, {reason}{refusals.hint(status, body)}; {text}",
    )


def _unreachable(error: aiohttp.ClientError, shown: credentials.Credentials) -> faults.BackendDown:
    """Return why there is no connection, or no longer one."""
    detail = f"{type(error).__name__}: {error}"
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return faults.BackendDown(
                "Prometheus' certificate is not trusted",
                detail=f"{cause.verify_message}; believed are {shown.believed}",
            )
        if isinstance(cause, ssl.SSLError) and "ALERT" in (cause.reason or ""):
            return faults.BackendDown(
                "Prometheus refuses the server's certificate, or its TLS",
                detail=f"{cause.reason}; presented was {shown.presented}; see --prometheus-certificate",
            )
        if isinstance(cause, ssl.SSLError) and cause.reason in _NO_TLS:
            detail += "; if no TLS is spoken there, give --prometheus http://…"
    return faults.BackendDown("Prometheus cannot be reached", detail=detail)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    # aiohttp's own errors inherit from those of TLS and lack what these say.
    while error is not None:
        if not isinstance(error, aiohttp.ClientError):
            yield error
        error = error.__cause__ or error.__context__
