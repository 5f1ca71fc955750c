"""Plans the queries whose answers serve every request for one scope and window.

Counters are queried as raw samples, over the window and some time before it, together with `up` and the age
of each process: only raw samples show which series and processes started, restarted or were not scraped
inside the window (`decode.counters`). Buckets are summed by Prometheus, because there are ten times as many
of them and a quantile does not depend on their scale. They are summed from `rate` instead of `increase`,
because databases differ in `increase`: VictoriaMetrics counts a small first value of a series and ignores a
large one, for each bucket separately. All queries are evaluated at the same instant.

For one namespace the plan selects the series of its own proxies and, where the mesh names the callee, those
of the proxies in other namespaces that call into it.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from metrics_server.model import kinds
from metrics_server.profiles import endpoints, fields, schema
from metrics_server.query import namespaces, promql
from metrics_server.query import reach as query_reach

UP = "up"
JOB = "job"
TARGET = (JOB, "instance")
"""The labels that identify a scrape target."""
MARK = "trafficmetrics_view"
"""A label that a query adds to buckets: the index of their view, where the other labels do not show it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryScope:
    """Which figures are wanted: those of one namespace, or of all (namespace None)."""

    namespace: str | None = None
    label: str = "namespace"
    """The label of scrape targets that holds their namespace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The queries for one profile, scope and window; all are evaluated at one instant."""

    mesh: schema.Profile
    counters: tuple[str, ...]
    """Range selectors of raw counters, `up` and process age. Two of them may select the same series."""
    buckets: str | None
    """The increase of each bucket (by reporter, peer and `le`) or native histogram, as much as in a window of
    the requested length, or the newest quantiles that proxies computed themselves. None if the mesh reports
    no latency, or none is wanted.
    """


def make(
    mesh: schema.Profile,
    *,
    scope: QueryScope,
    window: float,
    reach: query_reach.Reach,
    latency: Collection[kinds.Side] = kinds.SIDES,
) -> Plan:
    """Return the plan for a window as requested, in seconds.

    `latency`: the sides whose buckets are queried. Buckets are many times as many series as counters.
    """
    classes = [_Class((), window, reach.usual)]
    if reach.slow is not None:
        pattern = promql.any_of(reach.slow.jobs)
        classes = [
            _Class((promql.Matcher(JOB, "!~", pattern),), window, reach.usual),
            _Class((promql.Matcher(JOB, "=~", pattern),), window, reach.slow.times),
        ]
    counters: list[str] = []
    buckets: list[str] = []
    for one in classes:
        if scope.namespace is None:
            parts = [_part(mesh, mesh.views, [], one)]
        else:
            parts = _of_namespace(mesh, scope, scope.namespace, one)
        counters += [promql.over(part.counters, one.times.seconds) for part in parts]
        buckets += [query for part in parts for side, query in part.buckets if side in latency]
    return Plan(mesh=mesh, counters=tuple(counters), buckets=promql.either(buckets) if buckets else None)


def targets_by_job(mesh: schema.Profile) -> str:
    """Return the query for the number of targets of the mesh that are scraped, by job."""
    return promql.count_by((JOB,), promql.count_by(TARGET, promql.selector(mesh.sign)))


def scrapes(mesh: schema.Profile, jobs: Sequence[str], reach: float) -> str:
    """Return the query for the scrapes of all targets of some jobs in the last `reach` seconds."""
    return promql.over(
        promql.selector(_of_targets(mesh), [promql.Matcher(JOB, "=~", promql.any_of(jobs))]), reach
    )


@dataclass(frozen=True, slots=True)
class _Class:
    """The jobs whose targets are scraped at similar intervals."""

    matchers: tuple[promql.Matcher, ...]
    requested: float
    """The requested window in seconds: the increase of buckets is scaled to it."""
    times: query_reach.Times


@dataclass(frozen=True, slots=True)
class _Part:
    """The selector of counters and the bucket queries for one set of proxies."""

    counters: str
    buckets: list[tuple[kinds.Side, str]] = field(default_factory=list)


def _of_namespace(mesh: schema.Profile, scope: QueryScope, namespace: str, jobs: _Class) -> list[_Part]:
    """Return the parts for the namespace's own proxies and for proxies in other namespaces that call into it,
    whether they report themselves or another process reports for them.
    """
    own = promql.Matcher(scope.label, "=", namespace)
    elsewhere = promql.Matcher(scope.label, "!=", namespace)
    by_targets = tuple(view for view in mesh.views if view.reporter is None)
    by_others = [(view, view.reporter) for view in mesh.views if view.reporter is not None]
    parts = []
    if by_targets:
        parts.append(_part(mesh, by_targets, [own], jobs, targets=not by_others))
    for view in by_targets:
        # Server-side series of other namespaces are not needed: the namespace's own proxies report that
        # traffic at the client side.
        if view.side is kinds.Side.CLIENT and namespaces.may_be_in(view.peer, namespace):
            callee = namespaces.matcher(view.peer, namespace)
            parts.append(_part(mesh, (view,), [elsewhere], jobs, callee=callee))
    if by_others:
        parts.append(_Part(promql.selector(_of_targets(mesh), jobs.matchers)))
    for view, reporter in by_others:
        reporting = namespaces.matcher(reporter, namespace)
        parts.append(_part(mesh, (view,), [reporting] if reporting else [], jobs, targets=False))
        if (
            view.side is kinds.Side.CLIENT
            and reporting is not None
            and namespaces.may_be_in(view.peer, namespace)
        ):
            others = promql.Matcher(reporting.label, "!~", reporting.value)
            callee = namespaces.matcher(view.peer, namespace)
            parts.append(_part(mesh, (view,), [others, *([callee] if callee else [])], jobs, targets=False))
    return parts


