"""Snapshot × ownership × kind: one row per resource, one row per edge.

Counts and buckets are summed over the reporters of a resource, and quantiles taken of the sum, never of
parts. Traffic a resource receives comes from its own proxies' server side. A service none of whose proxies
is scraped is told by its callers instead.

An edge is what a caller's proxy saw. Traffic that arrives at a resource of which no caller reports a call
is an edge from nobody known.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from metrics_server import ownership, quantile, snapshot, words

Floats = snapshot.Floats
Ints = snapshot.Ints
Quantiles = tuple[float, ...]
_NOBODY: tuple[words.Ref, ...] = ()
"""Stands last in a list of peers, where the index -1 of a peer that is not told finds it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What is known of some traffic over the window; None is "not known"."""

    side: words.Side
    success: float | None
    failure: float | None
    latency: tuple[float | None, ...]
    """Seconds, for each of the quantiles asked for."""
    clamped: tuple[bool, ...]
    """Whether a latency is only a lower limit: it lies beyond the last bound of the buckets."""
    rate: float | None
    """Requests per second; of proxies that have just begun to be scraped, over the time since."""


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
        self._seconds = np.array([_seconds(span, moment) for span in moment.spans], dtype=np.float64)
        """Over which the requests of each reporter were counted; NaN if that is too short to tell a rate."""

    def received(self, kind: str, quantiles: Quantiles = words.QUANTILES) -> list[Received]:
        """Return a row for each resource of a kind with a scraped proxy, and each service that is called."""
        server, client = (self._moment.calls[side] for side in (words.Side.SERVER, words.Side.CLIENT))
        refs, groups = _number(self._owners.groups(kind))
        row, group = _spread(server.reporter, groups)
        figures = self._sum(server, row, group, len(refs), words.Side.SERVER, quantiles)
        out_row, out_group = _spread(client.reporter, groups)
        sent = np.bincount(
            out_group, weights=(client.success + client.failure)[out_row], minlength=len(refs)
        ).tolist()
        rows = [
            Received(resource=ref, figures=figure, sent=out)
            for ref, figure, out in zip(refs, figures, sent, strict=True)
        ]
        return rows + (self._told_by_callers(set(refs), quantiles) if kind == words.SERVICE.name else [])

    def sent(self, kind: str, quantiles: Quantiles = words.QUANTILES) -> dict[words.Ref, Figures]:
        """Return what each resource of a kind with a scraped proxy sends."""
        client = self._moment.calls[words.Side.CLIENT]
        refs, groups = _number(self._owners.groups(kind))
        row, group = _spread(client.reporter, groups)
        figures = self._sum(client, row, group, len(refs), words.Side.CLIENT, quantiles)
        return dict(zip(refs, figures, strict=True))

    def between(
        self,
        side: words.Side,
        reporters: Collection[int] | None,
        peers: Collection[int] | None,
        quantiles: Quantiles = words.QUANTILES,
    ) -> Figures:
        """Return what some reporters saw of some peers on a side, by their numbers; None means any."""
        calls = self._moment.calls[side]
        chosen = np.ones(len(calls), dtype=np.bool_)
        for column, wanted in ((calls.reporter, reporters), (calls.peer, peers)):
            if wanted is not None:
                chosen &= np.isin(column, np.array([*wanted], dtype=np.int64))
        rows = np.flatnonzero(chosen)
        (figures,) = self._sum(calls, rows, np.zeros_like(rows), 1, side, quantiles)
        return figures

    def _told_by_callers(self, told: set[words.Ref], quantiles: Quantiles) -> list[Received]:
        """Return a row for each service that is called and has no scraped proxy."""
        client = self._moment.calls[words.Side.CLIENT]
        services = [self._owners.service(peer) for peer in self._moment.peers]
        wanted = [(ref,) if ref.kind == words.SERVICE.name and ref not in told else () for ref in services]
        refs, groups = _number([*wanted, _NOBODY])
        row, group = _spread(client.peer, groups)
        figures = self._sum(client, row, group, len(refs), words.Side.CLIENT, quantiles)
        return [
            Received(resource=ref, figures=figure, sent=None)
            for ref, figure in zip(refs, figures, strict=True)
        ]

    def edges(self, kind: str) -> list[Edge]:
        """Return every edge; an end that is of no such kind stands for itself as workload or service."""
        client = self._moment.calls[words.Side.CLIENT]
        callers, callees = self._owners.callers(kind), [*self._owners.peers(kind), words.UNKNOWN]
        pairs = [
            (callers[reporter], callees[peer])
            for reporter, peer in zip(client.reporter.tolist(), client.peer.tolist(), strict=True)
        ]
        numbers: dict[tuple[words.Ref, words.Ref], int] = {}
        group = np.array([numbers.setdefault(pair, len(numbers)) for pair in pairs], dtype=np.int64)
        rows = np.arange(len(client))
        figures = self._sum(client, rows, group, len(numbers), words.Side.CLIENT, words.QUANTILES)
        seen = [
            Edge(caller=caller, callee=callee, figures=figure)
            for (caller, callee), figure in zip(numbers, figures, strict=True)
        ]
        return seen + self._told_by_callees(kind, set(callers)) + self._from_nobody_known(kind)

    def _told_by_callees(self, kind: str, telling: set[words.Ref]) -> list[Edge]:
        """Return the edges whose callers only the callees know; `telling` are those who tell themselves."""
        server = self._moment.calls[words.Side.SERVER]
        peers, groups = [*self._owners.peers(kind), words.UNKNOWN], self._owners.callers(kind)
        numbers: dict[tuple[words.Ref, words.Ref], int] = {}
        rows, group = [], []
        for row, (reporter, peer) in enumerate(
            zip(server.reporter.tolist(), server.peer.tolist(), strict=True)
        ):
            if peers[peer] != words.UNKNOWN and peers[peer] not in telling:
                rows.append(row)
                group.append(numbers.setdefault((peers[peer], groups[reporter]), len(numbers)))
        figures = self._sum(
            server, np.array(rows, dtype=np.int64), np.array(group, dtype=np.int64), len(numbers),
            words.Side.SERVER, words.QUANTILES,
        )  # fmt: skip
        return [
            Edge(caller=caller, callee=callee, figures=figure)
            for (caller, callee), figure in zip(numbers, figures, strict=True)
        ]

    def _from_nobody_known(self, kind: str) -> list[Edge]:
        """Return what arrives from nobody who could be named: by the called one's word, where it knows."""
        if self._moment.callers_told:
            arrived = self._from_no_peer(kind)
        else:
            called = self._called(kind)
            arrived = [
                (row.resource, row.figures)
                for row in self.received(kind)
                if row.resource not in called and row.figures.side is words.Side.SERVER
            ]
        return [
            Edge(caller=words.UNKNOWN, callee=callee, figures=figures)
            for callee, figures in arrived
            if (figures.success or 0) + (figures.failure or 0) > 0
        ]

    def _from_no_peer(self, kind: str) -> list[tuple[words.Ref, Figures]]:
        server = self._moment.calls[words.Side.SERVER]
        refs, groups = _number([(ref,) for ref in self._owners.callers(kind)])
        row, group = _spread(server.reporter, groups)
        nameless = server.peer[row] < 0
        figures = self._sum(
            server, row[nameless], group[nameless], len(refs), words.Side.SERVER, words.QUANTILES
        )
        return list(zip(refs, figures, strict=True))

    def _called(self, kind: str) -> set[words.Ref]:
        """Return the resources of a kind that some proxy reports a call to, or may have behind a service."""
        everybody = self._owners.peers(kind)
        numbers = set(self._moment.calls[words.Side.CLIENT].peer.tolist()) - {-1}
        called = {everybody[number] for number in numbers}
        for number in numbers:
            service = self._owners.service(self._moment.peers[number])
            if service == words.UNKNOWN:
                continue  # told as a pod or a workload: nobody else may be behind it
            called.add(service)
            units = self._owners.maybe_behind(service)
            called.update(ref for unit in units if (ref := self._owners.above(unit, kind)))
        return called

    def _sum(
        self,
        calls: snapshot.Calls,
        row: Ints,
        group: Ints,
        size: int,
        side: words.Side,
        quantiles: Quantiles,
    ) -> list[Figures]:
        """Return the figures of each group; `row` and `group` say which rows of `calls` belong to it."""
        success = np.bincount(group, weights=calls.success[row], minlength=size).astype(np.float64)
        failure = np.bincount(group, weights=calls.failure[row], minlength=size).astype(np.float64)
        if self._moment.told_from_start[side]:
            untold = np.bincount(group, minlength=size) == 0
            success[untold] = failure[untold] = np.nan
        buckets = _add_rows(calls.buckets[row], group, size) if quantiles else np.zeros((size, 0))
        latency = quantile.of(buckets, bounds=self._moment.bounds, quantiles=quantiles)
        rates = self._rates(calls, row, group, size) + 0.0 * success
        return [
            Figures(
                side=side,
                success=_known(ok),
                failure=_known(bad),
                latency=tuple(_known(value) for value in values),
                clamped=tuple(clamped),
                rate=_known(rate),
            )
            for ok, bad, values, clamped, rate in zip(
                success.tolist(),
                failure.tolist(),
                latency.values.tolist(),
                latency.clamped.tolist(),
                rates.tolist(),
                strict=True,
            )
        ]

    def _rates(self, calls: snapshot.Calls, row: Ints, group: Ints, size: int) -> Floats:
        """Return requests per second of each group; NaN where none of its reporters is known long enough."""
        seconds = self._seconds[calls.reporter[row]]
        told = np.isfinite(seconds)
        requests = calls.success[row] + calls.failure[row]
        rates = np.bincount(group[told], weights=requests[told] / seconds[told], minlength=size).astype(
            np.float64
        )
        untold = np.bincount(group, weights=~told, minlength=size)
        rates[(untold > 0) & (untold == np.bincount(group, minlength=size))] = np.nan
        return rates


def _seconds(span: snapshot.Span, moment: snapshot.Snapshot) -> float:
    """Return how long a reporter's requests were counted. Of one that was born later nothing is missing."""
    start = moment.taken - moment.window
    if span.born or span.since <= start:
        return moment.window
    return span.seconds if span.tells_a_rate(moment.interval) else math.nan


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
