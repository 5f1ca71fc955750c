"""The API group `metrics.smi-spec.io/v1alpha1`: its resources, with their lists, objects and edges."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from apiservice.http import errors
from apiservice.resources import declaration
from metrics_server.api import request, traffic_metrics
from metrics_server.api import view as api_view
from metrics_server.api.smi import openapi, rows, splits, tables
from metrics_server.model import kinds
from metrics_server.ownership import graph
from metrics_server.store import store

_KIND_FIELD = "resource.kind"


@dataclass(frozen=True, slots=True)
class KindResource:
    """Lists, objects and edges of one kind: the paths of the SMI specification, such as `deployments`."""

    view: api_view.SnapshotReader
    kind: kinds.Kind

    async def list(self, query: declaration.Query) -> declaration.Collection:
        """Return all resources of the kind. Raises errors.StatusError."""
        moment = await self.view.moment(query)
        found = (
            rows.received(moment, self.kind.name, prefixed=False).within(query.namespace) if moment else []
        )
        return _answer(moment, found, self.kind.name, query.namespace)

    async def get(self, query: declaration.Query) -> declaration.Row:
        """Return one resource. Raises errors.StatusError."""
        moment = await self.view.moment(query)
        return _one(moment, self._row(query, moment))

    async def edges(self, query: declaration.Query) -> declaration.Collection:
        """Return the edges of one resource. Raises errors.StatusError."""
        moment = await self.view.moment(query)
        self._row(query, moment)
        found = rows.edges_of(moment, self.kind.name, self._ref(query)) if moment else []
        return _answer(moment, found, self.kind.name, query.namespace, query.name)

    def _ref(self, query: declaration.Query) -> kinds.Ref:
        return kinds.Ref(self.kind.name, query.namespace or "", query.name or "")

    def _row(self, query: declaration.Query, moment: store.Moment | None) -> declaration.Row:
        index = rows.received(moment, self.kind.name, prefixed=False) if moment else None
        row = index.named(query.namespace, query.name or "") if index else None
        if row is None:
            raise self.view.missing(query, self._ref(query), index.names if index else ())
        return row


@dataclass(frozen=True, slots=True)
class TrafficMetrics:
    """`trafficmetrics`: one item per workload, or per resource of the kind in the field selector."""

    view: api_view.SnapshotReader

    async def list(self, query: declaration.Query) -> declaration.Collection:
        """Return one item per resource. Raises errors.StatusError."""
        kind = _kind(query)
        moment = await self.view.moment(query)
        found = rows.received(moment, kind, prefixed=True).within(query.namespace) if moment else []
        return _answer(moment, found, kind, query.namespace)

    async def get(self, query: declaration.Query) -> declaration.Row:
        """Return one item by its name `<kind>.<name>`. Raises errors.StatusError."""
        moment = await self.view.moment(query)
        prefix, _, name = (query.name or "").partition(".")
        kind = next((kind.name for kind in kinds.KINDS if kind.singular == prefix), prefix)
        for served in (graph.WORKLOAD, kind):
            index = rows.received(moment, served, prefixed=True) if moment else None
            row = index.named(query.namespace, query.name or "") if index else None
            if row is not None:
                return _one(moment, row)
        workloads = rows.received(moment, graph.WORKLOAD, prefixed=True) if moment else None
        known = workloads.names if workloads else ()
        raise self.view.missing(query, kinds.Ref(kind, query.namespace or "", name), known)


@dataclass(frozen=True, slots=True)
class TrafficEdges:
    """`trafficedges`: all edges, in one list."""

    view: api_view.SnapshotReader

    async def list(self, query: declaration.Query) -> declaration.Collection:
        """Return every edge of a namespace, or of all. Raises errors.StatusError."""
        kind = _kind(query)
        moment = await self.view.moment(query)
        found = rows.edges(moment, kind, query.namespace).within(query.namespace) if moment else []
        return _answer(moment, found, kind, query.namespace)

    async def get(self, query: declaration.Query) -> declaration.Row:
        """Return one edge by its name. Raises errors.StatusError."""
        moment = await self.view.moment(query)
        index = rows.edges(moment, graph.WORKLOAD, query.namespace) if moment else None
        row = index.named(query.namespace, query.name or "") if index else None
        if row is None:
            known = index.names if index else ()
            raise query.not_found(request.nearest(query.name or "", known, what="edges", reach=query.reach))
        return _one(moment, row)


def _kind(query: declaration.Query) -> str:
    """Return the kind in the field selector; without one, workloads. Raises errors.BadRequest."""
    asked = query.fields.value_of(_KIND_FIELD)
    if asked is None:
        return graph.WORKLOAD
    if asked not in kinds.KIND_BY_NAME:
        served = ", ".join(kinds.KIND_BY_NAME)
        raise errors.BadRequest(f"{_KIND_FIELD}: {asked!r} is not a served kind; served are {served}")
    if query.namespace is not None and not kinds.KIND_BY_NAME[asked].namespaced:
        raise errors.BadRequest(f"{_KIND_FIELD}: a {asked} has no namespace; use the path for all namespaces")
    return asked


def _answer(
    moment: store.Moment | None,
    found: Sequence[declaration.Row],
    kind: str,
    namespace: str | None,
    name: str | None = None,
) -> declaration.Collection:
    """Return a list whose field `resource` says what was requested."""
    about = {"kind": kind, "namespace": namespace, "name": name}
    return declaration.Collection(
        rows=found,
        extra={"resource": {field: value for field, value in about.items() if value}},
        warnings=request.warnings(moment),
    )


def _one(moment: store.Moment | None, row: declaration.Row) -> declaration.Row:
    """Return a row for an answer of its own, with the warnings of the snapshot."""
    warnings = request.warnings(moment)
    return dataclasses.replace(row, warnings=warnings) if warnings else row


def group(
    view: api_view.SnapshotReader, *, columns: Sequence[tables.TableColumn] = tables.COLUMNS
) -> declaration.GroupVersion:
    """Return the API group, whose Tables have these columns."""
    printed = tables.Tables(columns)
    return declaration.GroupVersion(
        group=traffic_metrics.GROUP,
        version=traffic_metrics.VERSION,
        resources=(
            _trafficmetrics(view, printed),
            _trafficedges(view, printed),
            *(_of_kind(view, printed, kind) for kind in kinds.KINDS),
            splits.resource(view, printed),
        ),
        schemas=openapi.SCHEMAS,
    )


def _trafficmetrics(view: api_view.SnapshotReader, printed: tables.Tables) -> declaration.Resource:
    return _listing(
        "trafficmetrics",
        "trafficmetrics",
        short="tm",
        kind=traffic_metrics.METRICS_KIND,
        columns=printed.columns(tables.Table.METRICS),
        printer=printed.printer(tables.Table.METRICS),
        provider=TrafficMetrics(view),
        about="Requests, failures and latencies of every workload.",
    )


def _trafficedges(view: api_view.SnapshotReader, printed: tables.Tables) -> declaration.Resource:
    return _listing(
        "trafficedges",
        "trafficedge",
        short="te",
        kind=traffic_metrics.EDGE_KIND,
        columns=printed.columns(tables.Table.EDGES),
        printer=printed.printer(tables.Table.EDGES),
        provider=TrafficEdges(view),
        about="Requests, failures and latencies of every edge: callers and callees.",
    )


def _listing(
    plural: str,
    singular: str,
    *,
    short: str,
    kind: str,
    columns: Sequence[declaration.Column],
    printer: declaration.Printer,
    provider: declaration.Provider,
    about: str,
) -> declaration.Resource:
    """Return a resource that the specification does not have; a field selector chooses the kind."""
    return declaration.Resource(
        plural=plural,
        singular=singular,
        kind=kind,
        list_kind=f"{kind}List",
        scope=declaration.Scope.NAMESPACED,
        columns=columns,
        printer=printer,
        provider=provider,
        schema=kind,
        short_names=(short,),
        field_labels=frozenset({_KIND_FIELD}),
        parameters=request.PARAMETERS,
        description=about,
    )


def _of_kind(view: api_view.SnapshotReader, printed: tables.Tables, kind: kinds.Kind) -> declaration.Resource:
    # The objects have the kind TrafficMetrics, as specified. In discovery each resource has its own kind,
    # because kubectl finds a resource by its kind.
    provider = KindResource(view, kind)
    return declaration.Resource(
        plural=kind.plural,
        singular=kind.singular,
        kind=f"{kind.name}{traffic_metrics.METRICS_KIND}",
        list_kind=f"{traffic_metrics.METRICS_KIND}List",
        scope=declaration.Scope.NAMESPACED if kind.namespaced else declaration.Scope.CLUSTER,
        columns=printed.columns(tables.Table.METRICS),
        printer=printed.printer(tables.Table.METRICS),
        provider=provider,
        schema=traffic_metrics.METRICS_KIND,
        parameters=request.PARAMETERS,
        description=kind.about,
        subresources=(
            declaration.Subresource(
                name="edges",
                kind=traffic_metrics.METRICS_KIND,
                list_kind=f"{traffic_metrics.METRICS_KIND}List",
                columns=printed.columns(tables.Table.EDGES),
                printer=printed.printer(tables.Table.EDGES),
                fetch=provider.edges,
                description=f"Edges of one of the {kind.plural}: its callees and its callers.",
            ),
        ),
    )
