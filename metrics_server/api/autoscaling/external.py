"""`external.metrics.k8s.io`: one figure of a resource or an edge that labels name.

One end has to be in the namespace of the request. Users with access to the external metrics of a namespace
therefore learn about other namespaces only their traffic with this one, as in its edges.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apiservice.http import errors
from apiservice.resources import declaration
from metrics_server.aggregate import named_metrics
from metrics_server.api import traffic_metrics
from metrics_server.api import view as api_view
from metrics_server.api.autoscaling import external_kinds, metric_selector, tables, values
from metrics_server.api.autoscaling import query as autoscaling_query
from metrics_server.model import quantity

GROUP, VERSION = "external.metrics.k8s.io", "v1beta1"
_KNOWN = frozenset({"name", "kind", "namespace"}) | metric_selector.OF_TRAFFIC


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalMetricReader:
    """Answers requests for metrics by labels."""

    view: api_view.SnapshotReader
    others: autoscaling_query.Others | None
    served: named_metrics.ServedMetrics = named_metrics.SERVED

    async def read(self, query: declaration.Query) -> declaration.Collection | declaration.Verbatim:
        """Answer `/namespaces/{namespace}/{metric}`. Raises errors.StatusError."""
        wanted = self.served.find(query.resource)
        if wanted is None:
            return await autoscaling_query.from_others(
                query,
                query.resource,
                what=f"external metrics of namespace {query.namespace}",
                others=self.others,
                served=self.served,
            )
        if query.namespace is None:
            raise errors.BadRequest("external metrics need a namespace in the path")
        asked = metric_selector.labels(query.labels, known=_KNOWN)
        described = autoscaling_query.end(asked, "name", namespace=query.namespace, prefix="")
        question = await autoscaling_query.MetricQuery.of(
            asked, described, namespace=query.namespace, reach=query.reach
        )
        question.check()
        _, answered = await autoscaling_query.value(
            self.view,
            query.reach,
            wanted,
            asked,
            side=question.reporting_side,
            user=query.user.name,
            answer=lambda moment: question.answer(self.view, moment, wanted),
        )
        one = autoscaling_query.known(answered, str(question), wanted)
        item = _item(one, wanted, asked)
        detail = tables.Detail(wanted, one.number, one.seconds, one.limits)
        return declaration.Collection(rows=[declaration.Row(item, detail)])


def _item(one: values.Value, wanted: named_metrics.NamedMetric, asked: Mapping[str, str]) -> dict[str, Any]:
    return {
        # Clients that print objects need the kind.
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": external_kinds.kind(wanted.name),
        "metricName": wanted.name,
        "metricLabels": dict(asked),
        "timestamp": traffic_metrics.timestamp(one.timestamp),
        "window": round(one.seconds),
        "value": quantity.render(one.number),
    }
