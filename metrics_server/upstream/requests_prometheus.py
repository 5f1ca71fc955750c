"""A second client of Prometheus, built on other libraries, with the credentials and the TLS of the server.

`check` compares the answers of both clients: if they differ, one of the clients is wrong and not the
backend. Only operators see its errors, so they contain addresses and the backend's error texts, but no
secrets.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import prometheus_api_client
import prometheus_api_client.exceptions
import requests
import requests.adapters
import urllib3

from metrics_server.model import faults
from metrics_server.settings import memory_budget
from metrics_server.upstream import credentials, proxy_errors
from metrics_server.upstream import response as upstream_response

_QUOTED = 200
"""Characters of an invalid answer that an error quotes."""
_CHUNK = 1 << 16
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


class _Adapter(requests.adapters.HTTPAdapter):
    """Uses the server's TLS context, and refuses responses that do not come from the query API."""

    def __init__(self, shown: credentials.RequestCredentials, allowed: memory_budget.MemoryBudget) -> None:
        self._shown = shown
        self._allowed = allowed
        self.behind = False
        """Whether the backend evaluated the last query as of some time ago."""
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


class RecordingClient:
    """A client of Prometheus that records its queries."""

    def __init__(
        self,
        url: str,
        shown: credentials.RequestCredentials,
        *,
        allowed: memory_budget.MemoryBudget | None = None,
    ) -> None:
        session = requests.Session()
        # Like the server, ignore the proxies and passwords in environment variables and `.netrc`.
        session.trust_env = False
        self._shown = shown
        self._connection = prometheus_api_client.PrometheusConnect(
            url=url, timeout=_PATIENCE, method="POST", session=session, headers=dict(shown.headers)
        )
        # The library mounts an adapter of its own at the URL; the longest prefix is used.
        self._adapter = _Adapter(shown, allowed or memory_budget.MemoryBudget(memory_budget.usual()))
        session.mount(f"{url}/api/", self._adapter)
        self._further: Mapping[str, str] = {}
        self.asked: list[tuple[str, int, float]] = []
        """For each query: its text, the number of series in its answer, and its duration in seconds."""

    async def ask(self, queries: Sequence[str], *, at: float | None) -> list[Series]:
        """Return the results, in order, at a Unix time; for None, at the present time of the backend. Raises
        faults.Unavailable with the backend's error text.
        """
        return [self._query(text, at) for text in queries]

    def _query(self, text: str, at: float | None) -> Series:
        begun = time.perf_counter()
        try:
            result = self._read(text, at)
            if self._adapter.behind and not self._further:
                self._further = upstream_response.NOT_BEHIND
                result = self._read(text, at)
        except prometheus_api_client.exceptions.PrometheusApiClientException as error:
            raise faults.BackendRefused(
                f"Prometheus refused a query: {self._shown.censored(str(error))}"
            ) from error
        except requests.exceptions.SSLError as error:
            raise faults.BackendDown(
                f"Prometheus cannot be asked over TLS: {error}; trusted CAs: {self._shown.trusted_cas}; "
                f"client credential sent: {self._shown.presented}"
            ) from error
        except (requests.RequestException, ValueError, KeyError) as error:
            raise faults.BackendDown(f"Prometheus cannot be asked: {error}") from error
        self.asked.append((text, len(result), time.perf_counter() - begun))
        return result

    def _read(self, text: str, at: float | None) -> Series:
        result = self._connection.custom_query(
            text, params={**({} if at is None else {"time": at}), **self._further}
        )
        return Series(upstream_response.samples(result))
