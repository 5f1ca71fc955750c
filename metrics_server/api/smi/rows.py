"""The rows of a snapshot by namespace and name, ready to be served. They are made once per snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from apiservice.resources import declaration
from metrics_server.aggregate import rollup
from metrics_server.api import request, traffic_metrics
from metrics_server.model import kinds
from metrics_server.ownership import graph
from metrics_server.store import store


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """What a table prints and the object does not contain."""

    observed: traffic_metrics.Observation
    moment: traffic_metrics.SampleTime
    sent: rollup.Figures | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Index:
    """Rows by namespace and name. The namespace None has all rows."""

    rows: Mapping[str | None, list[declaration.Row]]
    by_name: Mapping[tuple[str, str], declaration.Row]

    def within(self, namespace: str | None) -> list[declaration.Row]:
        """Return the rows of a namespace, or all."""
        return self.rows.get(namespace, [])

    @property
    def names(self) -> list[request.HintName]:
        """The names of all rows, for hints."""
        return [
            request.HintName(request.home(row.detail.observed.resource), row.object["metadata"]["name"])
            for row in self.within(None)
        ]

    def named(self, namespace: str | None, name: str) -> declaration.Row | None:
        """Return one row."""
        return self.by_name.get((namespace or "", name))


def received(moment: store.Moment, kind: str, *, prefixed: bool) -> Index:
    """Return a row for each resource of a kind with all traffic that it receives.

    `prefixed`: rows are named `<kind>.<name>` instead of `<name>`.
    """
    return moment.once(
        ("received", kind, prefixed), lambda: _index(_received(moment, kind, prefixed=prefixed))
    )


def edges(moment: store.Moment, kind: str, namespace: str | None) -> Index:
    """Return a row for each edge, seen from its end in a namespace; for None, from its caller."""
    return moment.once(("edges", kind, namespace), lambda: _index(_edges(moment, kind, namespace)))


def edges_of(moment: store.Moment, kind: str, resource: kinds.Ref) -> list[declaration.Row]:
    """Return the edges of one resource: to its callees, then from its callers."""
    found = moment.once(("edges of", kind), lambda: moment.rollup.edges(kind))
    observed = [_observation(edge, kinds.Direction.TO) for edge in found if edge.caller == resource]
    observed += [_observation(edge, kinds.Direction.FROM) for edge in found if edge.callee == resource]
    return [_row(moment, one, kind=traffic_metrics.METRICS_KIND, name=resource.name) for one in observed]


def _index(rows: Iterable[declaration.Row]) -> Index:
    everything = list(rows)
    by_namespace: dict[str | None, list[declaration.Row]] = {None: everything}
    by_name = {}
    for row in everything:
        namespace, name = row.object["metadata"].get("namespace", ""), row.object["metadata"]["name"]
        by_namespace.setdefault(namespace, []).append(row)
        by_name[namespace, name] = row
    return Index(by_namespace, by_name)


def _received(moment: store.Moment, kind: str, *, prefixed: bool) -> Iterable[declaration.Row]:
    for row in moment.rollup.received(kind):
        observed = traffic_metrics.Observation(
            resource=row.resource, direction=kinds.Direction.FROM, peer=kinds.UNKNOWN, figures=row.figures
        )
        name = str(row.resource) if prefixed else row.resource.name
        yield _row(moment, observed, kind=traffic_metrics.METRICS_KIND, name=name, sent=row.sent)


def _edges(moment: store.Moment, kind: str, namespace: str | None) -> Iterable[declaration.Row]:
    for edge in moment.once(("edges of", kind), lambda: moment.rollup.edges(kind)):
        observed = _seen_from(edge, namespace)
        if observed is not None and kind in (graph.WORKLOAD, observed.resource.kind):
            name = traffic_metrics.edge_name(
                edge.caller, edge.callee, namespace=request.home(observed.resource)
            )
            yield _row(moment, observed, kind=traffic_metrics.EDGE_KIND, name=name)


def _seen_from(edge: rollup.Edge, namespace: str | None) -> traffic_metrics.Observation | None:
    """Return an edge seen from its end in a namespace, the caller first; None if neither end is in it.

    The namespace None stands for all namespaces.
    """
    if edge.caller != kinds.UNKNOWN and namespace in (None, request.home(edge.caller)):
        return _observation(edge, kinds.Direction.TO)
    if namespace in (None, request.home(edge.callee)):
        return _observation(edge, kinds.Direction.FROM)
    return None


def _observation(edge: rollup.Edge, direction: kinds.Direction) -> traffic_metrics.Observation:
    ends = (edge.caller, edge.callee) if direction is kinds.Direction.TO else (edge.callee, edge.caller)
    return traffic_metrics.Observation(
        resource=ends[0], direction=direction, peer=ends[1], figures=edge.figures
    )


def _row(
    moment: store.Moment,
    observed: traffic_metrics.Observation,
    *,
    kind: str,
    name: str,
    sent: rollup.Figures | None = None,
) -> declaration.Row:
    taken = moment.snapshot
    newest = observed.figures.timestamp
    when = traffic_metrics.SampleTime(
        timestamp=taken.timestamp if newest is None else newest, window=taken.window
    )
    resource = observed.resource
    item = traffic_metrics.item(
        observed,
        kind=kind,
        name=name,
        namespace=resource.namespace if kind == traffic_metrics.METRICS_KIND else request.home(resource),
        labels=moment.owners.labels(resource),
        moment=when,
    )
    return declaration.Row(item, Detail(observed=observed, moment=when, sent=sent, name=name))
