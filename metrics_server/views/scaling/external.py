"""`external.metrics.k8s.io`: one figure of one resource or of one edge, named by labels.

One of its ends is in the namespace it is asked for in: who may read that namespace's external metrics learns
of other namespaces only how they deal with this one, as from its edges.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apiservice import errors, resources
from metrics_server import measure, quantity, traffic
from metrics_server.views import sight
from metrics_server.views.scaling import asking, naming, printing, selecting, values

GROUP, VERSION = "external.metrics.k8s.io", "v1beta1"
_KNOWN = frozenset({"name", "kind", "namespace"}) | selecting.OF_TRAFFIC


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Reads measures by labels."""

    view: sight.View
    others: asking.Others | None

    async def read(self, query: resources.Query) -> resources.Collection | resources.Verbatim:
        """Answer `/namespaces/{namespace}/{metric}`. Raises errors.StatusError."""
        wanted = measure.find(query.resource)
        if wanted is None:
            return await asking.another_s(
                query,
                query.resource,
                what=f"external metrics of namespace {query.namespace}",
                others=self.others,
            )
        if query.namespace is None:
            raise errors.BadRequest("external metrics are read in one namespace")
        asked = selecting.labels(query.labels, known=_KNOWN)
        described = asking.end(asked, "name", namespace=query.namespace, prefix="")
        question = await asking.Question.of(asked, described, namespace=query.namespace, reach=query.reach)
        question.check()
        moment, answered = await asking.told(
            self.view,
            query.reach,
            wanted,
            asked,
            side=question.told_by,
            user=query.user.name,
            answer=lambda moment: question.answer(self.view, moment, wanted),
        )
        one = asking.known(answered, str(question), wanted)
        item = _item(one, wanted, asked, moment.snapshot.timestamp)
        told = printing.Told(wanted, one.number, one.seconds)
        return resources.Collection(rows=[resources.Row(item, told)])


def _item(
    one: values.Value, wanted: measure.Measure, asked: Mapping[str, str], timestamp: float
) -> dict[str, Any]:
    return {
        # Clients that print objects look their kind up.
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": naming.kind(wanted.name),
        "metricName": wanted.name,
        "metricLabels": dict(asked),
        "timestamp": traffic.timestamp(timestamp),
        "window": round(one.seconds),
        "value": quantity.render(one.number),
    }
