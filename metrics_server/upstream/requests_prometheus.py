"""A second client of Prometheus, built on other libraries, with the credentials and the TLS of the server.

`check` uses it: if its answers differ from the server's, one of the clients is wrong and not the backend. It
sends queries in the same forms as the server (`request_form`), with the same matchers and parameters. Only
operators see its errors, so they contain addresses and the backend's error texts, but no secrets.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import prometheus_api_client
import prometheus_api_client.exceptions
import requests
import requests.adapters
import urllib3
import yarl

from metrics_server.model import faults, label_matchers
from metrics_server.query import dialect
from metrics_server.settings import memory_budget
from metrics_server.upstream import credentials, proxy_errors, refused_queries, request_form
from metrics_server.upstream import response as upstream_response

_QUOTED = 200
"""Characters of an invalid answer that an error quotes."""
_CHUNK = 1 << 16
_READ = 1 << 16
"""Bytes of the body of a refusal that are read."""
_PATIENCE = 30
"""Seconds."""


class Series(list[dict[str, Any]]):
    """The series of an answer from prometheus-api-client, which drops warnings; values that are no samples
    are left out.
    """

    warnings = ()

    def among(self, metrics: Collection[str]) -> Iterator[dict[str, Any]]:
        """Return all series: they are decoded already."""
        return iter(self)


class _Refused(Exception):
    """An HTTP answer that is not the answer to a query, and its fault."""

    def __init__(self, refusal: request_form.Refusal, fault: faults.BackendRefused) -> None:
        super().__init__(fault.message)
        self.refusal = refusal
        self.fault = fault


class _Adapter(requests.adapters.HTTPAdapter):
    """Uses the server's TLS context, and refuses responses that do not come from the query API."""

    def __init__(self, shown: credentials.RequestCredentials, allowed: memory_budget.MemoryBudget) -> None:
        self._shown = shown
        self._allowed = allowed
        self.behind = False
        """Whether the backend evaluated the last query as of some time ago."""
        self.refusal: request_form.Refusal | None = None
        """The last response, if it is not the answer to a query."""
        super().__init__(max_retries=urllib3.Retry(total=0))

    def init_poolmanager(self, *arguments: Any, **more: Any) -> None:
        """Use the server's TLS context for all connections."""
        super().init_poolmanager(*arguments, **more, ssl_context=self._shown.tls)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Require a certificate, without the library's own CA bundle."""
        conn.cert_reqs = "CERT_REQUIRED"

    def send(self, request: requests.PreparedRequest, *arguments: Any, **more: Any) -> requests.Response:
        """Return the response. Raises faults.BackendRefused if it comes from a proxy or login in front of
        Prometheus.
        """
        response = super().send(request, *arguments, **{**more, "stream": True})
        # Read here with limits, because `requests` reads a body of any size, however slowly it arrives.
        response._content = self._content(response)
        self.refusal = None
        if response.status_code != 200:
            self.refusal = request_form.Refusal(
                status=response.status_code,
                body=response.content[:_READ],
                retry_after=response.headers.get("Retry-After", ""),
            )
        refused = proxy_errors.refusal(
            response.status_code,
            body=response.content,
            location=response.headers.get("Location", ""),
            presented=self._shown.presented,
        )
        if refused is not None:
            said = self._shown.censored(response.text[:_QUOTED])
            raise faults.BackendRefused(f"{refused.message}: {refused.detail}; response: {said!r}")
        with contextlib.suppress(ValueError):
            self.behind = upstream_response.PrometheusAnswer(response.content).behind
        return response

    def _content(self, response: requests.Response) -> bytes:
        """Return the decompressed body. Raises faults.BackendRefused, faults.BackendSlow."""
        body, share, begun = bytearray(), self._allowed.share(), time.monotonic()
        try:
            while chunk := response.raw.read1(_CHUNK, decode_content=True):
                share.take(len(chunk))
                body += chunk
                if time.monotonic() - begun > _PATIENCE:
                    raise faults.BackendSlow(f"Prometheus was still sending its answer after {_PATIENCE} s")
        except urllib3.exceptions.HTTPError as error:
            raise requests.exceptions.ChunkedEncodingError(error) from error
        finally:
            response.close()
        return bytes(body)


