"""Asks the adapter that had the autoscaler's APIs before us for metrics that are not ours.

Its answer is handed on as it came: status, body and content type, a refusal as well as a figure. What is no
answer to the asker becomes one in words: a Service that is away, that is not whom it should be, or that
refuses our account, whose rights are no business of whoever asks.

Time and size are bounded, as an autoscaler waits for one metric at a time. Its certificate is verified for
the name by which a kube-apiserver would ask it. Redirects are not followed: they would take the token along.
No header but the content type comes back: a `Retry-After` would make an autoscaler sleep.
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
class Service:
    """Whom to ask."""

    name: str
    namespace: str
    port: int

    @property
    def host(self) -> str:
        """Its name, which its certificate must have."""
        return f"{self.name}.{self.namespace}.svc"

    def __str__(self) -> str:
        called = f"Service {self.namespace}/{self.name}"
        return f"{called}, which is asked for metrics that TrafficMetrics does not have,"


def service(text: str) -> Service:
    """Return what `name.namespace[:port]` names, as the settings allow it."""
    called, _, port = text.partition(":")
    name, _, namespace = called.partition(".")
    return Service(name=name, namespace=namespace, port=int(port or _HTTPS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What is waited for, in seconds, and what is taken, in bytes."""

    connect: float = 3.0
    answer: float = 10.0
    size: int = 8 << 20
    """Some 20,000 values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """An answer that is handed on as it came."""

    status: int
    body: bytes
    content_type: str


class Predecessor:
    """A client of one Service, for `contextlib.aclosing`."""

    def __init__(
        self,
        asked: Service,
        *,
        presenting: Callable[[], credentials.Credentials],
        bounds: Bounds | None = None,
        resolver: abc.AbstractResolver | None = None,
    ) -> None:
        """`resolver` says where the Service is; without, the machine does."""
        self._asked = asked
        self._presenting = presenting
        self._bounds = bounds or Bounds()
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def ask(self, path: str, *, query: Mapping[str, str]) -> Passed:
        """Return its answer to a decoded path. Raises faults.BadRequest, faults.PredecessorAway."""
        if {".", ".."} & set(path.split("/")):
            # An address would be made of it that is not the one the asker was allowed.
            raise faults.BadRequest("a path with . or .. in it is asked of nobody")
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
            detail = f"{error.certificate_error}; believed are {shown.believed}"
            raise self._away("shows a certificate that is not trusted", detail) from error
        except aiohttp.ClientError as error:
            detail = shown.censored(f"{type(error).__name__}: {error}")
            raise self._away("cannot be reached", detail) from error
        return self._checked(answer, shown)

    async def _get(self, url: yarl.URL, shown: credentials.Credentials) -> Passed:
        # What comes packed could be of any size once it is unpacked.
        headers = {**shown.headers, "Accept": _JSON, "Accept-Encoding": "identity"}
        async with self._open().get(
            url, headers=headers, ssl=shown.tls or True, allow_redirects=False
        ) as response:
            body = bytearray()
            async for chunk in response.content.iter_chunked(_CHUNK):
                body += chunk
                if len(body) > self._bounds.size:
                    raise self._away(f"answers with more than {self._bounds.size >> 20} MiB")
            return Passed(
                status=response.status,
                body=bytes(body),
                content_type=response.headers.get("Content-Type", _JSON),
            )

    def _checked(self, answer: Passed, shown: credentials.Credentials) -> Passed:
        if answer.status in _MOVED:
            raise self._away(f"leads elsewhere (status {answer.status}), which is not followed")
        if answer.status in _REFUSED:
            told = shown.censored(answer.body[:500].decode(errors="replace"))
            raise self._away(
                f"refuses the account of TrafficMetrics (status {answer.status}): it needs `get` and `list` "
                "on custom.metrics.k8s.io and external.metrics.k8s.io, as docs/security.md says",
                f"presented was {shown.presented}; told was {told}",
            )
        return answer

    def _away(self, what: str, detail: str = "") -> faults.PredecessorAway:
        return faults.PredecessorAway(f"{self._asked} {what}", detail=detail)

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
