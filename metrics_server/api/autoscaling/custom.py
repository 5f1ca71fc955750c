"""`custom.metrics.k8s.io`: a metric of one object, or of all objects that a selector matches.

An answer about one object has exactly one item, as autoscalers require.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from apiservice.http import errors
from apiservice.request import selectors
from apiservice.resources import declaration
from metrics_server.aggregate import named_metrics
from metrics_server.api import request, traffic_metrics
from metrics_server.api import view as api_view
from metrics_server.api.autoscaling import endpoints, metric_selector, tables, values
from metrics_server.api.autoscaling import query as autoscaling_query
from metrics_server.model import kinds, quantity
from metrics_server.store import moment as store_moment
from metrics_server.store import store

GROUP = "custom.metrics.k8s.io"
SELECTOR = "metricLabelSelector"
_EVERYTHING = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One value, from which each version of the group makes its own object."""

    value: values.Value
    kind: kinds.Kind
    metric: str
    timestamp: str
    selector: Mapping[str, object] | None


Rendering = Callable[[Item], dict[str, Any]]


def v1beta2(item: Item) -> dict[str, Any]:
    """Return a MetricValue of v1beta2."""
    return {
        "describedObject": _described(item),
        "metric": {"name": item.metric, "selector": item.selector},
        "timestamp": item.timestamp,
        "windowSeconds": round(item.value.seconds),
        "value": quantity.render(item.value.number),
    }


def v1beta1(item: Item) -> dict[str, Any]:
    """Return a MetricValue of v1beta1."""
    return {
        "describedObject": _described(item),
        "metricName": item.metric,
        "timestamp": item.timestamp,
        "window": round(item.value.seconds),
        "value": quantity.render(item.value.number),
        "selector": item.selector,
    }


