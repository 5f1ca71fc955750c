"""The value of a metric for each resource of a kind, or the reason why it has none. Made once per snapshot.

A pod whose scrapes have ended or only just begun is left out. Otherwise such a pod would look idle, or its
first requests like a peak. A deleted pod is left out at once, because an autoscaler takes each item as one of
its present pods. Over which time a figure is, `aggregate.coverage` says.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterator, Mapping, Sequence

from apiservice.request import selectors
from metrics_server.aggregate import named_metrics, rollup
from metrics_server.api import cells, request, traffic_metrics
from metrics_server.api.autoscaling import metric_selector
from metrics_server.model import kinds, snapshot
from metrics_server.ownership import graph
from metrics_server.store import moment, store

_MISSED = 2.5
"""How many scrape intervals the newest scrape of a pod may lag behind the others: two missed, and jitter."""


_USUAL = frozenset(one.quantiles for one in named_metrics.MEASURES)


@dataclasses.dataclass(frozen=True, slots=True)
class Value:
    """The value of a metric for one resource."""

    ref: kinds.Ref
    number: float
    """In the unit of the metric."""
    seconds: float
    """Over how many seconds the requests were counted."""
    timestamp: float
    """The newest scrape of a proxy that reports them, Unix seconds."""
    limits: cells.LatencyLimits = cells.NO_LIMITS


@dataclasses.dataclass(frozen=True, slots=True)
class NoValue:
    """The reason why a resource has no value."""

    why: str
    elsewhere: bool = False
    """Whether a snapshot with the latencies of both sides may have the value."""


def of_kind(
    moment: store.Moment, kind: kinds.Kind, wanted: named_metrics.NamedMetric, way: kinds.Direction
) -> Values:
    """Return the values of all resources of a kind, and the reasons where there are none."""
    return moment.once_and_again(
        ("values", kind.name, wanted.name, way),
        lambda moment: Values(moment.owners, dict(_values(moment, kind, wanted, way))),
        sort=_sort(wanted.quantiles),
    )


class Values:
    """Values and reasons by resource; values can be selected by label."""

    def __init__(self, owners: graph.Ownership, by_resource: Mapping[kinds.Ref, Value | NoValue]) -> None:
        self.by_resource = by_resource
        self._owners = owners
        self._found: dict[str | None, dict[tuple[str, str], list[Value]]] = {}

    @property
    def names(self) -> list[request.HintName]:
        """Return the names of all resources, for hints."""
        return [request.HintName(request.home(ref), ref.name) for ref in self.by_resource]

    def reasons(self, labels: selectors.LabelSelector) -> list[request.HintName]:
        """Return the reason for each selected resource without a value, for hints."""
        return [
            request.HintName(request.home(ref), f"{ref.name}: {one.why}")
            for ref, one in self.by_resource.items()
            if isinstance(one, NoValue) and labels.matches(self._owners.labels(ref))
        ]

    def select(self, namespace: str | None, labels: selectors.LabelSelector) -> Sequence[Value]:
        """Return the values of the selected resources in a namespace; for None, in all namespaces."""
        candidates = self._candidates(namespace, labels)
        if len(labels.requirements) > 1 or not _is_equality(labels):
            return [one for one in candidates if labels.matches(self._owners.labels(one.ref))]
        return candidates

    def _candidates(self, namespace: str | None, labels: selectors.LabelSelector) -> Sequence[Value]:
        """Return the values that meet the first requirement if it is an equality; otherwise all."""
        if not _is_equality(labels):
            return self._known.get(namespace, ())
        first = labels.requirements[0]
        index = self._by_label(namespace)
        return [one for value in sorted(first.values) for one in index.get((first.key, value), ())]

    def _by_label(self, namespace: str | None) -> Mapping[tuple[str, str], list[Value]]:
        if namespace not in self._found:
            index = self._found[namespace] = {}
            for one in self._known.get(namespace, ()):
                for label in self._owners.labels(one.ref).items():
                    index.setdefault(label, []).append(one)
        return self._found[namespace]

    @functools.cached_property
    def _known(self) -> Mapping[str | None, Sequence[Value]]:
        """Return the values by namespace; under None, all of them."""
        known: dict[str | None, list[Value]] = {}
        for one in self.by_resource.values():
            if isinstance(one, Value):
                for place in (None, request.home(one.ref)):
                    known.setdefault(place, []).append(one)
        return known


def _is_equality(labels: selectors.LabelSelector) -> bool:
    return bool(labels.requirements) and labels.requirements[0].operator is selectors.Operator.IN


def _values(
    moment: store.Moment, kind: kinds.Kind, wanted: named_metrics.NamedMetric, way: kinds.Direction
) -> Iterator[tuple[kinds.Ref, Value | NoValue]]:
    figures = (
        received(moment, kind.name, wanted.quantiles)
        if way is kinds.Direction.FROM
        else moment.rollup.sent(kind.name, wanted.quantiles)
    )
    if kind is not kinds.POD:
        for ref, figure in figures.items():
            yield ref, of_figures(ref, figure, wanted, moment)
        return
    spans = dict(zip(moment.owners.reporters, moment.snapshot.spans, strict=True))
    for ref, figure in figures.items():
        if moment.owners.is_gone(ref):
            continue
        yield ref, _of_pod(ref, figure, spans[ref], wanted, moment)


def received(
    moment: store.Moment, kind: str, quantiles: rollup.Quantiles
) -> Mapping[kinds.Ref, rollup.Figures]:
    """Return the figures of the traffic that each resource of a kind receives."""
    return moment.once(
        ("received figures", kind, quantiles),
        lambda: {row.resource: row.figures for row in moment.rollup.received(kind, quantiles)},
        sort=_sort(quantiles),
    )


def _sort(quantiles: rollup.Quantiles) -> moment.CachePart:
    return moment.VIEWS if quantiles in _USUAL else moment.PERCENTILES


def of_figures(
    ref: kinds.Ref, figures: rollup.Figures, wanted: named_metrics.NamedMetric, moment: store.Moment
) -> Value | NoValue:
    """Return the value of a metric from figures, or the reason why they have none."""
    over = moment.snapshot.window if figures.seconds is None else figures.seconds
    number = wanted.of(figures)
    if number is not None:
        newest = moment.snapshot.timestamp if figures.timestamp is None else figures.timestamp
        return Value(ref, number, over, newest, _limits(figures) if wanted.quantiles else cells.NO_LIMITS)
    if figures.total is None:
        return NoValue("no requests were observed and no proxy reports this edge")
    if figures.total == 0 and wanted.of_requests:
        return NoValue(f"no requests in the last {metric_selector.duration(over)}")
    if wanted.quantiles:
        why = "its proxies report no latency for the requests of the window"
        return NoValue(why, elsewhere=figures.side not in moment.latency)
    return NoValue("its proxies have just begun to be scraped: there are too few scrapes for a rate")


def _limits(figures: rollup.Figures) -> cells.LatencyLimits:
    """Return what limits the first latency of figures."""
    return cells.LatencyLimits(
        clamped=figures.clamped[0],
        below=figures.below[0],
        approximate=figures.approximate[0],
        not_timed=traffic_metrics.not_timed(figures),
    )


def _of_pod(
    ref: kinds.Ref,
    figures: rollup.Figures,
    span: snapshot.Span,
    wanted: named_metrics.NamedMetric,
    moment: store.Moment,
) -> Value | NoValue:
    behind = moment.snapshot.timestamp - span.until
    is_down = span.ended and (behind > _MISSED * span.interval or span.until <= span.since)
    if is_down:
        return NoValue(f"its proxy was last scraped {behind:.0f} s before the others: is it down?")
    if math.isnan(span.interval):
        return NoValue("its proxy has been scraped once: a rate needs two scrape intervals")
    if math.isnan(span.alone):
        return NoValue(
            f"its proxy has been scraped for {span.seconds:.0f} s: figures of a new pod are served after "
            f"{metric_selector.duration(2 * span.interval)}"
        )
    return of_figures(ref, figures, wanted, moment)
