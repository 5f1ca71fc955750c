"""A moment's splits, named and ready to be served: an item per backend, or per split, or per caller."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from apiservice import resources
from metrics_server import quantity, sharing, store, traffic, words
from metrics_server.splits import values
from metrics_server.views import questions, rows

SHARE = "request_share"
UNCLEAR_ANNOTATION = f"{traffic.GROUP}/unclear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail(rows.Detail):
    """What a table prints beside the object."""

    part: sharing.Part


class Shares:
    """The splits of one namespace, or of all, at one moment."""

    def __init__(self, moment: store.Moment, splits: Sequence[values.Split], namespace: str | None) -> None:
        self._moment = moment
        self._splits = {
            (split.ref.namespace, split.name): split
            for split in splits
            if namespace in (None, split.ref.namespace)
        }
        chosen = list(self._splits.values())
        self._sharing = sharing.Sharing(moment.snapshot, moment.owners, chosen)
        self.rows = [self._row(part) for part in self._sharing.parts()]
        self._parts = {(row.detail.part.split.ref.namespace, row.detail.name): row for row in self.rows}

    @property
    def names(self) -> list[questions.Named]:
        """The names of splits and of their backends, for hints."""
        return [questions.Named(*place) for place in (*self._splits, *self._parts)]

    def named(self, namespace: str, name: str) -> resources.Row | None:
        """Return a backend of a split, or a split as a whole."""
        if split := self._splits.get((namespace, name)):
            return self._row(self._sharing.whole(split))
        return self._parts.get((namespace, name))

    def callers(self, namespace: str, name: str) -> Iterable[resources.Row]:
        """Return who calls the backends of a split, or one of them."""
        row = self.named(namespace, name)
        if row is None:
            return
        asked: sharing.Part = row.detail.part
        for part in self._sharing.callers(asked.split):
            if asked.backend is None or part.name == asked.name:
                yield self._row(part)

    def _row(self, part: sharing.Part) -> resources.Row:
        taken, ref = self._moment.snapshot, part.split.ref
        when = traffic.Moment(timestamp=taken.timestamp, window=taken.window)
        observed = traffic.Observation(
            resource=ref, direction=words.Direction.FROM, peer=part.caller, figures=part.figures
        )
        item = traffic.item(
            observed,
            kind=traffic.METRICS_KIND,
            name=part.name,
            namespace=ref.namespace,
            labels=part.split.labels,
            moment=when,
        )
        detail = Detail(observed=observed, moment=when, name=part.name, part=part)
        return resources.Row(_completed(item, part), detail)


def of(moment: store.Moment, splits: Sequence[values.Split], namespace: str | None) -> Shares:
    """Return the splits of a namespace, or of all."""
    return moment.once(("splits", namespace), lambda: Shares(moment, splits, namespace))


def _completed(item: dict[str, Any], part: sharing.Part) -> dict[str, Any]:
    """Return an item with what only items of splits have."""
    metadata, metrics = item["metadata"], item["metrics"]
    if part.unclear:
        annotations = {**metadata["annotations"], UNCLEAR_ANNOTATION: part.unclear}
        metadata = {**metadata, "annotations": annotations}
    if part.share is not None:
        metrics = [*metrics, {"name": SHARE, "value": quantity.render(part.share)}]
    backend = {} if part.backend is None else {"backend": _backend(part.split, part.backend)}
    return {**item, "metadata": metadata, **backend, "metrics": metrics}


def _backend(split: values.Split, backend: values.Backend) -> dict[str, Any]:
    told: dict[str, Any] = {"apex": split.apex, "name": backend.called.partition("@")[0]}
    if backend.service.namespace not in ("", split.ref.namespace):
        told["namespace"] = backend.service.namespace
    if backend.subset:
        told["subset"] = backend.subset
    return {**told, "weight": backend.weight}
