"""Health checks: `/livez` (alive), `/readyz` (ready for requests) and the older `/healthz`.

No authentication is needed, so an answer has only the names of failed checks; the reason is in the log.
Readiness must not depend on a backend: Kubernetes removes a server that is not ready from the Service, and
then the whole API is missing, discovery included.
https://kubernetes.io/docs/reference/using-api/health-checks/
"""

import dataclasses
import logging
from collections.abc import Awaitable, Callable, Sequence

from apiservice.http import errors, messages

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A health check. `probe` raises any exception if the check fails; the exception is logged."""

    name: str
    probe: Callable[[], Awaitable[None]]


async def _ping() -> None:
    """Always passes: a server that can answer is alive."""


_LONGEST_EXCLUDE = 1024

PING = Check(name="ping", probe=_ping)


class HealthChecks:
    """Answers the health paths.

    `live` are checks whose failure a restart can repair. `ready` are checks for readiness only.
    """

    def __init__(self, *, live: Sequence[Check] = (), ready: Sequence[Check] = ()) -> None:
        alive = (PING, *live)
        self._stopping = False
        self._checks: dict[str, Sequence[Check]] = {
            "healthz": alive,
            "livez": alive,
            "readyz": (*alive, *ready, Check(name="shutdown", probe=self._not_stopping)),
        }

    @property
    def paths(self) -> Sequence[str]:
        """All health paths, with one for each single check."""
        single = [f"/{kind}/{check.name}" for kind, checks in self._checks.items() for check in checks]
        return [*(f"/{kind}" for kind in self._checks), *single]

    def concerns(self, path: str) -> bool:
        """Whether the path is `/livez`, `/readyz`, `/healthz` or below one of them."""
        return path.strip("/").partition("/")[0] in self._checks

    def stop(self) -> None:
        """Makes `/readyz` fail from now on. Requests are still answered."""
        self._stopping = True

    async def answer(self, incoming: messages.Incoming) -> messages.Answer:
        """200 if all checks pass, else 500 with the names of the failed ones.

        Raises `MethodNotAllowed`, `BadRequest`, and `NotFound` for an unknown check.
        """
        if incoming.method not in {"GET", "HEAD"}:
            raise errors.MethodNotAllowed(f"{incoming.method} is not supported on health checks")
        kind, _, name = incoming.path.strip("/").partition("/")
        checks = self._checks[kind]
        if name:
            checks = [check for check in checks if check.name == name]
            if not checks:
                raise errors.NotFound(f'there is no health check "{name}" of /{kind}')
        if len(incoming.query.get("exclude", "")) > _LONGEST_EXCLUDE:
            raise errors.BadRequest(f'the parameter "exclude" has more than {_LONGEST_EXCLUDE} characters')
        excluded = set(filter(None, incoming.query.get("exclude", "").split(",")))
        return await _report(kind, checks=checks, excluded=excluded, verbose="verbose" in incoming.query)

    async def _not_stopping(self) -> None:
        if self._stopping:
            raise RuntimeError("the server is shutting down")


async def _report(
    kind: str, *, checks: Sequence[Check], excluded: set[str], verbose: bool
) -> messages.Answer:
    lines, healthy = [], True
    for check in checks:
        if check.name in excluded:
            lines.append(f"[+]{check.name} excluded: ok")
        elif await _passes(check):
            lines.append(f"[+]{check.name} ok")
        else:
            lines.append(f"[-]{check.name} failed: reason withheld")
            healthy = False
    if unknown := excluded - {check.name for check in checks}:
        lines.append(
            f"warn: some health checks cannot be excluded: no matches for {', '.join(sorted(unknown))}"
        )
    if healthy and not verbose:
        return messages.text_answer("ok")
    lines.append(f"{kind} check {'passed' if healthy else 'failed'}\n")
    return messages.text_answer("\n".join(lines), status=200 if healthy else 500)


async def _passes(check: Check) -> bool:
    try:
        await check.probe()
    except Exception as failure:  # any exception means that the check failed
        _log.warning("health check %s failed: %s", check.name, failure)
        return False
    return True
