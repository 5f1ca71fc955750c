"""The group `metrics.smi-spec.io/v1alpha1`: lists, objects and edges, as resources of the kit."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from apiservice import errors, resources
from metrics_server import ownership, store, traffic, words
from metrics_server.views import questions, rows, schema, sight, splits, tables

_KIND_FIELD = "resource.kind"


@dataclass(frozen=True, slots=True)
class OfKind:
    """Lists, objects and edges of one kind, under its own plural: the specification's paths."""

    view: sight.View
    kind: words.Kind

    async def list(self, query: resources.Query) -> resources.Collection:
        """Return all resources of the kind. Raises errors.StatusError."""
        moment = await self.view.moment(query)
        found = (
            rows.received(moment, self.kind.name, prefixed=False).within(query.namespace) if moment else []
        )
        return _answer(moment, found, self.kind.name, query.namespace)

    async def get(self, query: resources.Query) -> resources.Row:
        """Return one resource. Raises errors.StatusError."""
        moment = await self.view.moment(query)
        return _one(moment, self._row(query, moment))

    async def edges(self, query: resources.Query) -> resources.Collection:
        """Return the edges of one resource. Raises errors.StatusError."""
        moment = await self.view.moment(query)
        self._row(query, moment)
        found = rows.edges_of(moment, self.kind.name, self._ref(query)) if moment else []
        return _answer(moment, found, self.kind.name, query.namespace, query.name)

    def _ref(self, query: resources.Query) -> words.Ref:
        return words.Ref(self.kind.name, query.namespace or "", query.name or "")

    def _row(self, query: resources.Query, moment: store.Moment | None) -> resources.Row:
        index = rows.received(moment, self.kind.name, prefixed=False) if moment else None
        row = index.named(query.namespace, query.name or "") if index else None
        if row is None:
            raise self.view.missing(query, self._ref(query), index.names if index else ())
        return row


@dataclass(frozen=True, slots=True)
class TrafficMetrics:
    """`trafficmetrics`: one item per workload, or per resource of the kind a field selector names."""

    view: sight.View

    async def list(self, query: resources.Query) -> resources.Collection:
        """Return one item per resource. Raises errors.StatusError."""
        kind = _kind(query)
        moment = await self.view.moment(query)
        found = rows.received(moment, kind, prefixed=True).within(query.namespace) if moment else []
        return _answer(moment, found, kind, query.namespace)

    async def get(self, query: resources.Query) -> resources.Row:
        """Return one item by its name `<kind>.<name>`. Raises errors.StatusError."""
        moment = await self.view.moment(query)
        prefix, _, name = (query.name or "").partition(".")
        kind = next((kind.name for kind in words.KINDS if kind.singular == prefix), prefix)
        for served in (ownership.WORKLOAD, kind):
            index = rows.received(moment, served, prefixed=True) if moment else None
            row = index.named(query.namespace, query.name or "") if index else None
            if row is not None:
                return _one(moment, row)
        workloads = rows.received(moment, ownership.WORKLOAD, prefixed=True) if moment else None
        known = workloads.names if workloads else ()
        raise self.view.missing(query, words.Ref(kind, query.namespace or "", name), known)


@dataclass(frozen=True, slots=True)
class TrafficEdges:
    """`trafficedges`: who calls whom, in one answer."""

    view: sight.View

    async def list(self, query: resources.Query) -> resources.Collection:
        """Return every edge of a namespace, or of all. Raises errors.StatusError."""
        kind = _kind(query)
        moment = await self.view.moment(query)
        found = rows.edges(moment, kind, query.namespace).within(query.namespace) if moment else []
        return _answer(moment, found, kind, query.namespace)

    async def get(self, query: resources.Query) -> resources.Row:
        """Return one edge by its name. Raises errors.StatusError."""
        moment = await self.view.moment(query)
        index = rows.edges(moment, ownership.WORKLOAD, query.namespace) if moment else None
        row = index.named(query.namespace, query.name or "") if index else None
        if row is None:
            known = index.names if index else ()
            raise query.not_found(questions.nearest(query.name or "", known, what="edge", reach=query.reach))
        return _one(moment, row)


