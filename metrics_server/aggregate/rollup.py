"""Sums a snapshot by resource and by edge: one set of figures for each resource or edge of a kind.

Counts and histograms are summed over the reporters of a resource; quantiles are computed from the sums.

* The traffic that a resource receives comes from the server side of its own proxies. A service without a
  scraped proxy has the client side of its callers instead.
* An edge comes from the client side of the caller's proxies. In a mesh that times requests only at the
  callee, its latency comes from the server side of the callee's proxies.
* Requests that arrive at a resource to which no caller reports a request are an edge from an unknown caller.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence

import numpy as np

from metrics_server.aggregate import figures, row_groups
from metrics_server.model import kinds, number_types, snapshot
from metrics_server.ownership import graph

Bools = snapshot.Bools
Quantiles = figures.Quantiles
Figures = figures.Figures
_UNKNOWN_PEER: tuple[kinds.Ref, ...] = ()
"""The last entry of a list with one entry per peer: the index -1 of an unknown peer selects it."""
_ONLY = (number_types.GroupNumber(0),)
"""The groups of a reporter where there is one group."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """All traffic that a resource receives, and the requests that it sends."""

    resource: kinds.Ref
    figures: Figures
    """Of the requests received."""
    sent: Figures | None
    """Of the requests sent, without latencies; None if no proxy of the resource is scraped."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """The traffic from one resource to another. An unknown caller is kinds.UNKNOWN."""

    caller: kinds.Ref
    callee: kinds.Ref
    figures: Figures


class Rollup:
    """Computes figures by resource and by edge from one snapshot and its ownership."""

    def __init__(self, moment: snapshot.Snapshot, owners: graph.Ownership) -> None:
        self._snapshot = moment
        self._owners = owners
        self._summing = figures.Summing(moment)
        self._knows_callers = np.array(
            [moment.meshes[mesh].names_callers for mesh in moment.mesh], dtype=bool
        )
        """bool, one per reporter: whether the server side of its mesh names the caller."""

    def received(self, kind: str, quantiles: Quantiles = kinds.QUANTILES) -> list[Received]:
        """Return the traffic of each resource of a kind with a scraped proxy, and of each called service.

        `quantiles`: which latencies `figures` has, each from 0 to 1.
        """
        server, client = (self._snapshot.calls[side] for side in (kinds.Side.SERVER, kinds.Side.CLIENT))
        refs, groups = row_groups.number(self._owners.groups(kind))
        row, group = row_groups.spread(server.reporter, groups)
        reported = self._summing.reported(groups, _are_pods(refs))
        figures = self._summing.of(kinds.Side.SERVER, row, group, reported, quantiles)
        out = self._summing.of(kinds.Side.CLIENT, *row_groups.spread(client.reporter, groups), reported, ())
        rows = [
            Received(resource=ref, figures=figure, sent=sent)
            for ref, figure, sent in zip(refs, figures, out, strict=True)
        ]
        return rows + (self._seen_by_callers(set(refs), quantiles) if kind == kinds.SERVICE.name else [])

    def sent(self, kind: str, quantiles: Quantiles = kinds.QUANTILES) -> dict[kinds.Ref, Figures]:
        """Return the figures of the requests that each resource of a kind with a scraped proxy sends."""
        client = self._snapshot.calls[kinds.Side.CLIENT]
        refs, groups = row_groups.number(self._owners.groups(kind))
        row, group = row_groups.spread(client.reporter, groups)
        reported = self._summing.reported(groups, _are_pods(refs))
        figures = self._summing.of(kinds.Side.CLIENT, row, group, reported, quantiles)
        return dict(zip(refs, figures, strict=True))

    def between(
        self,
        side: kinds.Side,
        reporters: Collection[number_types.ReporterNumber] | None,
        peers: Collection[number_types.PeerNumber] | None,
        quantiles: Quantiles = kinds.QUANTILES,
        *,
        of_pod: bool = False,
    ) -> Figures:
        """Return the figures of the requests between some reporters and some peers, observed on one side.

        Reporters and peers are their numbers in the snapshot; None means all of them. `of_pod`: the reporters
        are those of one pod.
        """
        calls = self._snapshot.calls[side]
        chosen = np.ones(len(calls), dtype=np.bool_)
        for column, wanted in ((calls.reporter, reporters), (calls.peer, peers)):
            if wanted is not None:
                chosen &= np.isin(column, np.array([*wanted], dtype=np.int64))
        rows = np.flatnonzero(chosen)
        all_reporters = range(len(self._snapshot.reporters))
        asked: Collection[int] = all_reporters if reporters is None else reporters
        reported = self._summing.reported(
            [_ONLY if number in asked else () for number in all_reporters], [of_pod]
        )
        (figures,) = self._summing.of(side, rows, np.zeros_like(rows), reported, quantiles)
        return figures

    def _seen_by_callers(self, covered: set[kinds.Ref], quantiles: Quantiles) -> list[Received]:
        """Return the client side's view of each called service that is not in `covered`."""
        client = self._snapshot.calls[kinds.Side.CLIENT]
        services = [self._owners.service(peer) for peer in self._snapshot.peers]
        wanted = [(ref,) if ref.kind == kinds.SERVICE.name and ref not in covered else () for ref in services]
        refs, groups = row_groups.number([*wanted, _UNKNOWN_PEER])
        row, group = row_groups.spread(client.peer, groups)
        reported = self._summing.reported_in_rows(kinds.Side.CLIENT, row, group, _are_pods(refs))
        figures = self._summing.of(kinds.Side.CLIENT, row, group, reported, quantiles)
        return [
            Received(resource=ref, figures=figure, sent=None)
            for ref, figure in zip(refs, figures, strict=True)
        ]

    def reports(self, reporters: Collection[number_types.ReporterNumber]) -> bool:
        """Return whether one of these reporters (by number) reports requests on the client side."""
        senders = self._snapshot.calls[kinds.Side.CLIENT].reporter
        return bool(np.isin(senders, np.array([*reporters], dtype=np.int64)).any())

    def edges(self, kind: str) -> list[Edge]:
        """Return every edge between resources of a kind.

        An end that has no resource of that kind is shown as its workload, service or host.
        """
        client = self._snapshot.calls[kinds.Side.CLIENT]
        callers, callees = self._owners.callers(kind), [*self._owners.peers(kind), kinds.UNKNOWN]
        pairs = [
            (callers[reporter], callees[peer])
            for reporter, peer in zip(client.reporter.tolist(), client.peer.tolist(), strict=True)
        ]
        numbers: dict[tuple[kinds.Ref, kinds.Ref], int] = {}
        group = np.array([numbers.setdefault(pair, len(numbers)) for pair in pairs], dtype=np.int64)
        seen = self._edges(kinds.Side.CLIENT, np.arange(len(client)), group, list(numbers))
        omitted = self._omitted(kinds.Side.CLIENT)
        reporting = {callers[reporter] for reporter in client.reporter[~omitted].tolist()}
        by_callees = self._seen_by_callees_only(kind, reporting)
        named = {edge.caller for edge in by_callees}
        seen = [edge for edge in seen if edge.callee != kinds.UNKNOWN or edge.caller not in named]
        everything = self._timed(kind, seen) + by_callees + self._from_unknown_callers(kind)
        # What a caller without a name sends may be in the views of both ends.
        return list({(edge.caller, edge.callee): edge for edge in reversed(everything)}.values())[::-1]

    def _omitted(self, side: kinds.Side) -> Bools:
        """Return bool, one per row of a side: whether the series lack the labels that would name the peer."""
        calls = self._snapshot.calls[side]
        omits = np.array([side in one.omits_peers for one in self._snapshot.reporters], dtype=np.bool_)
        omitted: Bools = omits[calls.reporter] & (calls.peer == number_types.NO_PEER)
        return omitted

    def _edges(
        self,
        side: kinds.Side,
        rows: number_types.RowNumbers,
        group: number_types.GroupNumbers,
        pairs: Sequence[tuple[kinds.Ref, kinds.Ref]],
    ) -> list[Edge]:
        """Return an edge for each (caller, callee) pair. `rows`, `group`: int64; see figures.Summing."""
        observed = [caller if side is kinds.Side.CLIENT else callee for caller, callee in pairs]
        reported = self._summing.reported_in_rows(side, rows, group, _are_pods(observed))
        figures = self._summing.of(side, rows, group, reported, kinds.QUANTILES)
        return [
            Edge(caller=caller, callee=callee, figures=figure)
            for (caller, callee), figure in zip(pairs, figures, strict=True)
        ]

    def _timed(self, kind: str, edges: list[Edge]) -> list[Edge]:
        """Return the edges with the callees' latency where the mesh times requests only at the callee."""
        timing = np.array(
            [self._snapshot.meshes[mesh].timed_by_callees for mesh in self._snapshot.mesh], dtype=bool
        )
        if not timing.any():
            return edges
        timed = {
            (edge.caller, edge.callee): edge.figures
            for edge in self._arrived(kind, timing[self._snapshot.calls[kinds.Side.SERVER].reporter])
        }
        return [
            dataclasses.replace(
                edge, figures=_with_latency(edge.figures, timed.get((edge.caller, edge.callee)))
            )
            for edge in edges
        ]

    def _seen_by_callees_only(self, kind: str, reporting: set[kinds.Ref]) -> list[Edge]:
        """Return the edges that only the server side reports. `reporting`: callers with a client side."""
        server = self._snapshot.calls[kinds.Side.SERVER]
        return self._arrived(kind, np.ones(len(server), dtype=np.bool_), reporting)

    def _arrived(self, kind: str, chosen: Bools, except_from: Collection[kinds.Ref] = ()) -> list[Edge]:
        """Return the edges of the chosen rows of the server side, without those from some callers.

        `chosen`: bool, one per row of the server side.
        """
        server = self._snapshot.calls[kinds.Side.SERVER]
        callers = [*self._owners.peers(kind), kinds.UNKNOWN]  # the index -1 of an unknown peer is the last
        callees = self._owners.callers(kind)
        numbers: dict[tuple[kinds.Ref, kinds.Ref], int] = {}
        rows, group = [], []
        for row, (reporter, peer, is_chosen) in enumerate(
            zip(server.reporter.tolist(), server.peer.tolist(), chosen.tolist(), strict=True)
        ):
            if is_chosen and callers[peer] != kinds.UNKNOWN and callers[peer] not in except_from:
                rows.append(row)
                group.append(numbers.setdefault((callers[peer], callees[reporter]), len(numbers)))
        return self._edges(
            kinds.Side.SERVER,
            np.array(rows, dtype=np.int64),
            np.array(group, dtype=np.int64),
            list(numbers),
        )

    def _from_unknown_callers(self, kind: str) -> list[Edge]:
        """Return the traffic whose caller is unknown, as observed at the callee.

        Where the callee's mesh names callers, these are the requests without a name. Where it does not, or
        its labels were removed, they are all requests to a resource to which no caller reports a request.
        """
        server = self._snapshot.calls[kinds.Side.SERVER]
        knows = self._knows_callers[server.reporter] & ~self._omitted(kinds.Side.SERVER)
        unnamed = server.peer < 0
        without_name = self._unknown_to([(ref,) for ref in self._owners.callers(kind)], knows & unnamed)
        unclaimed = self._unknown_to(self._owners.groups(kind), ~knows)
        edges = []
        if without_name:
            # A caller of another mesh reports the request itself, while the callee's mesh does not name it.
            foreign = self._called(kind, ~self._knows_callers)
            edges += [edge for edge in without_name if edge.callee not in foreign]
        if unclaimed:
            called = self._called(kind, np.ones_like(self._knows_callers))
            edges += [edge for edge in unclaimed if edge.callee not in called]
        return edges

    def _unknown_to(self, resources: Sequence[tuple[kinds.Ref, ...]], chosen: Bools) -> list[Edge]:
        """Return an edge from an unknown caller to each resource that has requests in the chosen rows.

        `resources`: those of each reporter. `chosen`: bool, one per row of the server side.
        """
        server = self._snapshot.calls[kinds.Side.SERVER]
        refs, groups = row_groups.number(resources)
        row, group = row_groups.spread(server.reporter, groups)
        kept = chosen[row]
        edges = self._edges(
            kinds.Side.SERVER, row[kept], group[kept], [(kinds.UNKNOWN, callee) for callee in refs]
        )
        return [edge for edge in edges if edge.figures.total]

    def _called(self, kind: str, by: Bools) -> set[kinds.Ref]:
        """Return the resources of a kind to which some reporters send, or may send through a service.

        `by`: bool, one per reporter.
        """
        callees = self._owners.peers(kind)
        client = self._snapshot.calls[kinds.Side.CLIENT]
        numbers = set(client.peer[by[client.reporter]].tolist()) - {number_types.NO_PEER}
        called = {callees[number] for number in numbers}
        for number in numbers:
            peer = self._snapshot.peers[number]
            service = self._owners.service(peer)
            if service == kinds.UNKNOWN or peer.pod or peer.cluster:
                continue  # the mesh named the pod or workload itself, so no other of here can have answered
            called.add(service)
            members = self._owners.maybe_behind(service)
            called.update(ref for member in members if (ref := self._owners.above(member, kind)))
        return called


def _with_latency(figures: Figures, other: Figures | None) -> Figures:
    """Return the figures with the latency of `other`, unless they have a latency themselves."""
    if other is None or any(value is not None for value in figures.latency):
        return figures
    requests, timed = figures.timed_requests, other.timed_requests
    return dataclasses.replace(
        figures,
        latency=other.latency,
        clamped=other.clamped,
        below=other.below,
        approximate=other.approximate,
        without=tuple(dict.fromkeys((*figures.without, *other.without))),
        # Requests that the caller counted and that never arrived are not timed.
        timed_requests=dataclasses.replace(requests, timed=timed.timed) if requests and timed else None,
    )


def _are_pods(refs: Sequence[kinds.Ref]) -> list[bool]:
    return [ref.kind == kinds.POD.name for ref in refs]
