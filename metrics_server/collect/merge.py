"""Several meshes' moments in one: what two of them tell of one proxy counts once. Pure.

A proxy is told of by the first profile, in the order given, that has seen requests of it which only a proxy
of that mesh tells of; or that has seen any; or the proxy at all. What the others tell of it is left out, even
where it is another figure: Envoy's own statistics and Istio's, of the same sidecar, count the same requests.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from metrics_server.decode import native_histograms
from metrics_server.model import kinds, snapshot

Allowed = Callable[[str, str], bool]
"""Whether a profile may tell of the proxies of a namespace."""


class _Whose(NamedTuple):
    """What tells one proxy from another."""

    namespace: str
    pod: str
    machine: str
    instance: str
    kind: str = ""
    workload: str = ""


class _Place(NamedTuple):
    """A reporter of one of the moments."""

    moment: int
    reporter: int


def merge(moments: Sequence[snapshot.Snapshot], *, allowed: Allowed) -> snapshot.Snapshot:
    """Return several moments of the same window in one; profiles to be believed first stand first."""
    told = [_Believed(moment, allowed) for moment in moments]
    if len(told) == 1 and told[0].everybody:
        return moments[0]
    chosen: dict[_Whose, _Place] = {}
    for claim in range(_Believed.CLAIMS):
        for number, one in enumerate(told):
            for reporter in one.claims[claim]:
                chosen.setdefault(one.whose[reporter], _Place(number, reporter))
    kept = sorted(chosen.values())
    new = {place: number for number, place in enumerate(kept)}
    peers: dict[snapshot.Peer, int] = {}
    for moment in moments:
        for peer in moment.peers:
            peers.setdefault(peer, len(peers))
    layout = _Layout.of(moments)
    meshes = [mesh for moment in moments for mesh in moment.meshes]
    first_mesh = np.cumsum([0, *(len(moment.meshes) for moment in moments)]).tolist()
    return snapshot.Snapshot(
        meshes=tuple(meshes),
        mesh=tuple(first_mesh[at.moment] + moments[at.moment].mesh[at.reporter] for at in kept),
        taken=max(moment.taken for moment in moments),
        timestamp=max(moment.timestamp for moment in moments),
        window=max(moment.window for moment in moments),
        interval=max(moment.interval for moment in moments),
        reporters=tuple(moments[at.moment].reporters[at.reporter] for at in kept),
        spans=tuple(moments[at.moment].spans[at.reporter] for at in kept),
        peers=tuple(peers),
        bounds=layout.bounds,
        calls={
            side: _joined(
                [
                    layout.rows(moment, side, _reporters(moment, number, new), _peers(moment, peers))
                    for number, moment in enumerate(moments)
                ]
            )
            for side in kinds.Side
        },
        told=layout.told,
        partial=any(moment.partial for moment in moments),
    )


class _Believed:
    """Of whom a moment may tell, and how well it knows them."""

    CLAIMS = 3

    def __init__(self, moment: snapshot.Snapshot, allowed: Allowed) -> None:
        self.whose = [
            # A pod is one, whether its workload is told beside it or not.
            _Whose(
                one.namespace,
                one.pod,
                one.machine,
                one.instance,
                *(() if one.pod else (one.kind, one.workload)),
            )
            for one in moment.reporters
        ]
        may_tell = [
            number
            for number, (one, mesh) in enumerate(zip(moment.reporters, moment.mesh, strict=True))
            if allowed(moment.meshes[mesh].profile, one.namespace)
        ]
        seen = {
            reporter
            for calls in moment.calls.values()
            for reporter in calls.reporter[calls.success + calls.failure > 0].tolist()
        }
        self.claims = (
            [number for number in may_tell if number in moment.sure],
            [number for number in may_tell if number in seen],
            may_tell,
        )
        """Reporters: the best known first."""
        self.everybody = len(may_tell) == len(moment.reporters)


def _reporters(moment: snapshot.Snapshot, number: int, new: dict[_Place, int]) -> snapshot.Ints:
    """Return the new number of each reporter of a moment; -1 for one of whom it does not tell."""
    return np.array(
        [new.get(_Place(number, reporter), -1) for reporter in range(len(moment.reporters))], dtype=np.int64
    )


def _peers(moment: snapshot.Snapshot, peers: dict[snapshot.Peer, int]) -> snapshot.Ints:
    """Return the new number of each peer of a moment; the last is that of a peer which nobody told, -1."""
    return np.array([*(peers[peer] for peer in moment.peers), -1], dtype=np.int64)


class _Layout(NamedTuple):
    """The columns of the latencies of all moments."""

    bounds: snapshot.Floats
    told: tuple[float, ...]

    @staticmethod
    def of(moments: Sequence[snapshot.Snapshot]) -> _Layout:
        return _Layout(
            native_histograms.union([moment.bounds for moment in moments]),
            tuple(sorted({quantile for moment in moments for quantile in moment.told})),
        )

    def rows(
        self,
        moment: snapshot.Snapshot,
        side: kinds.Side,
        reporters: snapshot.Ints,
        peers: snapshot.Ints,
    ) -> snapshot.Calls:
        """Return the rows of the reporters that are kept, by their new numbers."""
        calls = moment.calls[side]
        calls = calls.only(reporters[calls.reporter] >= 0)
        told = np.full((len(calls), len(self.told)), np.nan)
        if calls.told.shape[1]:
            told[:, [self.told.index(quantile) for quantile in moment.told]] = calls.told
        exponential = calls.exponential if len(calls.exponential) else np.zeros(len(calls), np.bool_)
        return dataclasses.replace(
            calls,
            reporter=reporters[calls.reporter],
            peer=peers[calls.peer],
            buckets=self._widened(calls.buckets, moment.bounds),
            told=told,
            exponential=exponential,
        )

    def _widened(self, buckets: snapshot.Floats, bounds: snapshot.Floats) -> snapshot.Floats:
        """Return buckets with the bounds of all: a row without any count knows that it is nowhere."""
        wide = native_histograms.widened(buckets, bounds, self.bounds)
        wide[~buckets.any(axis=1)] = 0.0
        return wide


def _joined(parts: Sequence[snapshot.Calls]) -> snapshot.Calls:
    return snapshot.Calls(
        reporter=np.concatenate([part.reporter for part in parts]),
        peer=np.concatenate([part.peer for part in parts]),
        success=np.concatenate([part.success for part in parts]),
        failure=np.concatenate([part.failure for part in parts]),
        buckets=np.concatenate([part.buckets for part in parts]),
        told=np.concatenate([part.told for part in parts]),
        exponential=np.concatenate([part.exponential for part in parts]),
    )