def _kind(query: resources.Query) -> str:
    """Return the kind a field selector names. Raises errors.BadRequest."""
    asked = query.fields.value_of(_KIND_FIELD)
    if asked is None:
        return ownership.WORKLOAD
    if asked not in words.KIND_BY_NAME:
        served = ", ".join(words.KIND_BY_NAME)
        raise errors.BadRequest(f"{_KIND_FIELD}: {asked!r} is not a served kind; served are {served}")
    if query.namespace is not None and not words.KIND_BY_NAME[asked].namespaced:
        raise errors.BadRequest(f"{_KIND_FIELD}: a {asked} is in no namespace; ask for all namespaces")
    return asked


def _answer(
    moment: store.Moment | None,
    found: Sequence[resources.Row],
    kind: str,
    namespace: str | None,
    name: str | None = None,
) -> resources.Collection:
    """Return a list that says what it is about."""
    about = {"kind": kind, "namespace": namespace, "name": name}
    return resources.Collection(
        rows=found,
        extra={"resource": {field: value for field, value in about.items() if value}},
        warnings=questions.warnings(moment),
    )


def _one(moment: store.Moment | None, row: resources.Row) -> resources.Row:
    """Return a row with what is to be told to whoever asks for it alone."""
    warnings = questions.warnings(moment)
    return dataclasses.replace(row, warnings=warnings) if warnings else row


def group(view: sight.View) -> resources.GroupVersion:
    """Return the API group."""
    return resources.GroupVersion(
        group=traffic.GROUP,
        version=traffic.VERSION,
        resources=(
            _trafficmetrics(view),
            _trafficedges(view),
            *(_of_kind(view, kind) for kind in words.KINDS),
            splits.resource(view),
        ),
        schemas=schema.SCHEMAS,
    )


def _trafficmetrics(view: sight.View) -> resources.Resource:
    return _listing(
        "trafficmetrics",
        "trafficmetrics",
        short="tm",
        kind=traffic.METRICS_KIND,
        columns=tables.METRIC_COLUMNS,
        printer=tables.print_metrics,
        provider=TrafficMetrics(view),
        about="Requests, failures and latencies of every workload.",
    )


def _trafficedges(view: sight.View) -> resources.Resource:
    return _listing(
        "trafficedges",
        "trafficedge",
        short="te",
        kind=traffic.EDGE_KIND,
        columns=tables.EDGE_COLUMNS,
        printer=tables.print_edge,
        provider=TrafficEdges(view),
        about="Who calls whom: requests, failures and latencies of every edge.",
    )


def _listing(
    plural: str,
    singular: str,
    *,
    short: str,
    kind: str,
    columns: Sequence[resources.Column],
    printer: resources.Printer,
    provider: resources.Provider,
    about: str,
) -> resources.Resource:
    """A resource of our own, beside the specification's paths: of any kind that a field selector names."""
    return resources.Resource(
        plural=plural,
        singular=singular,
        kind=kind,
        list_kind=f"{kind}List",
        scope=resources.Scope.NAMESPACED,
        columns=columns,
        printer=printer,
        provider=provider,
        schema=kind,
        short_names=(short,),
        field_labels=frozenset({_KIND_FIELD}),
        parameters=questions.PARAMETERS,
        description=about,
    )


def _of_kind(view: sight.View, kind: words.Kind) -> resources.Resource:
    # Objects are TrafficMetrics, as specified; discovery gives each resource a kind of its own, because
    # kubectl finds a resource by its kind.
    provider = OfKind(view, kind)
    return resources.Resource(
        plural=kind.plural,
        singular=kind.singular,
        kind=f"{kind.name}{traffic.METRICS_KIND}",
        list_kind=f"{traffic.METRICS_KIND}List",
        scope=resources.Scope.NAMESPACED if kind.namespaced else resources.Scope.CLUSTER,
        columns=tables.METRIC_COLUMNS,
        printer=tables.print_metrics,
        provider=provider,
        schema=traffic.METRICS_KIND,
        parameters=questions.PARAMETERS,
        description=kind.about,
        subresources=(
            resources.Subresource(
                name="edges",
                kind=traffic.METRICS_KIND,
                list_kind=f"{traffic.METRICS_KIND}List",
                columns=tables.EDGE_COLUMNS,
                printer=tables.print_edge,
                fetch=provider.edges,
                description=f"Whom one of the {kind.plural} calls and by whom it is called.",
            ),
        ),
    )
