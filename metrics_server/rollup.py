"""Snapshot × ownership × kind: one row per resource, one row per edge.

Counts and buckets are summed over the reporters of a resource, and quantiles taken of the sum, never of
parts. Traffic a resource receives comes from its own proxies' server side. A service none of whose proxies
is scraped is told by its callers instead.

An edge is what a caller's proxy saw. Traffic that arrives at a resource of which no caller reports a call
is an edge from nobody known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metrics_server import ownership, quantile, snapshot, words

Floats = snapshot.Floats
Ints = snapshot.Ints
_NOBODY: tuple[words.Ref, ...] = ()
"""Stands last in a list of peers, where the index -1 of a peer that is not told finds it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What is known of some traffic over the window; None is "not known"."""

    side: words.Side
    success: float | None
    failure: float | None
    latency: tuple[float | None, ...]
    """Seconds, for each of words.QUANTILES."""
    clamped: tuple[bool, ...]
    """Whether a latency is only a lower limit: it lies beyond the last bound of the buckets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """All traffic a resource receives, and how many requests it sends."""

    resource: words.Ref
    figures: Figures
    sent: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """The traffic from one resource to another; the caller is words.UNKNOWN where no proxy reports it."""

    caller: words.Ref
    callee: words.Ref
    figures: Figures


class Rollup:
    """The rows of one snapshot, for one ownership."""

    def __init__(self, moment: snapshot.Snapshot, owners: ownership.Ownership) -> None:
        self._moment = moment
        self._owners = owners

    def received(self, kind: str) -> list[Received]:
        """Return a row for each resource of a kind with a scraped proxy, and each service that is called."""
        server, client = (self._moment.calls[side] for side in (words.Side.SERVER, words.Side.CLIENT))
        refs, groups = _number(self._owners.groups(kind))
        row, group = _spread(server.reporter, groups)
        figures = self._sum(server, row, group, len(refs), words.Side.SERVER)
        out_row, out_group = _spread(client.reporter, groups)
        sent = np.bincount(
            out_group, weights=(client.success + client.failure)[out_row], minlength=len(refs)
        ).tolist()
        rows = [
            Received(resource=ref, figures=figure, sent=out)
            for ref, figure, out in zip(refs, figures, sent, strict=True)
        ]
        return rows + (self._told_by_callers(set(refs)) if kind == words.SERVICE.name else [])

    def _told_by_callers(self, told: set[words.Ref]) -> list[Received]:
        """Return a row for each service that is called and has no scraped proxy."""
        client = self._moment.calls[words.Side.CLIENT]
        services = [self._owners.service(peer) for peer in self._moment.peers]
        wanted = [(ref,) if ref.kind == words.SERVICE.name and ref not in told else () for ref in services]
        refs, groups = _number([*wanted, _NOBODY])
        row, group = _spread(client.peer, groups)
        figures = self._sum(client, row, group, len(refs), words.Side.CLIENT)
        return [
            Received(resource=ref, figures=figure, sent=None)
            for ref, figure in zip(refs, figures, strict=True)
        ]

    def edges(self, kind: str) -> list[Edge]:
        """Return every edge; an end that is of no such kind stands for itself as workload or service."""
        client = self._moment.calls[words.Side.CLIENT]
        callers, callees = self._owners.callers(kind), [*self._owners.callees(kind), words.UNKNOWN]
        pairs = [
            (callers[reporter], callees[peer])
            for reporter, peer in zip(client.reporter.tolist(), client.peer.tolist(), strict=True)
        ]
        numbers: dict[tuple[words.Ref, words.Ref], int] = {}
        group = np.array([numbers.setdefault(pair, len(numbers)) for pair in pairs], dtype=np.int64)
        figures = self._sum(client, np.arange(len(client)), group, len(numbers), words.Side.CLIENT)
        seen = [
            Edge(caller=caller, callee=callee, figures=figure)
            for (caller, callee), figure in zip(numbers, figures, strict=True)
        ]
        return seen + self._from_nobody_known(kind)

    def _from_nobody_known(self, kind: str) -> list[Edge]:
        called = self._called(kind)
        return [
            Edge(caller=words.UNKNOWN, callee=row.resource, figures=row.figures)
            for row in self.received(kind)
            if row.resource not in called
            and row.figures.side is words.Side.SERVER
            and (row.figures.success or 0) + (row.figures.failure or 0) > 0
        ]

    def _called(self, kind: str) -> set[words.Ref]:
        """Return the resources of a kind that some proxy reports a call to, or may have behind a service."""
        called: set[words.Ref] = set(self._owners.callees(kind))
        for peer in self._moment.peers:
            service = self._owners.service(peer)
            called.add(service)
            units = self._owners.maybe_behind(service)
            called.update(ref for unit in units if (ref := self._owners.above(unit, kind)))
        return called

    def _sum(
        self, calls: snapshot.Calls, row: Ints, group: Ints, size: int, side: words.Side
    ) -> list[Figures]:
        """Return the figures of each group; `row` and `group` say which rows of `calls` belong to it."""
        success = np.bincount(group, weights=calls.success[row], minlength=size).astype(np.float64)
        failure = np.bincount(group, weights=calls.failure[row], minlength=size).astype(np.float64)
        if self._moment.told_from_start[side]:
            untold = np.bincount(group, minlength=size) == 0
            success[untold] = failure[untold] = np.nan
        latency = quantile.of(
            _add_rows(calls.buckets[row], group, size), bounds=self._moment.bounds, quantiles=words.QUANTILES
        )
        return [
            Figures(
                side=side,
                success=_known(ok),
                failure=_known(bad),
                latency=tuple(_known(value) for value in values),
                clamped=tuple(clamped),
            )
            for ok, bad, values, clamped in zip(
                success.tolist(),
                failure.tolist(),
                latency.values.tolist(),
                latency.clamped.tolist(),
                strict=True,
            )
        ]


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _number(groups: Sequence[tuple[words.Ref, ...]]) -> tuple[list[words.Ref], list[tuple[int, ...]]]:
    """Return the distinct resources in groups, and the groups by their numbers."""
    numbers: dict[words.Ref, int] = {}
    numbered = [tuple(numbers.setdefault(ref, len(numbers)) for ref in group) for group in groups]
    return list(numbers), numbered


def _spread(member: Ints, groups: Sequence[tuple[int, ...]]) -> tuple[Ints, Ints]:
    """Return (row, group) pairs: each row once for every group its member belongs to."""
    sizes = np.array([len(group) for group in groups], dtype=np.int64)
    flat = np.array([number for group in groups for number in group], dtype=np.int64)
    begins = np.cumsum(sizes) - sizes
    per_row = sizes[member]
    row = np.repeat(np.arange(len(member)), per_row)
    step = np.arange(len(row)) - np.repeat(np.cumsum(per_row) - per_row, per_row)
    return row, flat[begins[member[row]] + step]


def _add_rows(rows: Floats, group: Ints, size: int) -> Floats:
    """Return the sum of the rows of each group."""
    total = np.zeros((size, rows.shape[1]))
    if len(group):
        order = np.argsort(group, kind="stable")
        ordered = group[order]
        starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
        total[ordered[starts]] = np.add.reduceat(rows[order], starts, axis=0)
    return total
