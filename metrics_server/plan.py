"""What to ask Prometheus so that one answer serves every request of a scope.

Counters come raw, over the window and a little before it, together with `up` and the age of each proxy,
because only raw samples show what was born, reset or lost inside the window (`counting`). Buckets come
summed by Prometheus, because there are ten times as many of them and a quantile does not depend on their
scale. Both are asked at the same instant.

A namespace is asked for by its own proxies and, where the mesh names the callee, by the proxies elsewhere
that call into it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from metrics_server import profile, promql, words

UP = "up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whose figures: one namespace's, told by this label of the scrape targets, or (namespace None)
    everybody's.
    """

    namespace: str | None = None
    label: str = "namespace"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The queries for one profile, scope and window; all to be asked at one instant."""

    mesh: profile.Profile
    window: float
    """Seconds."""
    counters: tuple[str, ...]
    """Range selectors of raw counters, `up` and process age; their answers are disjoint."""
    buckets: str | None
    """Increase of each bucket over the window, by proxy, peer and `le`; None in a mesh without histograms, or
    where nobody wants to know.
    """


def make(
    mesh: profile.Profile,
    *,
    scope: Scope,
    window: float,
    before: float,
    latency: Collection[words.Side] = words.SIDES,
) -> Plan:
    """Return the plan for a window (seconds); raw samples reach back `before` seconds beyond it.

    `latency`: the sides whose buckets are asked for, many times as many series as their counters.
    """
    everything = _part(mesh, mesh.views, [], window)
    parts = [everything] if scope.namespace is None else _of_namespace(mesh, scope, scope.namespace, window)
    buckets = [query for part in parts for side, query in part.buckets if side in latency]
    return Plan(
        mesh=mesh,
        window=window,
        counters=tuple(promql.over(part.counters, window + before) for part in parts),
        buckets=promql.either(buckets) if buckets else None,
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """What is asked of one set of proxies."""

    counters: str
    buckets: list[tuple[words.Side, str]]


def _of_namespace(mesh: profile.Profile, scope: Scope, namespace: str, window: float) -> list[_Part]:
    """The namespace's own proxies, and those elsewhere that call into it."""
    own = _part(mesh, mesh.views, [promql.Matcher(scope.label, "=", namespace)], window)
    elsewhere = promql.Matcher(scope.label, "!=", namespace)
    callers = []
    for view in mesh.views:
        # Those who are called know who called, but that is told by the callers, who are asked themselves.
        called = _called_in(view.peer, namespace) if view.peer and view.side is words.Side.CLIENT else None
        if called is not None:
            callers.append(_part(mesh, (view,), [elsewhere], window, called=called))
    return [own, *callers]


def _part(
    mesh: profile.Profile,
    views: tuple[profile.View, ...],
    matchers: list[promql.Matcher],
    window: float,
    *,
    called: promql.Matcher | None = None,
) -> _Part:
    names = [*dict.fromkeys(view.requests for view in views), UP, mesh.process.metric]
    peers = [_or_without(called.label, [called.value])] if called else []
    counters = promql.selector(names, [*matchers, *peers, *_shared(views)])
    only = [*matchers, called] if called else matchers
    buckets = [(v.side, _buckets(v, v.latency, mesh.target, only, window)) for v in views if v.latency]
    return _Part(counters, buckets)


def _shared(views: tuple[profile.View, ...]) -> list[promql.Matcher]:
    """What narrows a selector of several metrics at once: a series without the label always stays."""
    allowed: dict[str, list[str]] = {}
    for view in views:
        for label, pattern in view.match.items():
            allowed.setdefault(label, []).append(f"({pattern})")
    narrowed = [_or_without(label, patterns) for label, patterns in allowed.items()]
    return narrowed + [_not_excluded(peer) for peer in _excluding(views)]


def _excluding(views: Iterable[profile.View]) -> list[profile.Named]:
    """The peers of views of which some do not count."""
    return [view.peer for view in views if isinstance(view.peer, profile.Named) and view.peer.exclude]


def _or_without(label: str, patterns: list[str]) -> promql.Matcher:
    return promql.Matcher(label, "=~", "|".join(["", *patterns]))


def _not_excluded(peer: profile.Named) -> promql.Matcher:
    return promql.Matcher(peer.label, "!~", peer.excluded)


def _buckets(
    view: profile.View,
    latency: profile.Latency,
    target: profile.Target,
    matchers: list[promql.Matcher],
    window: float,
) -> str:
    own = [promql.Matcher(label, "=~", pattern) for label, pattern in view.match.items()]
    peers = [_not_excluded(peer) for peer in _excluding([view])]
    series = promql.selector([f"{latency.metric}_bucket"], [*matchers, *own, *peers])
    return promql.sum_by(bucket_labels(view, target), promql.increase(series, window))


def bucket_labels(view: profile.View, target: profile.Target) -> tuple[str, ...]:
    """Return what remains on a summed bucket: whose proxy, which peer, the view's own labels, the bound."""
    peer = view.peer.told_by if view.peer else ()
    return (*target.identity, *dict.fromkeys((*peer, *view.match)), "le")


def _called_in(peer: profile.Peer, namespace: str) -> promql.Matcher | None:
    """Return the matcher for peers in a namespace; None if the mesh does not name the callee's."""
    if isinstance(peer, profile.Labelled):
        label = next(iter((*peer.namespace, *peer.service_namespace)), None)
        return promql.Matcher(label, "=~", promql.literal(namespace)) if label else None
    patterns = [narrowed for pattern in peer.patterns if (narrowed := within(pattern, namespace)) is not None]
    return promql.Matcher(peer.label, "=~", "|".join(f"({p})" for p in patterns)) if patterns else None


def within(pattern: str, namespace: str) -> str | None:
    """Return a peer pattern narrowed to one namespace; None if it does not tell the namespace."""
    start = pattern.find("(?P<namespace>")
    if start < 0:
        return None
    end = _closing(pattern, start)
    narrowed = pattern[:start] + promql.literal(namespace) + pattern[end + 1 :]
    return re.sub(r"\(\?P<[a-z]+>", "(", narrowed)


def _closing(pattern: str, start: int) -> int:
    """Return where the group that opens at `start` closes, mindful of escapes and character classes."""
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
