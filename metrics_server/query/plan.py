"""What to ask Prometheus so that one answer serves every request of a scope.

Counters come raw, over the window and a little before it, together with `up` and the age of each proxy,
because only raw samples show what was born, reset or lost inside the window (`counting`). Buckets come
summed by Prometheus, because there are ten times as many of them and a quantile does not depend on their
scale; by `rate`, because `increase` is not the same everywhere: that of VictoriaMetrics takes a small first
value for new and a big one for old, bucket by bucket. Both are asked at the same instant.

A namespace is asked for by its own proxies and, where the mesh names the callee, by the proxies elsewhere
that call into it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection
from dataclasses import dataclass, field

from metrics_server.model import kinds
from metrics_server.profiles import endpoints, fields, schema
from metrics_server.query import promql

UP = "up"
MARK = "trafficmetrics_view"
"""The label that says of which view a bucket is, where nothing else does."""


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

    mesh: schema.Profile
    window: float
    """Seconds."""
    counters: tuple[str, ...]
    """Range selectors of raw counters, `up` and process age; their answers are disjoint."""
    buckets: str | None
    """Increase of each bucket over the window, by proxy, peer and `le`, or of each native histogram; or the
    quantiles that proxies told last. None in a mesh without latencies, or where nobody wants to know.
    """


def make(
    mesh: schema.Profile,
    *,
    scope: Scope,
    window: float,
    before: float,
    latency: Collection[kinds.Side] = kinds.SIDES,
) -> Plan:
    """Return the plan for a window (seconds); raw samples reach back `before` seconds beyond it.

    `latency`: the sides whose buckets are asked for, many times as many series as their counters.
    """
    if scope.namespace is None:
        parts = [_part(mesh, mesh.views, [], window)]
    else:
        parts = _of_namespace(mesh, scope, scope.namespace, window)
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
    buckets: list[tuple[kinds.Side, str]] = field(default_factory=list)


def _of_namespace(mesh: schema.Profile, scope: Scope, namespace: str, window: float) -> list[_Part]:
    """The namespace's own proxies, and those elsewhere that call into it; and what others report of both."""
    own = promql.Matcher(scope.label, "=", namespace)
    elsewhere = promql.Matcher(scope.label, "!=", namespace)
    by_targets = tuple(view for view in mesh.views if view.reporter is None)
    by_others = [(view, view.reporter) for view in mesh.views if view.reporter is not None]
    parts = []
    if by_targets:
        parts.append(_part(mesh, by_targets, [own], window, targets=not by_others))
    for view in by_targets:
        # Those who are called know who called, but that is told by the callers, who are asked themselves.
        if view.side is kinds.Side.CLIENT and _may_be_in(view.peer, namespace):
            called = _told_in(view.peer, namespace)
            parts.append(_part(mesh, (view,), [elsewhere], window, called=called))
    if by_others:
        parts.append(_Part(promql.selector(_of_targets(mesh))))
    for view, reporter in by_others:
        reporting = _told_in(reporter, namespace)
        parts.append(_part(mesh, (view,), [reporting] if reporting else [], window, targets=False))
        if view.side is kinds.Side.CLIENT and reporting is not None and _may_be_in(view.peer, namespace):
            others = promql.Matcher(reporting.label, "!~", reporting.value)
            called = _told_in(view.peer, namespace)
            parts.append(_part(mesh, (view,), [others, *([called] if called else [])], window, targets=False))
    return parts


def _of_targets(mesh: schema.Profile) -> list[str]:
    """What tells of scrape targets, and nothing of requests."""
    return [UP, *([mesh.process.metric] if mesh.process else [])]


def _part(
    mesh: schema.Profile,
    views: tuple[schema.View, ...],
    matchers: list[promql.Matcher],
    window: float,
    *,
    called: promql.Matcher | None = None,
    targets: bool = True,
) -> _Part:
    names = list(dict.fromkeys(name for view in views for name in view.counters))
    if targets:
        names += _of_targets(mesh)
    peers = [_or_without(called.label, [called.value])] if called else []
    counters = promql.selector(names, [*matchers, *peers, *_shared(views)])
    only = [*matchers, called] if called else matchers
    buckets = [
        (view.side, _latency(mesh, view, view.latency, matchers=only, window=window))
        for view in views
        if view.latency
    ]
    return _Part(counters, buckets)


