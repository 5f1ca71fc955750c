"""One request from its credential to its answer.

The order is the promise: who is asking, may they, and only then whether it exists and what it says.
Whatever goes wrong on the way is an answer too, a `Status`; a defect is logged with its traceback and the
client learns only where to look.
"""

import asyncio
import dataclasses
import functools
import logging
import re
import time
import uuid
from collections.abc import Callable

from apiservice import (
    accesslog,
    authentication,
    authorization,
    errors,
    exchange,
    fixed,
    health,
    impersonation,
    parameters,
    reading,
    requests,
    routing,
    telemetry,
)

_log = logging.getLogger(__name__)


@dataclasses.dataclass(slots=True, kw_only=True)
class _Visit:
    """What becomes known of a request on its way, for the log and the metrics."""

    audit: str
    attributes: requests.Attributes | None = None
    target: routing.Target | None = None
    user: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Service:
    """The whole of the API, without its sockets."""

    authenticator: authentication.Authenticator
    authorizer: authorization.Authorizer
    health: health.Health
    routes: routing.Routes
    reader: reading.Reader
    fixed: fixed.FixedPaths
    telemetry: telemetry.Telemetry
    deadline: float
    """Seconds until a request is given up."""
    identifies: Callable[[str], bool] = authentication.identifies
    """Which headers are for the authenticator alone."""
    stopwatch: Callable[[], float] = time.perf_counter

    async def answer(self, incoming: exchange.Incoming) -> exchange.Answer:
        started = self.stopwatch()
        visit = _Visit(audit=_audit(incoming.headers.get("Audit-ID", "")))
        with self.telemetry.in_flight.track_inprogress():
            answer = await self._guarded(incoming, visit=visit)
        seconds = self.stopwatch() - started
        self.telemetry.observe(visit.attributes, target=visit.target, code=answer.status, seconds=seconds)
        if answer.status != 200 or not self.health.concerns(incoming.path):
            accesslog.write(
                visit.attributes,
                method=incoming.method,
                path=incoming.path,
                user=visit.user,
                status=answer.status,
                seconds=seconds,
                audit=visit.audit,
            )
        return dataclasses.replace(answer, headers=(("Audit-Id", visit.audit), *answer.headers))

    async def _guarded(self, incoming: exchange.Incoming, *, visit: _Visit) -> exchange.Answer:
        try:
            return await self._timed(incoming, visit=visit)
        except errors.StatusError as refusal:
            return exchange.refusal_answer(refusal)
        except Exception:
            _log.exception(
                "a defect answering %s %s (audit id %s)", incoming.method, incoming.path, visit.audit
            )
            return exchange.refusal_answer(
                errors.InternalError(
                    f"internal error: the server's log has the cause under audit id {visit.audit}"
                )
            )

    async def _timed(self, incoming: exchange.Incoming, *, visit: _Visit) -> exchange.Answer:
        seconds = parameters.deadline(incoming.query, longest=self.deadline)
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                return await self._serve(incoming, visit=visit)
        except TimeoutError:
            if not limit.expired():
                raise
            raise errors.Timeout(f"the request was not answered within {seconds:g} seconds") from None

    async def _serve(self, incoming: exchange.Incoming, *, visit: _Visit) -> exchange.Answer:
        attributes = requests.parse(incoming.method, path=incoming.path, query=incoming.query)
        visit.attributes = attributes
        credentials = authentication.Credentials(headers=incoming.headers, certificates=incoming.certificates)
        incoming = exchange.without_identity(incoming, identifies=self.identifies)
        if self.health.concerns(incoming.path):
            return await self.health.answer(incoming)
        visit.target = self.routes.find(attributes)
        user = await self._admit(credentials, attributes=attributes, visit=visit)
        if visit.target is not None and visit.target.besides is not None:
            await self._allow(user, attributes=visit.target.besides)
        if not attributes.is_resource:
            return await self.fixed.answer(incoming)
        if visit.target is None:
            raise _unknown(attributes)
        return await self.reader.read(
            incoming,
            target=visit.target,
            attributes=attributes,
            user=user,
            everywhere=functools.partial(self._may_everywhere, user, attributes=attributes),
        )

    async def _admit(
        self, credentials: authentication.Credentials, *, attributes: requests.Attributes, visit: _Visit
    ) -> authentication.User:
        """The user, who is known and allowed from here on."""
        user = await self.authenticator.authenticate(credentials)
        if user is None:
            raise errors.Unauthorized()
        visit.user = user.name
        acting = await impersonation.acting(user, headers=credentials.headers, authorizer=self.authorizer)
        if acting is not user:
            visit.user = acting.name
            _log.info("%r acts as %r (audit id %s)", user.name, acting.name, visit.audit)
        await self._allow(acting, attributes=attributes)
        return acting

    async def _allow(self, user: authentication.User, *, attributes: requests.Attributes) -> None:
        decision = await self.authorizer.authorize(user, attributes=attributes)
        if not decision.allowed:
            raise authorization.refusal(user, attributes=attributes, decision=decision)

    async def _may_everywhere(self, user: authentication.User, *, attributes: requests.Attributes) -> bool:
        """Whether the user may ask the same of all namespaces."""
        of_all = dataclasses.replace(attributes, namespace="")
        return (await self.authorizer.authorize(user, attributes=of_all)).allowed


def _unknown(attributes: requests.Attributes) -> errors.StatusError:
    if not attributes.group:
        # kubectl that gets a 404 for an object asks for its Namespace next, and would show a 404 of that.
        return errors.BadRequest("the core API is not served here")
    return errors.NotFound("the server could not find the requested resource")


_AUDIT_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def _audit(sent: str) -> str:
    """The id a proxy in front of us gave the request, or a new one."""
    return sent if _AUDIT_ID.fullmatch(sent) else str(uuid.uuid4())