class _Session(requests.Session):
    """Sends the queries of prometheus-api-client in the form that the backend accepts.

    That library puts parameters into the URL whatever the method; a POST of the server has them in its body.
    """

    def __init__(self, adapter: _Adapter, parameters: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        # Like the server, ignore the proxies and passwords in environment variables and `.netrc`.
        self.trust_env = False
        self._adapter = adapter
        self._parameters = parameters
        self.form = request_form.RequestForm()

    def request(self, method: str, url: str, params: Any = None, **more: Any) -> requests.Response:  # type: ignore[override]
        """Return the response to a query; after a moment that to a second attempt, if the backend is busy."""
        first = self._sent(url, params, **more)
        refusal = self._adapter.refusal
        seconds = request_form.pause(refusal) if refusal is not None else None
        if seconds is None:
            return first
        time.sleep(seconds)
        return self._sent(url, params, **more)

    def look_up(self, url: str, parameters: Sequence[tuple[str, str]]) -> requests.Response:
        """Return the response of an endpoint other than that of queries, which knows GET only."""
        return super().request(
            "GET", url, params=[*self._parameters, *parameters], allow_redirects=False, timeout=_PATIENCE
        )

    def _sent(self, url: str, params: Mapping[str, Any], **more: Any) -> requests.Response:
        method = self.form.method
        in_url = [*self._parameters, *(params.items() if method == "GET" else ())]
        body = params if method == "POST" else None
        return super().request(method, url, params=in_url, data=body, allow_redirects=False, **more)


class RecordingClient:
    """A client of Prometheus that records its queries."""

    def __init__(
        self,
        url: str,
        shown: credentials.RequestCredentials,
        *,
        allowed: memory_budget.MemoryBudget | None = None,
        always: Sequence[label_matchers.Matcher] = (),
    ) -> None:
        """`url`: the base of the query API, with parameters for each query. `always`: the matchers that every
        selector gets.
        """
        whole = yarl.URL(url)
        base = str(whole.with_query(None)).rstrip("/")
        # The library mounts an adapter of its own at the URL; the longest prefix is used.
        self._adapter = _Adapter(shown, allowed or memory_budget.MemoryBudget(memory_budget.usual()))
        self._session = _Session(self._adapter, list(whole.query.items()))
        self._shown = shown
        self._base = base
        self._always = tuple(always)
        self._connection = prometheus_api_client.PrometheusConnect(
            url=base, timeout=_PATIENCE, method="POST", session=self._session, headers=dict(shown.headers)
        )
        self._session.mount(f"{base}/api/", self._adapter)
        self.asked: list[tuple[str, int, float]] = []
        """For each query: its text, the number of series in its answer, and its duration in seconds."""

    @property
    def form(self) -> request_form.RequestForm:
        """Return the form of queries that the backend accepts, as far as it is known."""
        return self._session.form

    @property
    def always(self) -> Sequence[label_matchers.Matcher]:
        """Return the matchers that every selector gets."""
        return self._always

    async def ask(self, queries: Sequence[str], *, at: float | None) -> list[Series]:
        """Return the results, in order, evaluated at the Unix time `at`, or at the backend's own time.

        Raises faults.Unavailable with the backend's error text.
        """
        return [self._query(text, at) for text in queries]

    def look_up(self, path: str, parameters: Sequence[tuple[str, str]]) -> Any:
        """Return the `data` of an endpoint of the API that is not for queries, such as `metadata`; None if
        the backend lacks it or does not answer it.
        """
        try:
            response = self._session.look_up(f"{self._base}/api/v1/{path}", parameters)
            answer = response.json()
        except (requests.RequestException, faults.Unavailable, ValueError):
            return None
        is_good = response.status_code == 200 and isinstance(answer, dict)
        return answer.get("data") if is_good else None

    def _query(self, text: str, at: float | None) -> Series:
        begun = time.perf_counter()
        try:
            result = self._answered(text, at)
        except requests.exceptions.SSLError as error:
            raise faults.BackendDown(
                f"Prometheus cannot be asked over TLS: {error}; trusted CAs: {self._shown.trusted_cas}; "
                f"client credential sent: {self._shown.presented}"
            ) from error
        except (requests.RequestException, ValueError, KeyError) as error:
            raise faults.BackendDown(f"Prometheus cannot be asked: {error}") from error
        finally:
            seconds = time.perf_counter() - begun
        self.asked.append((" and ".join(self._parts(text)), len(result), seconds))
        return result

    def _answered(self, text: str, at: float | None) -> Series:
        """Return the answer to a query, in the form in which the backend accepts it."""
        sent, tried = self.form, [self.form]
        first: tuple[request_form.Refusal, faults.BackendRefused] | None = None
        while True:
            following: request_form.RequestForm | None
            try:
                result = self._in_parts(text, at)
            except _Refused as error:
                refused = (error.refusal, error.fault)
                first = first or refused
                following = request_form.other(self.form, error.refusal, query=text)
                if following is None or following in tried:
                    self._session.form = sent
                    reported = request_form.explains(first[0], refused[0])
                    raise (first[1] if reported is first[0] else refused[1]) from None
            else:
                if not self._adapter.behind or self.form.further:
                    return result
                following = dataclasses.replace(self.form, further=upstream_response.NOT_BEHIND)
            self._session.form = following
            tried.append(following)

    def _parts(self, text: str) -> tuple[str, ...]:
        language = dialect.Dialect(always=self._always, exact_names=self.form.exact_names)
        return dialect.adapted(text, language)

    def _in_parts(self, text: str, at: float | None) -> Series:
        """Return the answer to a query. Raises _Refused."""
        evaluated = {} if at is None else {"time": f"{at:.3f}"}
        found = Series()
        for part in self._parts(text):
            try:
                result = self._connection.custom_query(part, params={**evaluated, **self.form.further})
            except (
                prometheus_api_client.exceptions.PrometheusApiClientException,
                faults.BackendRefused,
            ) as error:
                refusal = self._adapter.refusal
                if refusal is None:
                    raise
                if isinstance(error, faults.BackendRefused):
                    raise _Refused(refusal, error) from None
                what = refused_queries.message(refusal.status, refusal.body)
                said = self._shown.censored(str(error))
                raise _Refused(refusal, faults.BackendRefused(f"{what}: {said}")) from None
            found.extend(upstream_response.samples(result))
        return found
