"""Computes the requests that each backend of a split received, and its share of the split. Pure.

The client side counts: the requests that callers send to a backend, also those that do not use the apex. If
no caller reports requests to any backend of a split, and the proxies of the backends report some, the server
side counts instead. All backends of a split are counted on the same side, so that their shares can be
compared.

A split whose apex or backends are in other namespaces (`at_home` is false) counts only callers in the split's
own namespace, for two reasons: the split applies only to them, and a viewer who may read the splits of one
namespace must not see the requests that other namespaces send to a service elsewhere.
"""

from __future__ import annotations

import collections
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from metrics_server.aggregate import figures as aggregate_figures
from metrics_server.aggregate import split_attribution
from metrics_server.model import kinds, number_types, snapshot
from metrics_server.ownership import graph
from metrics_server.splits import model

_UNKNOWN = aggregate_figures.Figures(
    side=kinds.Side.CLIENT,
    success=None,
    failure=None,
    seconds=None,
    timestamp=None,
    latency=(None,) * len(kinds.QUANTILES),
    clamped=(False,) * len(kinds.QUANTILES),
    below=(None,) * len(kinds.QUANTILES),
    approximate=(False,) * len(kinds.QUANTILES),
    without=(),
    profiles=(),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The traffic of one backend of a split, or of all its backends together."""

    split: model.Split
    backend: model.Backend | None
    """None: all backends together."""
    figures: aggregate_figures.Figures
    share: float | None
    """Requests to this backend ÷ requests to all backends, 0 to 1. None if not known, without requests, or
    for all backends together.
    """
    caller: kinds.Ref = kinds.UNKNOWN
    """Only the requests of this caller; kinds.UNKNOWN means those of all callers."""
    unclear: str = ""
    """A sentence for users: why there are no figures; empty if there are."""

    @property
    def name(self) -> str:
        """The split's name, and the backend's after a colon."""
        if self.backend is None:
            return self.split.name
        return f"{self.split.name}:{self.backend.named(self.split.ref.namespace)}"


@dataclass(frozen=True, slots=True)
class _Seen:
    """The rows of one side that are attributed to backends."""

    side: kinds.Side
    rows: dict[int, list[tuple[number_types.RowNumber, int]]] = field(
        default_factory=lambda: collections.defaultdict(list)
    )
    """The index of a row and of its backend, by the index of the split."""
    unclear: set[split_attribution.Place] = field(default_factory=set)
    """Backends that may have received requests which could not be attributed."""

    def of(self, number: int) -> list[tuple[number_types.RowNumber, int]]:
        return self.rows.get(number, [])


class Sharing:
    """The observed traffic of some splits in one snapshot."""

    def __init__(
        self,
        moment: snapshot.Snapshot,
        owners: graph.Ownership,
        splits: Sequence[model.Split],
    ) -> None:
        self._snapshot = moment
        self._owners = owners
        self._summing = aggregate_figures.Summing(moment)
        self._splits = splits
        self._requests = {side: calls.total.tolist() for side, calls in moment.calls.items()}
        """The requests of each row, by side."""
        self._attribution = split_attribution.Attribution(splits, owners)
        self._client = self._by_callers()
        seen = self._with_requests(self._client)
        unseen = [number for number, split in enumerate(splits) if number not in seen and split.at_home]
        self._server = self._by_callees(unseen)
        unclear = {number for number, _ in self._server.unclear}
        self._of_server = self._with_requests(self._server) - unclear
        """The indices of the splits that are counted on the server side."""

    def parts(self) -> list[Part]:
        """Return a part for every backend of every split."""
        return [part for number in range(len(self._splits)) for part in self._parts(number)]

    def whole(self, split: model.Split) -> Part:
        """Return the traffic of all backends of a split together."""
        number = self._splits.index(split)
        seen, parts = self._seen(number), self._parts(number)
        why = next((part.unclear for part in parts if part.unclear), "")
        figures = _UNKNOWN
        if not why:
            rows = [row for row, _ in seen.of(number)]
            (figures,) = self._summed(seen.side, rows, [0] * len(rows), 1)
        return Part(split=split, backend=None, figures=figures, share=None, unclear=why)

    def callers(self, split: model.Split) -> list[Part]:
        """Return a part for each backend of a split and each workload that called it.

        `share`: requests of this caller to the backend ÷ all its requests to the split. Raises ValueError
        for a split that was not given to the constructor.
        """
        number = self._splits.index(split)
        seen = self._seen(number)
        calls = self._snapshot.calls[seen.side]
        if seen.side is kinds.Side.CLIENT:
            callers, column = self._owners.callers(graph.WORKLOAD), calls.reporter.tolist()
        else:
            # The index -1 of an unknown peer selects the last entry.
            callers, column = [*self._owners.peers(graph.WORKLOAD), kinds.UNKNOWN], calls.peer.tolist()
        pairs: dict[tuple[int, kinds.Ref], int] = {}
        rows, group = [], []
        for row, place in seen.of(number):
            if not self._why(number, place):
                rows.append(row)
                group.append(pairs.setdefault((place, callers[column[row]]), len(pairs)))
        figures = self._summed(seen.side, rows, group, len(pairs))
        sent: dict[kinds.Ref, float] = {}
        for (_, caller), one in zip(pairs, figures, strict=True):
            sent[caller] = sent.get(caller, 0.0) + (one.total or 0.0)
        known = all(not self._why(number, place) for place in range(len(split.backends)))
        return [
            Part(
                split=split,
                backend=split.backends[place],
                figures=one,
                share=aggregate_figures.share(one.total, sent[caller]) if known else None,
                caller=caller,
            )
            for (place, caller), one in zip(pairs, figures, strict=True)
        ]

    def _seen(self, number: int) -> _Seen:
        return self._server if number in self._of_server else self._client

    def _parts(self, number: int) -> list[Part]:
        split, figures = self._splits[number], self._figures(number)
        requests = [one.total for one in figures]
        total = math.fsum(one for one in requests if one is not None) if None not in requests else None
        return [
            Part(
                split=split,
                backend=backend,
                figures=one,
                share=aggregate_figures.share(one.total, total),
                unclear=self._why(number, place),
            )
            for place, (backend, one) in enumerate(zip(split.backends, figures, strict=True))
        ]

    def _figures(self, number: int) -> list[aggregate_figures.Figures]:
        seen = self._seen(number)
        rows, places = [row for row, _ in seen.of(number)], [place for _, place in seen.of(number)]
        summed = self._summed(seen.side, rows, places, len(self._splits[number].backends))
        return [_UNKNOWN if self._why(number, place) else one for place, one in enumerate(summed)]

    def _summed(
        self, side: kinds.Side, rows: Sequence[number_types.RowNumber], places: Sequence[int], size: int
    ) -> list[aggregate_figures.Figures]:
        """Return the figures of groups of rows, `places` being the group of each row.

        A group without rows counts as reported by every mesh, as any of them could have reported it.
        """
        row, group = np.array(rows, dtype=np.int64), np.array(places, dtype=np.int64)
        reported = self._summing.reported_in_rows(side, row, group, [False] * size).or_by_all()
        return self._summing.of(side, row, group, reported, kinds.QUANTILES)

    def _why(self, number: int, place: int) -> str:
        """Return why a backend has no figures, as a sentence for users; empty if it has figures."""
        split = self._splits[number]
        backend = split.backends[place]
        if backend.service.kind not in (kinds.SERVICE.name, kinds.HOST):
            return f"the mesh does not report the requests that a {backend.service.kind} receives"
        if backend.target in split.shared:
            return (
                f"another rule of the {split.ref.kind} also sends to {backend.called}, "
                "and the mesh does not report which rule a request followed"
            )
        if (number, place) in self._seen(number).unclear:
            return (
                f"which requests went to {backend.called} does not follow from what the mesh tells of them "
                "and Kubernetes of pods"
            )
        return ""

    def _by_callers(self) -> _Seen:
        calls, found = self._snapshot.calls[kinds.Side.CLIENT], _Seen(kinds.Side.CLIENT)
        verdicts = [self._attribution.peer(peer) for peer in self._snapshot.peers]
        homes = [reporter.namespace for reporter in self._snapshot.reporters]
        rows = number_types.all_of(number_types.RowNumber, len(calls))
        for row, reporter, peer in zip(rows, calls.reporter.tolist(), calls.peer.tolist(), strict=True):
            if peer >= 0:
                self._note(found, row, verdicts[peer], home=homes[reporter])
        return found

    def _by_callees(self, numbers: Sequence[int]) -> _Seen:
        calls, found = self._snapshot.calls[kinds.Side.SERVER], _Seen(kinds.Side.SERVER)
        if not numbers:
            return found
        wanted = frozenset(numbers)
        verdicts = [_only(self._attribution.member(member), wanted) for member in self._owners.reporters]
        rows = number_types.all_of(number_types.RowNumber, len(calls))
        for row, reporter in zip(rows, calls.reporter.tolist(), strict=True):
            self._note(found, row, verdicts[reporter])
        return found

    def _note(
        self,
        found: _Seen,
        row: number_types.RowNumber,
        verdict: split_attribution.Verdict,
        *,
        home: str | None = None,
    ) -> None:
        """Add a row to the backends of a verdict. `home`: the caller's namespace; None on the server side."""
        for place in verdict.certain:
            if self._counts(place, home):
                found.rows[place[0]].append((row, place[1]))
        if self._requests[found.side][row] > 0:
            found.unclear.update(place for place in verdict.unclear if self._counts(place, home))

    def _counts(self, place: split_attribution.Place, home: str | None) -> bool:
        split = self._splits[place[0]]
        return split.at_home or home == split.ref.namespace

    def _with_requests(self, seen: _Seen) -> set[int]:
        """Return the indices of the splits to whose backends a side reports requests."""
        requests = self._requests[seen.side]
        certain = {number for number, rows in seen.rows.items() if any(requests[row] > 0 for row, _ in rows)}
        return certain | {number for number, _ in seen.unclear if seen.side is kinds.Side.CLIENT}


def _only(verdict: split_attribution.Verdict, numbers: frozenset[int]) -> split_attribution.Verdict:
    """Return a verdict without the splits that are not in `numbers`."""
    return split_attribution.Verdict(
        tuple(place for place in verdict.certain if place[0] in numbers),
        tuple(place for place in verdict.unclear if place[0] in numbers),
    )
