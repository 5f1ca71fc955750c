"""How a backend wants to be queried, as far as its answers have shown, and how long to wait before a retry.

A query is first sent by POST, with regular expressions on `__name__` where it selects several metrics. Some
backends refuse one or the other: access proxies that allow only GET (kube-rbac-proxy, prom-label-proxy with
read rights), and databases that know only exact metric names (Google's Managed Service for Prometheus). The
first refusal leads to the next form, and a form that was answered is kept for all later queries.

Both clients of the backend use this module, so that `check` sends what `serve` sends. It reaches no network.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from metrics_server.query import dialect
from metrics_server.upstream import refused_queries

Method = Literal["POST", "GET"]
_NO_METHOD = frozenset({403, 405, 501})
"""Status codes of proxies that do not allow the method. A 403 may also mean the credentials."""
_BAD_QUERY = frozenset({400, 422})
_AGAIN = frozenset({429, 503})
_LONGEST_PAUSE = 5.0
"""Seconds. A backend that asks for more time is not asked again for this request."""
_USUAL_PAUSE = 0.5
"""Seconds; the pause where the answer names none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestForm:
    """How queries are sent."""

    method: Method = "POST"
    exact_names: bool = False
    """Whether metrics are named one by one, without a regular expression."""
    further: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Parameters that only this backend knows."""

    @property
    def is_learned(self) -> bool:
        """Whether it differs from the form of the first query."""
        return self != RequestForm()

    @property
    def description(self) -> str:
        """How queries are sent, for the log."""
        names = "by exact names of metrics" if self.exact_names else "by names and patterns of metrics"
        more = f", with {', '.join(self.further)}" if self.further else ""
        return f"{self.method}, {names}{more}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An HTTP answer that is not the answer to a query."""

    status: int
    body: bytes
    retry_after: str = ""
    """The header, as it was sent."""


def other(form: RequestForm, refusal: Refusal, *, query: str) -> RequestForm | None:
    """Return the form in which to send a refused query instead; None if another form is of no use."""
    if refusal.status in _NO_METHOD:
        return dataclasses.replace(form, method="GET" if form.method == "POST" else "POST")
    names = not form.exact_names and dialect.names_a_pattern(query)
    if names and refusal.status in _BAD_QUERY and not refused_queries.is_about_size(refusal.body):
        return dataclasses.replace(form, exact_names=True)
    return None


def learned(known: RequestForm, *, sent: RequestForm, answered: RequestForm) -> RequestForm:
    """Return what is known after a query that was first sent in one form and answered in another."""
    return RequestForm(
        method=answered.method if answered.method != sent.method else known.method,
        exact_names=known.exact_names or answered.exact_names,
        further=answered.further or known.further,
    )


def explains(first: Refusal, last: Refusal) -> Refusal:
    """Return which of two refusals, of the first and of the last form, is the one to report.

    If another method is refused as well, or leads to something other than a query API, the first is.
    """
    is_of_method = first.status in _NO_METHOD
    return first if is_of_method and (last.status < 400 or last.status in _NO_METHOD | {401, 404}) else last


def pause(refusal: Refusal) -> float | None:
    """Return the seconds after which to send a query again; None if it is not to be sent again."""
    if refusal.status not in _AGAIN or refused_queries.is_timeout(refusal.body):
        return None
    if not refusal.retry_after:
        return _USUAL_PAUSE
    try:
        seconds = float(refusal.retry_after)
    except ValueError:
        return None  # a date: the clocks may differ
    return max(seconds, _USUAL_PAUSE) if seconds <= _LONGEST_PAUSE else None
