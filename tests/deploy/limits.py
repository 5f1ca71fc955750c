"""The limits of the programs, each in one row that reads its number from the program.

A new limit is one line of `LIMITS`; `python -m tests.deploy` then writes the table of docs/security.md. The
module is among the tests because these may import all packages, and no package of ours may.
"""

import dataclasses
import datetime as dt
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from apiservice.authn import token_review
from apiservice.authz import subject_access_review
from apiservice.http import errors, negotiation, query_string, warning_headers
from apiservice.kube import client, reflector
from apiservice.request import selectors
from apiservice.server import connection as connection_limits
from apiservice.server import handler, sockets
from apiservice.x509 import verify
from dashboard.client import connection
from dashboard.web import auth, feed, http_server, login_throttle, session_cookie, state, viewers
from dashboard.web import gate as dashboard_gate
from metrics_server.api.autoscaling import query
from metrics_server.inventory import tombstones
from metrics_server.model import validation, window
from metrics_server.server import server
from metrics_server.settings import memory_budget, settings
from metrics_server.store import demand, fetch_queue
from metrics_server.upstream import fallback_adapter, prometheus

BYTES, SECONDS = "bytes", "seconds"


@dataclasses.dataclass(frozen=True, slots=True)
class Limit:
    """One row of the table."""

    name: str
    value: float
    unit: str
    """`BYTES`, `SECONDS`, or the plural of what is counted."""
    beyond: str
    """What happens if it is exceeded."""
    setting: str | None = None
    """The field of the settings that changes it; None if it is fixed."""


def rows() -> Iterator[Limit]:
    return (limit for part in LIMITS.values() for limit in part)


def _bytes(name: str, value: int, beyond: str) -> Limit:
    return Limit(name, value, BYTES, beyond)


def _seconds(name: str, value: float | dt.timedelta, beyond: str) -> Limit:
    return Limit(name, value.total_seconds() if isinstance(value, dt.timedelta) else value, SECONDS, beyond)


def _set(name: str, setting: str, beyond: str, *, unit: str = SECONDS) -> Limit:
    """A limit that is a setting, with its default."""
    return Limit(name, settings.Settings.model_fields[setting].default, unit, beyond, setting)


def _default(function: Callable[..., Any], parameter: str) -> Any:
    return inspect.signature(function).parameters[parameter].default


