"""Forwards requests for metrics that this server does not serve to the fallback adapter.

The answer is returned unchanged: status, body and content type, for a figure as well as for an error.
Three answers become a fault instead: the Service cannot be reached, its certificate is not trusted, or it
refuses this server's own account, which is not a matter of the client's rights.

Time and size are limited, because an autoscaler waits for one metric at a time. The certificate is
verified for the host name that a kube-apiserver would use. Redirects are not followed: they would send the
token to another server. Of the headers only the content type is returned: a `Retry-After` would make an
autoscaler wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import aiohttp
import yarl
from aiohttp import abc

from metrics_server.model import faults
from metrics_server.upstream import credentials

_JSON = "application/json"
_HTTPS = 443
_CONNECTIONS = 32
_CHUNK = 1 << 16
_REFUSED = frozenset({401, 403})
_MOVED = range(300, 400)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceReference:
    """The Service of the fallback adapter."""

    name: str
    namespace: str
    port: int

    @property
    def host(self) -> str:
        """Its host name, for which its certificate must be valid."""
        return f"{self.name}.{self.namespace}.svc"

    def __str__(self) -> str:
        service_name = f"Service {self.namespace}/{self.name}"
        return f"{service_name}, which is asked for metrics that TrafficMetrics does not have,"


def service(text: str) -> ServiceReference:
    """Return the Service for a text `name.namespace[:port]`, which the settings have already checked."""
    host, _, port = text.partition(":")
    name, _, namespace = host.partition(".")
    return ServiceReference(name=name, namespace=namespace, port=int(port or _HTTPS))


@dataclass(frozen=True, slots=True, kw_only=True)
class FallbackLimits:
    """Limits of time, in seconds, and of size, in bytes."""

    connect: float = 3.0
    answer: float = 10.0
    size: int = 8 << 20
    """About 20,000 values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardedAnswer:
    """An answer that is returned unchanged."""

    status: int
    body: bytes
    content_type: str


class FallbackAdapter:
    """A client of the fallback adapter, for `contextlib.aclosing`."""

    def __init__(
        self,
        asked: ServiceReference,
        *,
        presenting: Callable[[], credentials.RequestCredentials],
        bounds: FallbackLimits | None = None,
        resolver: abc.AbstractResolver | None = None,
    ) -> None:
        """`presenting`: returns the present credentials. `resolver`: finds the Service; without, the
        system does.
        """
        self._asked = asked
        self._presenting = presenting
        self._bounds = bounds or FallbackLimits()
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def ask(self, path: str, *, query: Mapping[str, str]) -> ForwardedAnswer:
        """Return the answer to a path (not percent-encoded). Raises faults.BadRequest,
        faults.FallbackUnavailable.
        """
        if {".", ".."} & set(path.split("/")):
            # A URL would be normalized to another path than the one that the client may read.
            raise faults.BadRequest("a path with the segment . or .. is not forwarded")
        url = yarl.URL.build(
            scheme="https", host=self._asked.host, port=self._asked.port, path=path, query=dict(query)
        )
        shown = self._presenting()
        try:
            async with asyncio.timeout(self._bounds.answer):
                answer = await self._get(url, shown)
        except aiohttp.ConnectionTimeoutError as error:
            raise self._away(f"cannot be reached within {self._bounds.connect:g} s") from error
        except TimeoutError as error:
            raise self._away(f"did not answer within {self._bounds.answer:g} s") from error
        except aiohttp.ClientConnectorCertificateError as error:
            detail = f"{error.certificate_error}; trusted CAs: {shown.trusted_cas}"
            raise self._away("shows a certificate that is not trusted", detail) from error
        except aiohttp.ClientError as error:
            detail = shown.censored(f"{type(error).__name__}: {error}")
            raise self._away("cannot be reached", detail) from error
        return self._checked(answer, shown)

    async def _get(self, url: yarl.URL, shown: credentials.RequestCredentials) -> ForwardedAnswer:
        # `identity`: a compressed body could have any size after decompression.
        headers = {**shown.headers, "Accept": _JSON, "Accept-Encoding": "identity"}
        async with self._open().get(
            url, headers=headers, ssl=shown.tls or True, allow_redirects=False
        ) as response:
            body = bytearray()
            async for chunk in response.content.iter_chunked(_CHUNK):
                body += chunk
                if len(body) > self._bounds.size:
                    raise self._away(f"answers with more than {self._bounds.size >> 20} MiB")
            return ForwardedAnswer(
                status=response.status,
                body=bytes(body),
                content_type=response.headers.get("Content-Type", _JSON),
            )

    def _checked(self, answer: ForwardedAnswer, shown: credentials.RequestCredentials) -> ForwardedAnswer:
        if answer.status in _MOVED:
            raise self._away(f"redirects to another address (status {answer.status}), which is not followed")
        if answer.status in _REFUSED:
            said = shown.censored(answer.body[:500].decode(errors="replace"))
            raise self._away(
                f"refuses the account of TrafficMetrics (status {answer.status}): it needs `get` and `list` "
                "on custom.metrics.k8s.io and external.metrics.k8s.io, as docs/security.md says",
                f"client credential sent: {shown.presented}; response: {said}",
            )
        return answer

    def _away(self, what: str, detail: str = "") -> faults.FallbackUnavailable:
        return faults.FallbackUnavailable(f"{self._asked} {what}", detail=detail)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            limits = self._bounds
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_CONNECTIONS, resolver=self._resolver),
                timeout=aiohttp.ClientTimeout(
                    total=None, connect=limits.connect, sock_connect=limits.connect
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session
