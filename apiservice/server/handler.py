"""Handles one request, from its credential to its answer.

The order of the steps is fixed: authentication, authorization, and only then the look-up of the resource.
Before authentication only the path is parsed; the query is parsed after it.
Every error becomes a `Status` answer. A defect is logged with its traceback; the client gets only the audit
id under which the log has it.
"""

import asyncio
import dataclasses
import functools
import logging
import re
import time
import uuid
from collections.abc import Callable, Mapping

from apiservice.authn import authenticator as authn_authenticator
from apiservice.authz import authorizer as authz_authorizer
from apiservice.authz import impersonation
from apiservice.http import errors, messages, query_string
from apiservice.observe import access_log, request_metrics
from apiservice.observe import health as observe_health
from apiservice.request import list_options, request_info
from apiservice.resources import reader as resources_reader
from apiservice.resources import router
from apiservice.server import nonresource

_log = logging.getLogger(__name__)


@dataclasses.dataclass(slots=True, kw_only=True)
class _Visit:
    """What is known about a request so far, for the log and the metrics."""

    audit: str
    attributes: request_info.Attributes | None = None
    route: router.Route | None = None
    user: str = ""
    is_probe: bool = False
    """Whether it is for a health path."""
    seconds: float = 0.0
    """The time limit of the request."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Handler:
    """The whole API, without its sockets."""

    authenticator: authn_authenticator.Authenticator
    authorizer: authz_authorizer.Authorizer
    health: observe_health.HealthChecks
    routes: router.Routes
    reader: resources_reader.Reader
    fixed: nonresource.FixedPaths
    telemetry: request_metrics.RequestMetrics
    deadline: float
    """Seconds for a request; after that the answer is 504."""
    stopwatch: Callable[[], float] = time.perf_counter
    log: access_log.AccessLog = dataclasses.field(default_factory=access_log.AccessLog)
    _under_way: set[asyncio.Timeout] = dataclasses.field(default_factory=set, init=False)

    def hasten(self, seconds: float) -> None:
        """Shortens the time limit of all present requests to at most so many seconds from now."""
        latest = asyncio.get_running_loop().time() + seconds
        for limit in self._under_way:
            when = limit.when()
            if when is None or when > latest:
                limit.reschedule(latest)

    async def answer(self, incoming: messages.Incoming) -> messages.Answer:
        """The answer to a request, also for errors. The request is counted and logged."""
        started = self.stopwatch()
        visit = _Visit(audit=_audit(incoming.headers.get("Audit-ID", "")))
        with self.telemetry.in_flight.track_inprogress():
            answer = await self._guarded(incoming, visit=visit)
        seconds = self.stopwatch() - started
        self.telemetry.observe(visit.attributes, route=visit.route, code=answer.status, seconds=seconds)
        if answer.status != 200 or not visit.is_probe:
            self.log.write(
                visit.attributes,
                method=incoming.method,
                path=incoming.path,
                user=visit.user,
                status=answer.status,
                seconds=seconds,
                audit=visit.audit,
            )
        return answer.with_header("Audit-Id", visit.audit)

    async def _guarded(self, incoming: messages.Incoming, *, visit: _Visit) -> messages.Answer:
        try:
            return await self._timed(incoming, visit=visit)
        except errors.StatusError as refusal:
            return messages.refusal_answer(refusal)
        except Exception:
            _log.exception(
                "a defect while answering %s %s (audit id %s)",
                incoming.method,
                access_log.word(incoming.path),
                visit.audit,
            )
            return messages.refusal_answer(
                errors.InternalError(
                    f"internal error: the server's log has the cause under audit id {visit.audit}"
                )
            )

    async def _timed(self, incoming: messages.Incoming, *, visit: _Visit) -> messages.Answer:
        visit.seconds = self.deadline
        limit = asyncio.timeout(self.deadline)
        try:
            async with limit:
                self._under_way.add(limit)
                return await self._serve(incoming, visit=visit, limit=limit)
        except TimeoutError:
            if not limit.expired():
                raise
            raise errors.Timeout(f"the request was not answered within {visit.seconds:g} seconds") from None
        finally:
            self._under_way.discard(limit)

    async def _serve(
        self, incoming: messages.Incoming, *, visit: _Visit, limit: asyncio.Timeout
    ) -> messages.Answer:
        if len(incoming.path) > _LONGEST_PATH:
            raise errors.BadRequest(f"the path has more than {_LONGEST_PATH} characters")
        visit.attributes = attributes = request_info.parse(incoming.method, path=incoming.path)
        visit.is_probe = self.health.concerns(incoming.path)
        if visit.is_probe:
            return await self.health.answer(incoming)
        visit.route = self.routes.find(attributes)
        user = await self._authenticated(incoming, visit=visit)
        query = query_string.parsed(incoming.query)
        if query:
            visit.attributes = attributes = request_info.with_query(attributes, query=query)
            self._limit(query, visit=visit, limit=limit)
        await self._allow(user, attributes=attributes)
        if visit.route is not None and visit.route.is_of_all:
            await self._allow(user, attributes=_of_all(attributes))
        incoming = messages.without_identity(incoming, query=query)
        if not attributes.is_resource:
            return await self.fixed.answer(incoming)
        if visit.route is None:
            raise _unknown(attributes)
        return await self.reader.read(
            incoming,
            route=visit.route,
            attributes=attributes,
            user=user,
            everywhere=functools.partial(self._may_everywhere, user, attributes=attributes),
        )

    def _limit(self, query: Mapping[str, str], *, visit: _Visit, limit: asyncio.Timeout) -> None:
        """Limits the request to the `timeout` in its query, counted from its start."""
        visit.seconds = list_options.deadline(query, longest=self.deadline)
        when = limit.when()
        if when is not None and visit.seconds < self.deadline:
            limit.reschedule(when - self.deadline + visit.seconds)

    async def _authenticated(self, incoming: messages.Incoming, *, visit: _Visit) -> authn_authenticator.User:
        """The user of the request, after impersonation. Raises `Unauthorized`."""
        credentials = authn_authenticator.Credentials(
            headers=incoming.headers, certificates=incoming.certificates
        )
        user = await self.authenticator.authenticate(credentials)
        if user is None:
            raise errors.Unauthorized()
        visit.user = user.name
        acting = await impersonation.acting(user, headers=incoming.headers, authorizer=self.authorizer)
        if acting is not user:
            visit.user = acting.name
            _log.info("%r acts as %r (audit id %s)", user.name, acting.name, visit.audit)
        return acting

    async def _allow(self, user: authn_authenticator.User, *, attributes: request_info.Attributes) -> None:
        decision = await self.authorizer.authorize(user, attributes=attributes)
        if not decision.allowed:
            raise authz_authorizer.refusal(user, attributes=attributes, decision=decision)

    async def _may_everywhere(
        self, user: authn_authenticator.User, *, attributes: request_info.Attributes
    ) -> bool:
        """Whether the user may send the same request for all namespaces."""
        return (await self.authorizer.authorize(user, attributes=_of_all(attributes))).allowed


def _of_all(attributes: request_info.Attributes) -> request_info.Attributes:
    """The same request for all namespaces."""
    return dataclasses.replace(attributes, namespace="")


def _unknown(attributes: request_info.Attributes) -> errors.StatusError:
    if not attributes.group:
        # After a 404 for an object, kubectl requests its Namespace. With a 404 for that as well, it would
        # show "namespace not found" to the user.
        return errors.BadRequest("the core API is not served here")
    return errors.NotFound("the server could not find the requested resource")


_LONGEST_PATH = 128 * 1024
"""Characters, half of what a head may have. The longest path in Kubernetes has about 700."""
_AUDIT_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def _audit(sent: str) -> str:
    """The request's `Audit-ID`, which the kube-apiserver sends; a new id if it is missing or invalid."""
    return sent if _AUDIT_ID.fullmatch(sent) else str(uuid.uuid4())