_CONNECTIONS = connection_limits.ConnectionLimits()
_FETCHES = fetch_queue.FetchLimits()
_PATIENCE, _BOUNDS = prometheus.Patience(), fallback_adapter.FallbackLimits()
_TOKENS, _REVIEWS = token_review.TokenReviewAuthenticator, subject_access_review.SubjectAccessReviewAuthorizer
LIMITS: Mapping[str, Sequence[Limit]] = {
    "What clients send to the server": (
        _bytes("the head of a request: its line and its fields", _CONNECTIONS.head, "`431`"),
        Limit("fields of a head", _CONNECTIONS.fields, "fields", "`431`"),
        _seconds(
            "a TLS handshake, or a head, from its first byte to its last",
            _CONNECTIONS.unfinished,
            "it is cut",
        ),
        _bytes(
            "requests not answered and answers not taken, of all connections",
            _CONNECTIONS.buffered,
            "the connection that holds the most is cut",
        ),
        Limit(
            "connections",
            _CONNECTIONS.connections,
            "connections",
            "one whose client is not known yet, or one that rests, is cut",
        ),
        Limit(
            "connections whose client is not known yet",
            _CONNECTIONS.strangers,
            "connections",
            "the oldest of the address that has the most is cut",
        ),
        _seconds("the next request of a client that is not known yet", _CONNECTIONS.stranger, "it is closed"),
        _seconds("the next request of a client that is known", _CONNECTIONS.idle, "it is closed"),
        _seconds("an answer of which a client takes nothing", _CONNECTIONS.untaken, "it is cut"),
        Limit("a path", handler._LONGEST_PATH, "characters", "`400`"),
        Limit("parameters of a query", query_string._MOST, "parameters", "`400`"),
        Limit("conditions of a selector", selectors.MOST_CONDITIONS, "conditions", "`400`"),
        Limit("a field selector", selectors.LONGEST_FIELD_SELECTOR, "characters", "`400`"),
        Limit("an `Accept` header", negotiation.LONGEST, "characters", "`406`"),
        Limit("a message of an error", errors._LONGEST_MESSAGE, "characters", "it is cut"),
        Limit(
            "connections not yet accepted",
            sockets._WAITING,
            "connections",
            "the system refuses more, or fewer where `somaxconn` is smaller",
        ),
        _seconds(
            "a request, beyond `--patience`",
            server._BEYOND_PATIENCE,
            "`504`; a client may ask for less with `timeout`",
        ),
        _seconds("the longest window", window.LONGEST, "`400`"),
        _set("the window, where a request names none", "window", "a request may name another one"),
        Limit(
            "intermediate certificates of a client",
            verify._MOST_INTERMEDIATES,
            "certificates",
            "the further ones are not looked at",
        ),
        Limit("one `Warning` of an answer", warning_headers._LONGEST, "characters", "it is cut"),
        _bytes("all `Warning`s of an answer", warning_headers._ALL, "the further ones are left out"),
    ),
    "What is remembered of users": (
        Limit(
            "tokens whose user is known",
            token_review._REMEMBERED,
            "tokens",
            "the one least lately used is forgotten",
        ),
        _seconds("a token whose user is known", _default(_TOKENS, "lifetime"), "the cluster is asked again"),
        Limit(
            "decisions of the cluster",
            subject_access_review._REMEMBERED,
            "decisions",
            "the one least lately used is forgotten",
        ),
        _seconds("a decision of the cluster", _default(_REVIEWS, "lifetime"), "the cluster is asked again"),
    ),
    "What is asked of Prometheus": (
        _set("the age of a snapshot that is served", "refresh", "Prometheus is asked again"),
        _seconds(
            "its further age, for autoscalers", query._LAG, "the autoscaler waits for the next snapshot"
        ),
        _set("the age of figures", "stale_after", "`503`"),
        _set("an answer of a Prometheus that is alive", "patience", "`503`"),
        _seconds("a connection to Prometheus", _PATIENCE.connect, "`503`"),
        _seconds(
            "a query without an answer",
            _PATIENCE.doubt,
            "a query that costs nothing is asked, to see whether Prometheus is alive",
        ),
        _seconds("the answer to that query", _PATIENCE.probe, "`503`"),
        _set("fetches at once, half of them for one user", "fetches", "they wait", unit="fetches"),
        Limit("fetches of one user that wait", _FETCHES.waiting, "fetches", "`503`"),
        Limit("fetches that wait, of all users", _FETCHES.waiting_in_all, "fetches", "`503`"),
        Limit(
            "all answers at one time, unpacked: half of the memory, at least",
            memory_budget.LEAST / memory_budget.MIB,
            "MiB",
            "`503`",
            "answer_limit",
        ),
        Limit(
            "all answers at one time, unpacked: half of the memory, at most",
            memory_budget.MOST / memory_budget.MIB,
            "MiB",
            "`503`",
            "answer_limit",
        ),
        _bytes("a text in an answer", validation._LONGEST, "`503`"),
        Limit(
            "namespaces that autoscalers ask for one by one",
            demand._MANY,
            "namespaces",
            "the whole mesh is asked for at once",
        ),
    ),
    "What is asked of the kube-apiserver": (
        Limit(
            "connections to it at the same time, watches among them",
            client._CONNECTIONS,
            "connections",
            "a question waits",
        ),
        _bytes("one line of a watch", 2 * client._LINE, "the watch is begun anew"),
        _seconds("a watch without a word", reflector.SILENCE, "the watch is begun anew"),
        Limit("objects of a page", reflector.PAGE, "objects", "the next page is asked for"),
        Limit("deleted objects that are remembered", tombstones.MOST, "objects", "the oldest is forgotten"),
        _seconds("a deleted object that is remembered", tombstones.KEEP, "it is forgotten"),
    ),
    "What is asked of another adapter (`autoscaling-fallback`)": (
        _seconds("a connection to the adapter", _BOUNDS.connect, "`503`"),
        _seconds("its answer, in time", _BOUNDS.answer, "`503`"),
        _bytes("its answer, in size", _BOUNDS.size, "`503`"),
        Limit(
            "connections to it at the same time",
            fallback_adapter._CONNECTIONS,
            "connections",
            "a question waits",
        ),
    ),
    "The end of the server": (
        _set("serving on, not ready", "shutdown_delay", "no connection is accepted any more"),
        _seconds("requests under way", _default(sockets.serve, "drain"), "they are cut"),
    ),
    "The dashboard": (
        _bytes("the head of a request", http_server._LARGEST_HEADERS, "`431`"),
        _bytes("the body of a request", dashboard_gate.LARGEST_BODY, "`413`"),
        _seconds("a request, from its first byte to its last", http_server._REQUEST_TIMEOUT_S, "it is cut"),
        Limit(
            "connections to the dashboard",
            http_server._MOST_CONNECTIONS,
            "connections",
            "those that only wait make place",
        ),
        Limit("namespaces in one address", state.MOST_NAMESPACES, "namespaces", "they are refused in words"),
        Limit("callbacks of one viewer at once", auth._CALLBACKS_PER_VIEWER, "callbacks", "`429`"),
        Limit("a token that signs in", viewers._LONGEST_TOKEN, "characters", "it is refused"),
        _bytes(
            "the cookie of a session", session_cookie._LONGEST_COOKIE, "the token is too long to sign in with"
        ),
        _bytes("the token in a cookie, unpacked", session_cookie._LONGEST_TOKEN, "it is cut, and refused"),
        *(
            Limit(
                f"failed sign-ins of {of} within a minute",
                room.failures,
                "attempts",
                "later ones have to wait",
            )
            for of, room in (
                ("a token from an address", login_throttle.PER_TOKEN),
                ("an address", login_throttle.PER_ADDRESS),
                ("all", login_throttle.IN_TOTAL),
            )
        ),
        Limit(
            "tokens and addresses whose failures are counted",
            login_throttle._MOST_KEYS,
            "keys",
            "the oldest is forgotten",
        ),
        Limit(
            "sign-ins that wait for the API", viewers._PARALLEL_CHECKS, "sign-ins", "later ones are refused"
        ),
        Limit(
            "viewers signed in",
            viewers._MOST_VIEWERS,
            "viewers",
            "who looked longest ago is asked about again",
        ),
        _seconds("a viewer who does not look", viewers._IDLE_S, "the API is asked about them again"),
        Limit(
            "questions remembered of a viewer", feed._MOST_REQUESTS, "questions", "the oldest is forgotten"
        ),
        Limit("reads at the same time, of all viewers", viewers._PARALLEL_READS, "reads", "a read waits"),
        _seconds(
            "an answer of the API, as a whole", connection._ANSWER_TIMEOUT_S, "the page keeps the last graph"
        ),
        _bytes("an answer of the API, unpacked", connection._LARGEST, "the same"),
    ),
}
"""The limits, by what they limit."""
