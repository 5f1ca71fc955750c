"""`trafficsplits`: the share of traffic that a split asks for, and the observed share, per backend."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from apiservice.resources import declaration
from metrics_server.api import request, traffic_metrics
from metrics_server.api import view as api_view
from metrics_server.api.smi import split_rows, tables
from metrics_server.splits import model
from metrics_server.store import store

PLURAL = "trafficsplits"


@dataclass(frozen=True, slots=True)
class TrafficSplits:
    """One item per backend, named after its split. An item named like the split itself sums its backends."""

    view: api_view.SnapshotReader

    async def list(self, query: declaration.Query) -> declaration.Collection:
        """Return every backend of every split. Raises errors.StatusError."""
        moment = await self.view.moment(query)
        found = self._of(moment, query).rows if moment else []
        return self._answer(moment, found, query)

    async def get(self, query: declaration.Query) -> declaration.Row:
        """Return a backend of a split, or a split as a whole. Raises errors.StatusError."""
        moment = await self.view.moment(query)
        row = self._named(moment, query)
        warnings = (*request.warnings(moment), *self.view.of_splits(), *_unclear(row))
        return dataclasses.replace(row, warnings=warnings) if warnings else row

    async def edges(self, query: declaration.Query) -> declaration.Collection:
        """Return the callers of the backends of a split, or of one backend. Raises errors.StatusError."""
        moment = await self.view.moment(query)
        row = self._named(moment, query)
        found = moment and self._of(moment, query).callers(query.namespace or "", query.name or "")
        answer = self._answer(moment, [*(found or ())], query)
        return dataclasses.replace(answer, warnings=(*answer.warnings, *_unclear(row)))

    def _of(self, moment: store.Moment, query: declaration.Query) -> split_rows.Shares:
        return split_rows.of(moment, self.view.splits(), query.reach.namespace)

    def _named(self, moment: store.Moment | None, query: declaration.Query) -> declaration.Row:
        there = self._of(moment, query) if moment else None
        row = there and there.named(query.namespace or "", query.name or "")
        if row:
            return row
        declared = [request.HintName(split.ref.namespace, split.name) for split in self.view.splits()]
        asked = {(query.namespace, query.name), (query.namespace, (query.name or "").partition(":")[0])}
        if there is None and asked & {*declared}:
            raise query.not_found("it exists, but no proxy is scraped by Prometheus in its namespace")
        known = there.names if there else declared
        if alike := request.near(query.name or "", known, reach=query.reach):
            raise query.not_found(alike)
        some = request.some(known, reach=query.reach)
        raise query.not_found(f"splits are {some}" if some else "there are no splits here")

    def _answer(
        self, moment: store.Moment | None, found: Sequence[declaration.Row], query: declaration.Query
    ) -> declaration.Collection:
        about = {"kind": model.OBJECT, "namespace": query.namespace, "name": query.name}
        unclear = sum(1 for row in found if row.detail.part.unclear)
        left_out = (
            f"figures of {unclear} backends are left out; the annotation {split_rows.UNCLEAR_ANNOTATION} "
            "of each says why"
        )
        return declaration.Collection(
            rows=found,
            extra={"resource": {field: value for field, value in about.items() if value}},
            warnings=(
                *request.warnings(moment),
                *self.view.of_splits(),
                *((left_out,) if unclear else ()),
            ),
        )


def _unclear(row: declaration.Row) -> tuple[str, ...]:
    why = row.detail.part.unclear
    return (f"there are no figures: {why}",) if why else ()


def resource(view: api_view.SnapshotReader, printed: tables.Tables) -> declaration.Resource:
    """Return the resource of the group."""
    provider = TrafficSplits(view)
    return declaration.Resource(
        plural=PLURAL,
        singular=model.OBJECT.lower(),
        kind=f"{model.OBJECT}{traffic_metrics.METRICS_KIND}",
        list_kind=f"{traffic_metrics.METRICS_KIND}List",
        scope=declaration.Scope.NAMESPACED,
        columns=printed.columns(tables.Table.SPLITS),
        printer=printed.printer(tables.Table.SPLITS),
        provider=provider,
        schema=traffic_metrics.METRICS_KIND,
        parameters=request.PARAMETERS,
        description="The share of traffic that each backend of a split received, and its target.",
        subresources=(
            declaration.Subresource(
                name="edges",
                kind=traffic_metrics.METRICS_KIND,
                list_kind=f"{traffic_metrics.METRICS_KIND}List",
                columns=printed.columns(tables.Table.SPLIT_EDGES),
                printer=printed.printer(tables.Table.SPLIT_EDGES),
                fetch=provider.edges,
                description=f"Callers of the backends of one of the {PLURAL}.",
            ),
        ),
    )
