"""A moment's rows, named and ready to be served: made once per moment, found by namespace and name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from apiservice import resources
from metrics_server import ownership, rollup, store, traffic, words
from metrics_server.views import questions


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """What a table prints beside the object."""

    observed: traffic.Observation
    moment: traffic.Moment
    sent: float | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Index:
    """Rows by namespace and name; all of them under the namespace None."""

    rows: Mapping[str | None, list[resources.Row]]
    by_name: Mapping[tuple[str, str], resources.Row]

    def within(self, namespace: str | None) -> list[resources.Row]:
        """Return the rows of a namespace, or all."""
        return self.rows.get(namespace, [])

    @property
    def names(self) -> list[questions.Named]:
        """The names of all rows, for hints."""
        return [
            questions.Named(questions.home(row.detail.observed.resource), row.object["metadata"]["name"])
            for row in self.within(None)
        ]

    def named(self, namespace: str | None, name: str) -> resources.Row | None:
        """Return one row."""
        return self.by_name.get((namespace or "", name))


def received(moment: store.Moment, kind: str, *, prefixed: bool) -> Index:
    """Return a row per resource of a kind; `prefixed`: named `<kind>.<name>` instead of `<name>`."""
    return moment.once(
        ("received", kind, prefixed), lambda: _index(_received(moment, kind, prefixed=prefixed))
    )


def edges(moment: store.Moment, kind: str, namespace: str | None) -> Index:
    """Return a row per edge as a namespace sees it, or (None) as its caller does."""
    return moment.once(("edges", kind, namespace), lambda: _index(_edges(moment, kind, namespace)))


def edges_of(moment: store.Moment, kind: str, resource: words.Ref) -> list[resources.Row]:
    """Return the edges of one resource: those it calls, then those it is called by."""
    found = moment.once(("edges of", kind), lambda: moment.rollup.edges(kind))
    observed = [_observation(edge, words.Direction.TO) for edge in found if edge.caller == resource]
    observed += [_observation(edge, words.Direction.FROM) for edge in found if edge.callee == resource]
    return [_row(moment, one, kind=traffic.METRICS_KIND, name=resource.name) for one in observed]


def _index(rows: Iterable[resources.Row]) -> Index:
    everything = list(rows)
    by_namespace: dict[str | None, list[resources.Row]] = {None: everything}
    by_name = {}
    for row in everything:
        namespace, name = row.object["metadata"].get("namespace", ""), row.object["metadata"]["name"]
        by_namespace.setdefault(namespace, []).append(row)
        by_name[namespace, name] = row
    return Index(by_namespace, by_name)


def _received(moment: store.Moment, kind: str, *, prefixed: bool) -> Iterable[resources.Row]:
    for row in moment.rollup.received(kind):
        observed = traffic.Observation(
            resource=row.resource, direction=words.Direction.FROM, peer=words.UNKNOWN, figures=row.figures
        )
        name = str(row.resource) if prefixed else row.resource.name
        yield _row(moment, observed, kind=traffic.METRICS_KIND, name=name, sent=row.sent)


def _edges(moment: store.Moment, kind: str, namespace: str | None) -> Iterable[resources.Row]:
    for edge in moment.once(("edges of", kind), lambda: moment.rollup.edges(kind)):
        observed = _seen_from(edge, namespace)
        if observed is not None and kind in (ownership.WORKLOAD, observed.resource.kind):
            name = traffic.edge_name(edge.caller, edge.callee, namespace=questions.home(observed.resource))
            yield _row(moment, observed, kind=traffic.EDGE_KIND, name=name)


def _seen_from(edge: rollup.Edge, namespace: str | None) -> traffic.Observation | None:
    """Return the edge from its end in a namespace (the caller first); None means all: its caller."""
    if edge.caller != words.UNKNOWN and namespace in (None, questions.home(edge.caller)):
        return _observation(edge, words.Direction.TO)
    if namespace in (None, questions.home(edge.callee)):
        return _observation(edge, words.Direction.FROM)
    return None


def _observation(edge: rollup.Edge, direction: words.Direction) -> traffic.Observation:
    ends = (edge.caller, edge.callee) if direction is words.Direction.TO else (edge.callee, edge.caller)
    return traffic.Observation(resource=ends[0], direction=direction, peer=ends[1], figures=edge.figures)


def _row(
    moment: store.Moment, observed: traffic.Observation, *, kind: str, name: str, sent: float | None = None
) -> resources.Row:
    taken = moment.snapshot
    when = traffic.Moment(timestamp=taken.timestamp, window=taken.window)
    resource = observed.resource
    item = traffic.item(
        observed,
        kind=kind,
        name=name,
        namespace=resource.namespace if kind == traffic.METRICS_KIND else questions.home(resource),
        labels=moment.owners.labels(resource),
        moment=when,
    )
    return resources.Row(item, Detail(observed=observed, moment=when, sent=sent, name=name))
