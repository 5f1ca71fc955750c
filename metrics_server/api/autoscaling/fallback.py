"""Forwards requests for metrics that this server does not serve to the fallback adapter.

Only the namespace, name, metric and selectors are forwarded, for which the user is authorized.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from apiservice.resources import declaration
from metrics_server.api import request
from metrics_server.api.autoscaling import query


class ForwardedAnswer(Protocol):
    """An answer that is forwarded unchanged."""

    @property
    def status(self) -> int: ...

    @property
    def body(self) -> bytes: ...

    @property
    def content_type(self) -> str: ...


class FallbackAdapter(Protocol):
    """The fallback adapter. Raises faults.Fault."""

    async def ask(self, path: str, *, query: Mapping[str, str]) -> ForwardedAnswer: ...


def others(predecessor: FallbackAdapter) -> query.Others:
    """Return a function that forwards a request to the fallback adapter."""

    async def ask(query: declaration.Query) -> declaration.Verbatim:
        with request.answered():
            found = await predecessor.ask(path(query), query=query.parameters)
        return declaration.Verbatim(status=found.status, body=found.body, content_type=found.content_type)

    return ask


def path(query: declaration.Query) -> str:
    """Return the path of a request, decoded."""
    placed = ("namespaces", query.namespace) if query.namespace is not None else ()
    asked = (query.resource, query.name, query.subresource)
    return "/".join(filter(None, ("/apis", query.group, query.version, *placed, *asked)))