def _of_targets(mesh: schema.Profile) -> list[str]:
    """Return the metrics that describe scrape targets and not requests."""
    return [UP, *([mesh.process.metric] if mesh.process else [])]


def _part(
    mesh: schema.Profile,
    views: tuple[schema.SideSeries, ...],
    own: list[promql.Matcher],
    jobs: _Class,
    *,
    callee: promql.Matcher | None = None,
    targets: bool = True,
) -> _Part:
    names = list(dict.fromkeys(name for view in views for name in view.counters))
    if targets:
        names += _of_targets(mesh)
    matchers = [*own, *jobs.matchers]
    peers = [_or_without(callee.label, [callee.value])] if callee else []
    counters = promql.selector(names, [*matchers, *peers, *_shared(views)])
    only = [*matchers, callee] if callee else matchers
    buckets = [
        (view.side, _latency(mesh, view, view.latency, matchers=only, jobs=jobs))
        for view in views
        if view.latency
    ]
    return _Part(counters, buckets)


def _shared(views: tuple[schema.SideSeries, ...]) -> list[promql.Matcher]:
    """Return matchers that narrow a selector of several metrics without losing a series that a view reads.

    Series without a label stay selected, and only labels that every view matches on are used.
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
        if isinstance(view.peer, endpoints.NamedEndpoint) and view.peer.exclude
    )
    read = [label for label, _ in excluding] + [label for view in views for label in view.match]
    ignored = [
        promql.Matcher(label, "!~", pattern)
        for label, pattern in views[0].ignore.items()
        if all(view.ignore.get(label) == pattern for view in views)
    ]
    ignored += [
        promql.Matcher(label, "!~", excluded) for label, excluded in excluding if read.count(label) == 1
    ]
    return narrowed + ignored


def _or_without(label: str, patterns: list[str]) -> promql.Matcher:
    return promql.Matcher(label, "=~", "|".join(["", *dict.fromkeys(patterns)]))


def _latency(
    mesh: schema.Profile,
    view: schema.SideSeries,
    latency: schema.Latency,
    *,
    matchers: list[promql.Matcher],
    jobs: _Class,
) -> str:
    """Return the query for a view's buckets, classic and native, or for the quantiles its proxies compute."""
    own = [promql.Matcher(label, "=~", pattern) for label, pattern in view.match.items()]
    own += [promql.Matcher(label, "!~", pattern) for label, pattern in view.ignore.items()]
    excluded = view.peer.excluded if isinstance(view.peer, endpoints.NamedEndpoint) else ""
    peers = [promql.Matcher(view.peer.label_names[0], "!~", excluded)] if view.peer and excluded else []
    labels = bucket_labels(view, mesh.target)
    if latency.quantile_label:
        series = promql.selector([latency.metric], [*matchers, *own, *peers])
        answer = promql.max_by(labels, promql.last(series, jobs.times.buckets))
    else:
        series = promql.selector([f"{latency.metric}_bucket", latency.metric], [*matchers, *own, *peers])
        answer = promql.times(promql.sum_by(labels, promql.rate(series, jobs.times.buckets)), jobs.requested)
    return promql.marked(answer, MARK, str(mesh.views.index(view))) if is_marked(mesh) else answer


def bucket_labels(view: schema.SideSeries, target: endpoints.TargetLabels) -> tuple[str, ...]:
    """Return the labels that a summed bucket keeps: those of reporter, peer and view, and the bound or
    quantile.
    """
    reporter = view.reporter.label_names if view.reporter else target.identity
    peer = view.peer.label_names if view.peer else ()
    bound = view.latency.quantile_label if view.latency and view.latency.quantile_label else "le"
    return (*dict.fromkeys((*reporter, *peer, *view.match)), bound)


def is_marked(mesh: schema.Profile) -> bool:
    """Return whether the bucket queries add the label `MARK`, because other labels do not show a bucket's
    view.
    """
    timed = [view for view in mesh.views if view.latency]
    return any(
        not fields.are_apart(one.match, other.match) and not _differ(one, other)
        for one, other in itertools.combinations(timed, 2)
    )


def _differ(one: schema.SideSeries, other: schema.SideSeries) -> bool:
    """Whether exactly one of two views names its peers in one label, so that the other's buckets lack that
    label.
    """
    return isinstance(one.peer, endpoints.NamedEndpoint) != isinstance(other.peer, endpoints.NamedEndpoint)
