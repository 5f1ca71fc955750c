"""Snapshot × ownership × kind: one row per resource, one row per edge.

Counts and buckets are summed over the reporters of a resource, and quantiles taken of the sum, never of
parts. Traffic a resource receives comes from its own proxies' server side. A service none of whose proxies
is scraped is told by its callers instead.

An edge is what a caller's proxy saw; how long its requests took, in a mesh that times them where they arrive
alone, what the called one's saw. Traffic that arrives at a resource of which no caller reports a call is an
edge from nobody known.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence

import numpy as np

from metrics_server.aggregate import figures
from metrics_server.model import kinds, snapshot
from metrics_server.ownership import graph

Ints = snapshot.Ints
Bools = snapshot.Bools
Quantiles = figures.Quantiles
Figures = figures.Figures
_NOBODY: tuple[kinds.Ref, ...] = ()
"""Stands last in a list of peers, where the index -1 of a peer that is not told finds it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """All traffic a resource receives, and how many requests it sends."""

    resource: kinds.Ref
    figures: Figures
    sent: float | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """The traffic from one resource to another; the caller is words.UNKNOWN where no proxy reports it."""

    caller: kinds.Ref
    callee: kinds.Ref
    figures: Figures


class Rollup:
    """The rows of one snapshot, for one ownership."""

    def __init__(self, moment: snapshot.Snapshot, owners: graph.Ownership) -> None:
        self._moment = moment
        self._owners = owners
        self._summing = figures.Summing(moment)
        self._knows_callers = np.array([moment.meshes[mesh].callers_told for mesh in moment.mesh], dtype=bool)
        """Which reporters know who calls them."""

    def received(self, kind: str, quantiles: Quantiles = kinds.QUANTILES) -> list[Received]:
        """Return a row for each resource of a kind with a scraped proxy, and each service that is called."""
        server, client = (self._moment.calls[side] for side in (kinds.Side.SERVER, kinds.Side.CLIENT))
        refs, groups = _number(self._owners.groups(kind))
        row, group = _spread(server.reporter, groups)
        told = self._summing.told(groups, len(refs))
        figures = self._summing.of(kinds.Side.SERVER, row, group, told, quantiles)
        out = self._summing.of(kinds.Side.CLIENT, *_spread(client.reporter, groups), told, ())
        rows = [
            Received(resource=ref, figures=figure, sent=_all(sent))
            for ref, figure, sent in zip(refs, figures, out, strict=True)
        ]
        return rows + (self._told_by_callers(set(refs), quantiles) if kind == kinds.SERVICE.name else [])

    def sent(self, kind: str, quantiles: Quantiles = kinds.QUANTILES) -> dict[kinds.Ref, Figures]:
        """Return what each resource of a kind with a scraped proxy sends."""
        client = self._moment.calls[kinds.Side.CLIENT]
        refs, groups = _number(self._owners.groups(kind))
        row, group = _spread(client.reporter, groups)
        told = self._summing.told(groups, len(refs))
        figures = self._summing.of(kinds.Side.CLIENT, row, group, told, quantiles)
        return dict(zip(refs, figures, strict=True))

    def between(
        self,
        side: kinds.Side,
        reporters: Collection[int] | None,
        peers: Collection[int] | None,
        quantiles: Quantiles = kinds.QUANTILES,
    ) -> Figures:
        """Return what some reporters saw of some peers on a side, by their numbers; None means any."""
        calls = self._moment.calls[side]
        chosen = np.ones(len(calls), dtype=np.bool_)
        for column, wanted in ((calls.reporter, reporters), (calls.peer, peers)):
            if wanted is not None:
                chosen &= np.isin(column, np.array([*wanted], dtype=np.int64))
        rows = np.flatnonzero(chosen)
        asked = range(len(self._moment.reporters)) if reporters is None else reporters
        told = self._summing.told(
            [(0,) if number in asked else () for number in range(len(self._moment.reporters))], 1
        )
        (figures,) = self._summing.of(side, rows, np.zeros_like(rows), told, quantiles)
        return figures

    def _told_by_callers(self, covered: set[kinds.Ref], quantiles: Quantiles) -> list[Received]:
        """Return a row for each service that is called and has no scraped proxy."""
        client = self._moment.calls[kinds.Side.CLIENT]
        services = [self._owners.service(peer) for peer in self._moment.peers]
        wanted = [(ref,) if ref.kind == kinds.SERVICE.name and ref not in covered else () for ref in services]
        refs, groups = _number([*wanted, _NOBODY])
        row, group = _spread(client.peer, groups)
        told = self._summing.told_in_rows(kinds.Side.CLIENT, row, group, len(refs))
        figures = self._summing.of(kinds.Side.CLIENT, row, group, told, quantiles)
        return [
            Received(resource=ref, figures=figure, sent=None)
            for ref, figure in zip(refs, figures, strict=True)
        ]

    def tells(self, reporters: Collection[int]) -> bool:
        """Return whether some of these reporters told of a call that they sent, and not only of what they
        received.
        """
        told = self._moment.calls[kinds.Side.CLIENT].reporter
        return bool(np.isin(told, np.array([*reporters], dtype=np.int64)).any())

    def edges(self, kind: str) -> list[Edge]:
        """Return every edge; an end that is of no such kind stands for itself as workload or service."""
        client = self._moment.calls[kinds.Side.CLIENT]
        callers, callees = self._owners.callers(kind), [*self._owners.peers(kind), kinds.UNKNOWN]
        pairs = [
            (callers[reporter], callees[peer])
            for reporter, peer in zip(client.reporter.tolist(), client.peer.tolist(), strict=True)
        ]
        numbers: dict[tuple[kinds.Ref, kinds.Ref], int] = {}
        group = np.array([numbers.setdefault(pair, len(numbers)) for pair in pairs], dtype=np.int64)
        seen = self._edges(kinds.Side.CLIENT, np.arange(len(client)), group, list(numbers))
        telling = {callers[reporter] for reporter in client.reporter.tolist()}
        return self._timed(kind, seen) + self._told_by_callees(kind, telling) + self._from_nobody_known(kind)

    def _edges(
        self, side: kinds.Side, rows: Ints, group: Ints, pairs: Sequence[tuple[kinds.Ref, kinds.Ref]]
    ) -> list[Edge]:
        """Return an edge for each pair; `group` says which one each row belongs to."""
        told = self._summing.told_in_rows(side, rows, group, len(pairs))
        figures = self._summing.of(side, rows, group, told, kinds.QUANTILES)
        return [
            Edge(caller=caller, callee=callee, figures=figure)
            for (caller, callee), figure in zip(pairs, figures, strict=True)
        ]

    def _timed(self, kind: str, edges: list[Edge]) -> list[Edge]:
        """Return edges with the latencies that the called ones tell, where callers time nothing."""
        timing = np.array(
            [self._moment.meshes[mesh].timed_by_callees for mesh in self._moment.mesh], dtype=bool
        )
        if not timing.any():
            return edges
        told = {
            (edge.caller, edge.callee): edge.figures
            for edge in self._arrived(kind, timing[self._moment.calls[kinds.Side.SERVER].reporter])
        }
        return [
            dataclasses.replace(
                edge, figures=_with_latency(edge.figures, told.get((edge.caller, edge.callee)))
            )
            for edge in edges
        ]

    def _told_by_callees(self, kind: str, telling: set[kinds.Ref]) -> list[Edge]:
        """Return the edges whose callers only the callees know; `telling` are those who tell themselves."""
        server = self._moment.calls[kinds.Side.SERVER]
        return self._arrived(kind, np.ones(len(server), dtype=np.bool_), telling)

    def _arrived(self, kind: str, chosen: Bools, telling: Collection[kinds.Ref] = ()) -> list[Edge]:
        """Return the edges that some rows of the called ones' side tell, but for those of some callers."""
        server = self._moment.calls[kinds.Side.SERVER]
        peers, groups = [*self._owners.peers(kind), kinds.UNKNOWN], self._owners.callers(kind)
        numbers: dict[tuple[kinds.Ref, kinds.Ref], int] = {}
        rows, group = [], []
        for row, (reporter, peer, is_chosen) in enumerate(
            zip(server.reporter.tolist(), server.peer.tolist(), chosen.tolist(), strict=True)
        ):
            if is_chosen and peers[peer] != kinds.UNKNOWN and peers[peer] not in telling:
                rows.append(row)
                group.append(numbers.setdefault((peers[peer], groups[reporter]), len(numbers)))
        return self._edges(
            kinds.Side.SERVER,
            np.array(rows, dtype=np.int64),
            np.array(group, dtype=np.int64),
            list(numbers),
        )

    def _from_nobody_known(self, kind: str) -> list[Edge]:
        """Return what arrives from nobody who could be named: by the called one's word, where it knows; else
        where nobody reports a call.
        """
        server = self._moment.calls[kinds.Side.SERVER]
        knows, nameless = self._knows_callers[server.reporter], server.peer < 0
        by_their_word = self._from_nobody([(ref,) for ref in self._owners.callers(kind)], knows & nameless)
        by_others = self._from_nobody(self._owners.groups(kind), ~knows)
        edges = []
        if by_their_word:
            # Who calls in the words of another mesh may be nobody to the one that is called.
            foreign = self._called(kind, ~self._knows_callers)
            edges += [edge for edge in by_their_word if edge.callee not in foreign]
        if by_others:
            called = self._called(kind, np.ones_like(self._knows_callers))
            edges += [edge for edge in by_others if edge.callee not in called]
        return edges

    def _from_nobody(self, resources: Sequence[tuple[kinds.Ref, ...]], chosen: Bools) -> list[Edge]:
        """Return an edge to each resource for some rows of the called ones' side; not for none."""
        server = self._moment.calls[kinds.Side.SERVER]
        refs, groups = _number(resources)
        row, group = _spread(server.reporter, groups)
        kept = chosen[row]
        edges = self._edges(
            kinds.Side.SERVER, row[kept], group[kept], [(kinds.UNKNOWN, callee) for callee in refs]
        )
        return [e for e in edges if (e.figures.success or 0) + (e.figures.failure or 0) > 0]

    def _called(self, kind: str, by: Bools) -> set[kinds.Ref]:
        """Return the resources of a kind that some of these reporters report a call to, or may have behind a
        service.
        """
        everybody = self._owners.peers(kind)
        client = self._moment.calls[kinds.Side.CLIENT]
        numbers = set(client.peer[by[client.reporter]].tolist()) - {-1}
        called = {everybody[number] for number in numbers}
        for number in numbers:
            peer = self._moment.peers[number]
            service = self._owners.service(peer)
            if service == kinds.UNKNOWN or peer.pod:
                continue  # told as a pod or a workload: nobody else may be behind it
            called.add(service)
            units = self._owners.maybe_behind(service)
            called.update(ref for unit in units if (ref := self._owners.above(unit, kind)))
        return called


def _with_latency(figures: Figures, other: Figures | None) -> Figures:
    """Return figures with the latencies of others, unless they have their own."""
    if other is None or any(value is not None for value in figures.latency):
        return figures
    return dataclasses.replace(
        figures, latency=other.latency, clamped=other.clamped, approximate=other.approximate
    )


def _all(figures: Figures) -> float | None:
    """Return how many requests there were, whatever became of them."""
    if figures.success is None or figures.failure is None:
        return None
    return figures.success + figures.failure


def _number(groups: Sequence[tuple[kinds.Ref, ...]]) -> tuple[list[kinds.Ref], list[tuple[int, ...]]]:
    """Return the distinct resources in groups, and the groups by their numbers."""
    numbers: dict[kinds.Ref, int] = {}
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
