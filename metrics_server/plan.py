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
from dataclasses import dataclass

from metrics_server import profile, promql

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
    """Increase of each bucket over the window, by proxy, peer and `le`; None for a mesh without
    histograms.
    """


def make(mesh: profile.Profile, *, scope: Scope, window: float, before: float) -> Plan:
    """Return the plan for a window of so many seconds; `before` is how far the raw samples reach back beyond
    it.
    """
    own = _in_namespace(scope, "=")
    counters = [_raw(mesh, mesh.views, own)]
    buckets = [_summed(view, mesh.target, own, window) for view in mesh.views if view.latency]
    if scope.namespace is not None:
        for view, called in _callers_elsewhere(mesh, scope):
            matchers = [*_in_namespace(scope, "!="), called]
            counters.append(
                _raw(mesh, (view,), [*matchers[:1], promql.Matcher(called.label, "=~", f"|{called.value}")])
            )
            if view.latency:
                buckets.append(_summed(view, mesh.target, matchers, window))
    return Plan(
        mesh=mesh,
        window=window,
        counters=tuple(promql.over(series, window + before) for series in counters),
        buckets=promql.either(buckets) if buckets else None,
    )


def _in_namespace(scope: Scope, operator: str) -> list[promql.Matcher]:
    if scope.namespace is None:
        return []
    return [promql.Matcher(scope.label, "=" if operator == "=" else "!=", scope.namespace)]


def _raw(mesh: profile.Profile, views: tuple[profile.View, ...], matchers: list[promql.Matcher]) -> str:
    names = [*(view.requests for view in views), UP, mesh.process.metric]
    return promql.selector(names, [*matchers, *_shared_matchers(views)])


def _shared_matchers(views: tuple[profile.View, ...]) -> list[promql.Matcher]:
    """What narrows a selector of several metrics at once: a series without the label always stays."""
    allowed: dict[str, list[str]] = {}
    for view in views:
        for label, pattern in view.match.items():
            allowed.setdefault(label, []).append(f"({pattern})")
    matchers = [promql.Matcher(label, "=~", "|".join(["", *patterns])) for label, patterns in allowed.items()]
    return matchers + [_excluded(view.peer) for view in views if view.peer and view.peer.exclude]


def _excluded(peer: profile.Peer) -> promql.Matcher:
    return promql.Matcher(peer.label, "!~", peer.excluded)


def _summed(view: profile.View, target: profile.Target, matchers: list[promql.Matcher], window: float) -> str:
    assert view.latency is not None
    narrowed = [*matchers, *(promql.Matcher(label, "=~", pattern) for label, pattern in view.match.items())]
    if view.peer and view.peer.exclude:
        narrowed.append(_excluded(view.peer))
    series = promql.selector([f"{view.latency.metric}_bucket"], narrowed)
    return promql.sum_by(bucket_labels(view, target), promql.increase(series, window))


def bucket_labels(view: profile.View, target: profile.Target) -> tuple[str, ...]:
    """The labels that remain on a summed bucket: whose proxy, which peer, which of the view's own, and the
    bound.
    """
    peer = (view.peer.label,) if view.peer else ()
    return (*target.identity, *peer, *view.match, "le")


def _callers_elsewhere(mesh: profile.Profile, scope: Scope) -> list[tuple[profile.View, promql.Matcher]]:
    """The views that name the callee's namespace, each with the matcher for peers in this one."""
    assert scope.namespace is not None
    found = []
    for view in mesh.views:
        patterns = [within(pattern, scope.namespace) for pattern in view.peer.patterns] if view.peer else []
        named = [pattern for pattern in patterns if pattern is not None]
        if view.peer and named:
            found.append((view, promql.Matcher(view.peer.label, "=~", "|".join(f"({p})" for p in named))))
    return found


def within(pattern: str, namespace: str) -> str | None:
    """Return a peer pattern narrowed to one namespace, without group names; None if it does not tell the
    namespace.
    """
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
