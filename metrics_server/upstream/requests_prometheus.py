"""A second reader of Prometheus, through another library, with the credentials and the TLS of the server.

What both say is so; where they differ, one of the clients is wrong and not the backend. It is for operators:
its errors hold addresses and the backend's own words, though no secrets.
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
"""Characters of an answer that is none."""
_CHUNK = 1 << 16
_PATIENCE = 30
"""Seconds."""


class Series(list[dict[str, Any]]):
    """An answer as prometheus-api-client hands it out, without what Prometheus warned of; what is no sample
    is left out.
    """

    warnings = ()

    def among(self, metrics: Collection[str]) -> Iterator[dict[str, Any]]:
        """Return all of them: they are decoded already."""
        return iter(self)


class _Doorway(requests.adapters.HTTPAdapter):
    """Speaks TLS as the server does, and explains what is no answer of the query API before it is read."""

    def __init__(self, shown: credentials.Credentials, allowed: memory_budget.Allowance) -> None:
        self._shown = shown
        self._allowed = allowed
        self.behind = False
        """Whether the last answer was that of a backend which answers as of some time ago."""
        super().__init__(max_retries=urllib3.Retry(total=0))

    def init_poolmanager(self, *arguments: Any, **more: Any) -> None:
        """Make connections with the server's own TLS."""
        super().init_poolmanager(*arguments, **more, ssl_context=self._shown.tls)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Add no authorities of the library's own."""
        conn.cert_reqs = "CERT_REQUIRED"

    def send(self, request: requests.PreparedRequest, *arguments: Any, **more: Any) -> requests.Response:
        """Raises faults.BackendRefused for what comes from a door."""
        response = super().send(request, *arguments, **{**more, "stream": True})
        # What `requests` would read itself, however much and however slowly it comes.
        response._content = self._content(response)
        refused = proxy_errors.refusal(
            response.status_code,
            body=response.content,
            location=response.headers.get("Location", ""),
            presented=self._shown.presented,
        )
        if refused is not None:
            said = self._shown.censored(response.text[:_QUOTED])
            raise faults.BackendRefused(f"{refused.message}: {refused.detail}; it said {said!r}")
        with contextlib.suppress(ValueError):
            self.behind = upstream_response.Answer(response.content).behind
        return response

    def _content(self, response: requests.Response) -> bytes:
        """Return the body, unpacked. Raises faults.BackendRefused, faults.BackendSlow."""
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


class Witness:
    """Asks, and keeps what was asked, how much came back and how many seconds it took."""

    def __init__(
        self, url: str, shown: credentials.Credentials, *, allowed: memory_budget.Allowance | None = None
    ) -> None:
        session = requests.Session()
        # The server knows neither proxies nor passwords of the environment.
        session.trust_env = False
        self._shown = shown
        self._connection = prometheus_api_client.PrometheusConnect(
            url=url, timeout=_PATIENCE, method="POST", session=session, headers=dict(shown.headers)
        )
        # The library mounts an adapter of its own at the URL; the longest prefix is used.
        self._doorway = _Doorway(shown, allowed or memory_budget.Allowance(memory_budget.usual()))
        session.mount(f"{url}/api/", self._doorway)
        self._further: Mapping[str, str] = {}
        self.asked: list[tuple[str, int, float]] = []

    async def ask(self, queries: Sequence[str], *, at: float) -> list[Series]:
        """Return the results, in order. Raises faults.Unavailable with the backend's own words."""
        return [self._query(text, at) for text in queries]

    def _query(self, text: str, at: float) -> Series:
        begun = time.perf_counter()
        try:
            result = self._read(text, at)
            if self._doorway.behind and not self._further:
                self._further = upstream_response.NOT_BEHIND
                result = self._read(text, at)
        except prometheus_api_client.exceptions.PrometheusApiClientException as error:
            raise faults.BackendRefused(
                f"Prometheus refused a query: {self._shown.censored(str(error))}"
            ) from error
        except requests.exceptions.SSLError as error:
            raise faults.BackendDown(
                f"Prometheus cannot be asked over TLS: {error}; believed are {self._shown.believed}; "
                f"presented was {self._shown.presented}"
            ) from error
        except (requests.RequestException, ValueError, KeyError) as error:
            raise faults.BackendDown(f"Prometheus cannot be asked: {error}") from error
        self.asked.append((text, len(result), time.perf_counter() - begun))
        return result

    def _read(self, text: str, at: float) -> Series:
        result = self._connection.custom_query(text, params={"time": at, **self._further})
        return Series(upstream_response.samples(result))
