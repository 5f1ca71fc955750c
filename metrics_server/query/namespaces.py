"""Says by which label values the endpoints of one namespace are selected. Pure."""

from __future__ import annotations

import re

from metrics_server.profiles import endpoints
from metrics_server.query import promql


def matcher(endpoint: endpoints.Endpoint | None, namespace: str) -> promql.Matcher | None:
    """Return the matcher for endpoints in a namespace; None if labels do not always show an endpoint's
    namespace.
    """
    if endpoint is None or _has_no_namespace(endpoint):
        return None
    if isinstance(endpoint, endpoints.Labelled):
        label = next(iter((*endpoint.namespace, *endpoint.service_namespace)), None)
        value = re.sub(r"[^a-zA-Z0-9]", "_", namespace) if endpoint.sanitized else namespace
        return promql.Matcher(label, "=~", promql.literal(value)) if label else None
    patterns = [
        narrowed
        for pattern in endpoint.patterns
        if (narrowed := _everywhere(pattern) if _ROUTE in pattern else within(pattern, namespace)) is not None
    ]
    return promql.Matcher(endpoint.label, "=~", "|".join(f"({p})" for p in patterns)) if patterns else None


def may_be_in(endpoint: endpoints.Endpoint | None, namespace: str) -> bool:
    """Whether an endpoint may be in a namespace, as far as labels show."""
    return endpoint is not None and (_has_no_namespace(endpoint) or matcher(endpoint, namespace) is not None)


_ROUTE = "(?P<route>"
"""A route may lead to services of other namespaces than its own."""
_WITHOUT = frozenset({"address", "joined"})


def _has_no_namespace(endpoint: endpoints.Endpoint) -> bool:
    """Whether an endpoint may be named without a namespace, so that it may be in any."""
    patterns = endpoint.patterns if isinstance(endpoint, endpoints.NamedEndpoint) else ()
    groups = {group for pattern in patterns for group in re.compile(pattern).groupindex}
    return endpoint.anywhere or bool(groups & _WITHOUT)


def within(pattern: str, namespace: str) -> str | None:
    """Return a pattern of an endpoint narrowed to one namespace; None if it has no group `namespace`."""
    start = pattern.find("(?P<namespace>")
    if start < 0:
        return None
    end = _closing(pattern, start)
    narrowed = pattern[:start] + promql.literal(namespace) + pattern[end + 1 :]
    return _everywhere(narrowed)


def _everywhere(pattern: str) -> str:
    """Return a pattern without the names of its groups."""
    return re.sub(r"\(\?P<[a-z]+>", "(", pattern)


def _closing(pattern: str, start: int) -> int:
    """Return the index where the group that opens at `start` closes; escapes and character classes are
    skipped.
    """
    depth, in_class, position = 0, False, start
    while position < len(pattern):
        character = pattern[position]
        if character == "\\":
            position += 1
        elif in_class:
            in_class = character != "]"
        elif character == "[":
            in_class = True
        else:
            depth += (character == "(") - (character == ")")
            if depth == 0:
                return position
        position += 1
    raise ValueError(f"{pattern!r}: the group at {start} does not close")