def _shared(views: tuple[schema.View, ...]) -> list[promql.Matcher]:
    """What narrows a selector of several metrics at once: a series without the label always stays, and a
    label narrows nothing unless every view speaks of it.
    """
    labels = dict.fromkeys(label for view in views for label in view.match)
    narrowed = [
        _or_without(label, [f"({view.match[label]})" for view in views])
        for label in labels
        if all(label in view.match for view in views)
    ]
    excluding = dict.fromkeys(
        (view.peer.label, view.peer.excluded)
        for view in views
        if isinstance(view.peer, endpoints.Named) and view.peer.exclude
    )
    read = [label for label, _ in excluding] + [label for view in views for label in view.match]
    return narrowed + [
        promql.Matcher(label, "!~", excluded) for label, excluded in excluding if read.count(label) == 1
    ]


def _or_without(label: str, patterns: list[str]) -> promql.Matcher:
    return promql.Matcher(label, "=~", "|".join(["", *dict.fromkeys(patterns)]))


def _latency(
    mesh: schema.Profile,
    view: schema.View,
    latency: schema.Latency,
    *,
    matchers: list[promql.Matcher],
    window: float,
) -> str:
    """Return the query of a view's buckets, classic and native; or of the quantiles its proxies tell."""
    own = [promql.Matcher(label, "=~", pattern) for label, pattern in view.match.items()]
    excluded = view.peer.excluded if isinstance(view.peer, endpoints.Named) else ""
    peers = [promql.Matcher(view.peer.told_by[0], "!~", excluded)] if view.peer and excluded else []
    labels = bucket_labels(view, mesh.target)
    if latency.quantile_label:
        series = promql.selector([latency.metric], [*matchers, *own, *peers])
        answer = promql.max_by(labels, promql.last(series, window))
    else:
        series = promql.selector([f"{latency.metric}_bucket", latency.metric], [*matchers, *own, *peers])
        answer = promql.times(promql.sum_by(labels, promql.rate(series, window)), window)
    return promql.marked(answer, MARK, str(mesh.views.index(view))) if is_marked(mesh) else answer


def bucket_labels(view: schema.View, target: endpoints.Target) -> tuple[str, ...]:
    """Return what remains on a summed bucket: who reports, which peer, the view's own labels, the bound."""
    reporter = view.reporter.told_by if view.reporter else target.identity
    peer = view.peer.told_by if view.peer else ()
    told = view.latency.quantile_label if view.latency and view.latency.quantile_label else "le"
    return (*dict.fromkeys((*reporter, *peer, *view.match)), told)


def is_marked(mesh: schema.Profile) -> bool:
    """Return whether labels alone do not say of which view a bucket is: then a label of ours does."""
    timed = [view for view in mesh.views if view.latency]
    return any(
        not fields.are_apart(one.match, other.match) and not _differ(one, other)
        for one, other in itertools.combinations(timed, 2)
    )


def _differ(one: schema.View, other: schema.View) -> bool:
    """Whether exactly one of them names its peers in one label, so that the other's buckets lack it."""
    return isinstance(one.peer, endpoints.Named) != isinstance(other.peer, endpoints.Named)


def _told_in(party: endpoints.Party | None, namespace: str) -> promql.Matcher | None:
    """Return the matcher for parties in a namespace; None if the mesh does not tell theirs, or not always."""
    if party is None or _is_told_without(party):
        return None
    if isinstance(party, endpoints.Labelled):
        label = next(iter((*party.namespace, *party.service_namespace)), None)
        told = re.sub(r"[^a-zA-Z0-9]", "_", namespace) if party.sanitized else namespace
        return promql.Matcher(label, "=~", promql.literal(told)) if label else None
    patterns = [
        narrowed for pattern in party.patterns if (narrowed := within(pattern, namespace)) is not None
    ]
    return promql.Matcher(party.label, "=~", "|".join(f"({p})" for p in patterns)) if patterns else None


def _may_be_in(party: endpoints.Party | None, namespace: str) -> bool:
    """Whether somebody of a namespace can be meant, as far as labels alone say."""
    return party is not None and (_is_told_without(party) or _told_in(party, namespace) is not None)


_WITHOUT = frozenset({"address", "joined"})


def _is_told_without(party: endpoints.Party) -> bool:
    """Whether somebody may be told in a way that has no namespace in it, and be of any."""
    patterns = party.patterns if isinstance(party, endpoints.Named) else ()
    groups = {group for pattern in patterns for group in re.compile(pattern).groupindex}
    return party.anywhere or bool(groups & _WITHOUT)


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
