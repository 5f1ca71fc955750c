"""The splits of a snapshot, ready to be served: a row for each backend, each split and each caller."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from apiservice.resources import declaration
from metrics_server.aggregate import split_traffic
from metrics_server.api import request, traffic_metrics
from metrics_server.api.smi import rows
from metrics_server.model import kinds, quantity
from metrics_server.splits import model
from metrics_server.store import store

SHARE = "request_share"
UNCLEAR_ANNOTATION = f"{traffic_metrics.GROUP}/unclear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail(rows.Detail):
    """What a table prints and the object does not contain."""

    part: split_traffic.Part


class Shares:
    """The splits of one namespace, or of all, in one snapshot."""

    def __init__(self, moment: store.Moment, splits: Sequence[model.Split], namespace: str | None) -> None:
        self._moment = moment
        self._splits = {
            (split.ref.namespace, split.name): split
            for split in splits
            if namespace in (None, split.ref.namespace)
        }
        chosen = list(self._splits.values())
        self._sharing = split_traffic.Sharing(moment.snapshot, moment.owners, chosen)
        self.rows = [self._row(part) for part in self._sharing.parts()]
        self._parts = {(row.detail.part.split.ref.namespace, row.detail.name): row for row in self.rows}

    @property
    def names(self) -> list[request.HintName]:
        """Return the names of splits and of their backends, for hints."""
        return [request.HintName(*place) for place in (*self._splits, *self._parts)]

    def named(self, namespace: str, name: str) -> declaration.Row | None:
        """Return a backend of a split, or a split as a whole."""
        if split := self._splits.get((namespace, name)):
            return self._row(self._sharing.whole(split))
        return self._parts.get((namespace, name))

    def callers(self, namespace: str, name: str) -> Iterable[declaration.Row]:
        """Return a row for each caller of the backends of a split, or of one backend."""
        row = self.named(namespace, name)
        if row is None:
            return
        asked: split_traffic.Part = row.detail.part
        for part in self._sharing.callers(asked.split):
            if asked.backend is None or part.name == asked.name:
                yield self._row(part)

    def _row(self, part: split_traffic.Part) -> declaration.Row:
        taken, ref = self._moment.snapshot, part.split.ref
        when = traffic_metrics.SampleTime(timestamp=taken.timestamp, window=taken.window)
        observed = traffic_metrics.Observation(
            resource=ref, direction=kinds.Direction.FROM, peer=part.caller, figures=part.figures
        )
        item = traffic_metrics.item(
            observed,
            kind=traffic_metrics.METRICS_KIND,
            name=part.name,
            namespace=ref.namespace,
            labels=part.split.labels,
            moment=when,
        )
        detail = Detail(observed=observed, moment=when, name=part.name, part=part)
        return declaration.Row(_completed(item, part), detail)


def of(moment: store.Moment, splits: Sequence[model.Split], namespace: str | None) -> Shares:
    """Return the splits of a namespace, or of all."""
    return moment.once(("splits", namespace), lambda: Shares(moment, splits, namespace))


def _completed(item: dict[str, Any], part: split_traffic.Part) -> dict[str, Any]:
    """Return an item with the fields that only items of splits have."""
    metadata, metrics = item["metadata"], item["metrics"]
    if part.unclear:
        annotations = {**metadata["annotations"], UNCLEAR_ANNOTATION: part.unclear}
        metadata = {**metadata, "annotations": annotations}
    if part.share is not None:
        metrics = [*metrics, {"name": SHARE, "value": quantity.render(part.share)}]
    backend = {} if part.backend is None else {"backend": _backend(part.split, part.backend)}
    return {**item, "metadata": metadata, **backend, "metrics": metrics}


def _backend(split: model.Split, backend: model.Backend) -> dict[str, Any]:
    described: dict[str, Any] = {"apex": split.apex, "name": backend.called.partition("@")[0]}
    if backend.service.namespace not in ("", split.ref.namespace):
        described["namespace"] = backend.service.namespace
    if backend.subset:
        described["subset"] = backend.subset
    return {**described, "weight": backend.weight}
