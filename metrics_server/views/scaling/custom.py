"""`custom.metrics.k8s.io`: a measure of a pod, or of any resource, or of all that a selector finds.

An answer about one resource has exactly one item, as an autoscaler demands.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from apiservice import errors, resources, selectors
from metrics_server import measure, moments, quantity, store, traffic, words
from metrics_server.views import questions, sight
from metrics_server.views.scaling import asking, ends, printing, selecting, values

GROUP = "custom.metrics.k8s.io"
SELECTOR = "metricLabelSelector"
_EVERYTHING = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One value, before a version of the group spells it."""

    value: values.Value
    kind: words.Kind
    metric: str
    timestamp: str
    selector: Mapping[str, object] | None


Spelling = Callable[[Item], dict[str, Any]]


def v1beta2(item: Item) -> dict[str, Any]:
    """Return a MetricValue of the version."""
    return {
        "describedObject": _described(item),
        "metric": {"name": item.metric, "selector": item.selector},
        "timestamp": item.timestamp,
        "windowSeconds": round(item.value.seconds),
        "value": quantity.render(item.value.number),
    }


def v1beta1(item: Item) -> dict[str, Any]:
    """Return a MetricValue of the version."""
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
class Reader:
    """Reads the measures of one kind."""

    view: sight.View
    kind: words.Kind
    spelling: Spelling
    others: asking.Others | None

    async def of_objects(self, query: resources.Query) -> resources.Collection | resources.Verbatim:
        """Answer `…/{resource}/{name}/{metric}`. Raises errors.StatusError."""
        return await self._read(query, name=query.name or "", metric=query.subresource or "")

    async def of_namespace(self, query: resources.Query) -> resources.Collection | resources.Verbatim:
        """Answer `/namespaces/{namespace}/metrics/{metric}`. Raises errors.StatusError."""
        return await self._read(query, name=query.namespace or "", metric=query.name or "")

    async def _read(
        self, query: resources.Query, *, name: str, metric: str
    ) -> resources.Collection | resources.Verbatim:
        wanted = measure.find(metric)
        if wanted is None:
            return await asking.another_s(query, metric, what=self.kind.plural, others=self.others)
        asked = selecting.labels(
            selectors.LabelSelector.parse(query.parameters.get(SELECTOR, "")), known=selecting.OF_TRAFFIC
        )
        if name == _EVERYTHING:
            sides = self._sides(selecting.direction(asked))
            moment = await asking.moment(
                self.view, query.reach, wanted, asked, sides=sides, user=query.user.name
            )
            return self._answer(self._selected(query, wanted, asked, moment), wanted, asked, moment)
        ref = words.Ref(self.kind.name, (query.namespace or "") if self.kind.namespaced else "", name)
        described = ends.End(ref.kind, ref.namespace, ref.name)
        question = await asking.Question.of(asked, described, namespace=ref.namespace, reach=query.reach)
        moment, one = await asking.told(
            self.view,
            query.reach,
            wanted,
            asked,
            side=question.told_by,
            user=query.user.name,
            answer=lambda moment: self._one(ref, question, wanted, asked, moment),
        )
        return self._answer([asking.known(one, self._named(ref), wanted)], wanted, asked, moment)

    def _named(self, ref: words.Ref) -> str:
        return f'{self.kind.qualified} "{ref.name}"'

    def _sides(self, way: words.Direction) -> frozenset[words.Side]:
        """Return whose proxies tell of all of the kind: some services only their callers' do."""
        if way is words.Direction.TO:
            return frozenset({words.Side.CLIENT})
        return words.SIDES if self.kind is words.SERVICE else frozenset({words.Side.SERVER})

    def _selected(
        self,
        query: resources.Query,
        wanted: measure.Measure,
        asked: Mapping[str, str],
        moment: store.Moment,
    ) -> list[values.Value]:
        if asked.keys() - {selecting.WINDOW, selecting.DIRECTION}:
            raise errors.BadRequest(
                f"metric selector: from, to and side need the name of one of the {self.kind.plural}"
            )
        told = values.of_kind(moment, self.kind, wanted, selecting.direction(asked))
        found = told.select(query.reach.namespace, query.labels)
        if not found:
            raise errors.NotFound(_nothing(told, self.kind, query, wanted))
        return [*found]

    def _one(
        self,
        ref: words.Ref,
        question: asking.Question,
        wanted: measure.Measure,
        asked: Mapping[str, str],
        moment: store.Moment,
    ) -> values.Value | values.Untold:
        if asked.keys() - {selecting.WINDOW, selecting.DIRECTION}:
            answer = question.answer(self.view, moment, wanted)
            # What is described stays what was asked for, whoever calls it.
            return dataclasses.replace(answer, ref=ref) if isinstance(answer, values.Value) else answer
        told = values.of_kind(moment, self.kind, wanted, selecting.direction(asked))
        found = told.told.get(ref)
        if found is None:
            why = self.view.absence(ref, ref.name, told.names, reach=question.reach)
            raise errors.NotFound(f"{self._named(ref)} has no {wanted.name}: {why}")
        return found

    def _answer(
        self,
        found: list[values.Value],
        wanted: measure.Measure,
        asked: Mapping[str, str],
        moment: store.Moment,
    ) -> resources.Collection:
        when, selector = traffic.timestamp(moment.snapshot.timestamp), selecting.spelled(asked)
        key = (self.spelling, wanted.name, tuple(sorted(asked.items())))

        def row(one: values.Value) -> resources.Row:
            item = Item(value=one, kind=self.kind, metric=wanted.name, timestamp=when, selector=selector)
            return resources.Row(self.spelling(item), printing.Told(wanted, one.number, one.seconds))

        # Clients are free in what they select by, and in all of its values.
        rows: dict[words.Ref, resources.Row] = moment.once(key, dict, sort=moments.SPELLINGS)
        for one in found:
            if one.ref not in rows:
                rows[one.ref] = row(one)
        return resources.Collection(rows=[rows[one.ref] for one in found])


def _nothing(
    told: values.Values,
    kind: words.Kind,
    query: resources.Query,
    wanted: measure.Measure,
) -> str:
    """Return why not one of the selected resources has a value."""
    where = f" in namespace {query.reach.namespace}" if query.reach.namespace else ""
    why = questions.some(told.reasons(query.labels), reach=query.reach)
    if not why:
        return (
            f"no {wanted.name}: none of the selected {kind.plural}{where} has a proxy that Prometheus scrapes"
        )
    return f"no {wanted.name} of any of the selected {kind.plural}{where}: {why}"
