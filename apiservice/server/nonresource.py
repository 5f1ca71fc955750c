"""Non-resource paths: discovery, OpenAPI, version, metrics, and the list of all paths."""

import platform
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from apiservice.discovery import groups, openapi
from apiservice.http import errors, messages
from apiservice.observe import request_metrics

_Handler = Callable[[messages.Incoming], Awaitable[messages.Answer]]


class FixedPaths:
    """Answers the paths that are known at start, with or without a slash at their end."""

    def __init__(
        self,
        *,
        described: openapi.OpenAPI,
        discovered: groups.Discovery,
        measured: request_metrics.RequestMetrics,
        release: str,
        further: Sequence[str],
    ) -> None:
        """`further` are paths that are answered elsewhere and only listed here. `release` is the version."""
        version = messages.json_answer(_version(release))
        self._handlers: dict[str, _Handler] = {
            **dict.fromkeys(discovered.paths, discovered.below),
            "/apis": discovered.root,
            **dict.fromkeys(described.paths, described.v3),
            "/openapi/v2": described.v2,
            "/openapi/v3": described.index,
            "/version": _constant(version),
            "/metrics": measured.show,
        }
        listed = sorted({"/", *self._handlers, *further})
        self._handlers["/"] = _constant(messages.json_answer({"paths": listed}))

    async def answer(self, incoming: messages.Incoming) -> messages.Answer:
        """The answer of a path. Raises `NotFound`, `MethodNotAllowed`."""
        handler = self._handlers.get(incoming.path.rstrip("/") or "/")
        if handler is None:
            raise errors.NotFound("the server could not find the requested resource")
        if incoming.method not in {"GET", "HEAD"}:
            raise errors.MethodNotAllowed(f'{incoming.method} is not supported on the path "{incoming.path}"')
        return await handler(incoming)


def _constant(answer: messages.Answer) -> _Handler:
    async def handler(incoming: messages.Incoming) -> messages.Answer:
        return answer

    return handler


def _version(release: str) -> Mapping[str, Any]:
    major, minor, *_ = [*release.split("."), "0"]
    # All fields of Kubernetes' version.Info are required: generated clients refuse an answer without one.
    unknown = dict.fromkeys(("gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler"), "")
    return {
        "major": major,
        "minor": minor,
        "gitVersion": f"v{release}",
        **unknown,
        "platform": f"{sys.platform}/{platform.machine()}",
    }