def _described(item: Item) -> dict[str, str]:
    ref = item.value.ref
    placed = {"namespace": ref.namespace} if ref.namespace else {}
    return {"kind": ref.kind, **placed, "name": ref.name, "apiVersion": item.kind.api}


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomMetricReader:
    """Answers requests for the metrics of one kind."""

    view: api_view.SnapshotReader
    kind: kinds.Kind
    rendering: Rendering
    others: autoscaling_query.Others | None
    served: named_metrics.ServedMetrics = named_metrics.SERVED

    async def of_objects(self, query: declaration.Query) -> declaration.Collection | declaration.Verbatim:
        """Answer `…/{resource}/{name}/{metric}`. Raises errors.StatusError."""
        return await self._read(query, name=query.name or "", metric=query.subresource or "")

    async def of_namespace(self, query: declaration.Query) -> declaration.Collection | declaration.Verbatim:
        """Answer `/namespaces/{namespace}/metrics/{metric}`. Raises errors.StatusError."""
        return await self._read(query, name=query.namespace or "", metric=query.name or "")

    async def _read(
        self, query: declaration.Query, *, name: str, metric: str
    ) -> declaration.Collection | declaration.Verbatim:
        wanted = self.served.find(metric)
        if wanted is None:
            return await autoscaling_query.from_others(
                query, metric, what=self.kind.plural, others=self.others, served=self.served
            )
        asked = metric_selector.labels(
            selectors.LabelSelector.parse(query.parameters.get(SELECTOR, "")),
            known=metric_selector.OF_TRAFFIC,
        )
        if name == _EVERYTHING:
            sides = self._sides(metric_selector.direction(asked))
            moment = await autoscaling_query.moment(
                self.view, query.reach, wanted, asked, sides=sides, user=query.user.name
            )
            return self._answer(self._selected(query, wanted, asked, moment), wanted, asked, moment)
        ref = kinds.Ref(self.kind.name, (query.namespace or "") if self.kind.namespaced else "", name)
        described = endpoints.RequestedEndpoint(ref.kind, ref.namespace, ref.name)
        question = await autoscaling_query.MetricQuery.of(
            asked, described, namespace=ref.namespace, reach=query.reach
        )
        moment, one = await autoscaling_query.value(
            self.view,
            query.reach,
            wanted,
            asked,
            side=question.reporting_side,
            user=query.user.name,
            answer=lambda moment: self._one(ref, question, wanted, asked, moment),
        )
        return self._answer([autoscaling_query.known(one, self._named(ref), wanted)], wanted, asked, moment)

    def _named(self, ref: kinds.Ref) -> str:
        return f'{self.kind.qualified} "{ref.name}"'

    def _sides(self, way: kinds.Direction) -> frozenset[kinds.Side]:
        """Return the sides that report all objects of the kind: some services only callers report."""
        if way is kinds.Direction.TO:
            return frozenset({kinds.Side.CLIENT})
        return kinds.SIDES if self.kind is kinds.SERVICE else frozenset({kinds.Side.SERVER})

    def _selected(
        self,
        query: declaration.Query,
        wanted: named_metrics.NamedMetric,
        asked: Mapping[str, str],
        moment: store.Moment,
    ) -> list[values.Value]:
        if asked.keys() - {metric_selector.WINDOW, metric_selector.DIRECTION}:
            raise errors.BadRequest(
                f"metric selector: from, to and side need the name of one of the {self.kind.plural}"
            )
        known = values.of_kind(moment, self.kind, wanted, metric_selector.direction(asked))
        found = known.select(query.reach.namespace, query.labels)
        if not found:
            raise errors.NotFound(_nothing(known, self.kind, query, wanted))
        return [*found]

    def _one(
        self,
        ref: kinds.Ref,
        question: autoscaling_query.MetricQuery,
        wanted: named_metrics.NamedMetric,
        asked: Mapping[str, str],
        moment: store.Moment,
    ) -> values.Value | values.NoValue:
        if asked.keys() - {metric_selector.WINDOW, metric_selector.DIRECTION}:
            answer = question.answer(self.view, moment, wanted)
            # The described object is the requested one, also if the value is that of its caller.
            return dataclasses.replace(answer, ref=ref) if isinstance(answer, values.Value) else answer
        known = values.of_kind(moment, self.kind, wanted, metric_selector.direction(asked))
        found = known.by_resource.get(ref)
        if found is None:
            why = self.view.absence(ref, ref.name, known.names, reach=question.reach)
            raise errors.NotFound(f"{self._named(ref)} has no {wanted.name}: {why}")
        return found

    def _answer(
        self,
        found: list[values.Value],
        wanted: named_metrics.NamedMetric,
        asked: Mapping[str, str],
        moment: store.Moment,
    ) -> declaration.Collection:
        selector = metric_selector.spelled(asked)
        key = (self.rendering, wanted.name, tuple(sorted(asked.items())))

        def row(one: values.Value) -> declaration.Row:
            when = traffic_metrics.timestamp(one.timestamp)
            item = Item(value=one, kind=self.kind, metric=wanted.name, timestamp=when, selector=selector)
            return declaration.Row(
                self.rendering(item), tables.Detail(wanted, one.number, one.seconds, one.limits)
            )

        # The number of keys has no limit, as clients can choose any selector; SPELLINGS bounds it.
        rows: dict[kinds.Ref, declaration.Row] = moment.once(key, dict, sort=store_moment.RENDERED)
        for one in found:
            if one.ref not in rows:
                rows[one.ref] = row(one)
        return declaration.Collection(rows=[rows[one.ref] for one in found])


def _nothing(
    known: values.Values,
    kind: kinds.Kind,
    query: declaration.Query,
    wanted: named_metrics.NamedMetric,
) -> str:
    """Return why none of the selected resources has a value."""
    where = f" in namespace {query.reach.namespace}" if query.reach.namespace else ""
    why = request.some(known.reasons(query.labels), reach=query.reach)
    if not why:
        return (
            f"no {wanted.name}: none of the selected {kind.plural}{where} has a proxy that Prometheus scrapes"
        )
    return f"no {wanted.name} of any of the selected {kind.plural}{where}: {why}"
