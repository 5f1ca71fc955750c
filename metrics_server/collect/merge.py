"""Merges the snapshots of several profiles into one, in which each proxy counts once. Pure.

If several profiles report the same proxy (see `claimed`), use the first profile that has requests which only
its own mesh reports, then the first with any requests, then the first that sees the proxy. Everything that
the other profiles report of this proxy is left out, even if it differs: for example Envoy's own statistics
and Istio's metrics of one sidecar count the same requests. Only the name of a machine may come from them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from metrics_server.collect import claimed
from metrics_server.decode import native_histograms
from metrics_server.model import kinds, number_types, snapshot

Allowed = Callable[[str, str], bool]
"""Returns whether a profile counts for the proxies of a namespace, as the policy says."""


class _Place(NamedTuple):
    """A reporter of one of the snapshots, by their numbers."""

    snapshot: int
    reporter: number_types.ReporterNumber


def merge(moments: Sequence[snapshot.Snapshot], *, allowed: Allowed) -> snapshot.Snapshot:
    """Return one snapshot for several of the same window. Of equal claims, that of the earlier snapshot
    wins.
    """
    candidates = [_Candidates(moment, allowed) for moment in moments]
    if len(candidates) == 1 and candidates[0].all_allowed:
        return moments[0]
    kept = _chosen(moments, candidates)
    named = claimed.MachineNames(
        [
            (moment.meshes[moment.mesh[reporter]].profile, moment.reporters[reporter])
            for moment, one in zip(moments, candidates, strict=True)
            for reporter in one.permitted
        ]
    )
    new = dict(zip(kept, number_types.all_of(number_types.ReporterNumber, len(kept)), strict=True))
    peers: dict[snapshot.Peer, number_types.PeerNumber] = {}
    for moment in moments:
        for peer in moment.peers:
            peers.setdefault(peer, number_types.PeerNumber(len(peers)))
    layout = _Layout.of(moments)
    meshes = [mesh for moment in moments for mesh in moment.meshes]
    first_mesh = np.cumsum([0, *(len(moment.meshes) for moment in moments)]).tolist()
    return snapshot.Snapshot(
        meshes=tuple(meshes),
        mesh=tuple(first_mesh[at.snapshot] + moments[at.snapshot].mesh[at.reporter] for at in kept),
        taken=max(moment.taken for moment in moments),
        timestamp=max(moment.timestamp for moment in moments),
        window=max(moment.window for moment in moments),
        scaled=max(moment.scaled for moment in moments),
        interval=max(moment.interval for moment in moments),
        reporters=tuple(named.named(moments[at.snapshot].reporters[at.reporter]) for at in kept),
        spans=tuple(moments[at.snapshot].spans[at.reporter] for at in kept),
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
        quantile_levels=layout.quantile_levels,
        partial=any(moment.partial for moment in moments),
    )


def _chosen(moments: Sequence[snapshot.Snapshot], candidates: Sequence[_Candidates]) -> list[_Place]:
    """Return the reporters that count, one for each proxy, in ascending order."""
    proxies = claimed.ClaimedProxies()
    chosen: set[_Place] = set()
    for claim in range(_Candidates.CLAIMS):
        for number, one in enumerate(candidates):
            for reporter in one.claims[claim]:
                place, found = _Place(number, reporter), moments[number].reporters[reporter]
                if place not in chosen and not proxies.by_another(found, number):
                    proxies.claim(found, number)
                    chosen.add(place)
    return sorted(chosen)


class _Candidates:
    """The reporters of one snapshot that its profiles may report, grouped by the strength of their claim."""

    CLAIMS = 3

    def __init__(self, moment: snapshot.Snapshot, allowed: Allowed) -> None:
        self.permitted = [
            number
            for number, one, mesh in zip(
                number_types.all_of(number_types.ReporterNumber, len(moment.reporters)),
                moment.reporters,
                moment.mesh,
                strict=True,
            )
            if allowed(moment.meshes[mesh].profile, one.namespace)
        ]
        """The reporters whose namespaces the policy gives to this profile."""
        seen = {
            reporter
            for calls in moment.calls.values()
            for reporter in calls.reporter[calls.total > 0].tolist()
        }
        self.claims = (
            [number for number in self.permitted if number in moment.sure],
            [number for number in self.permitted if number in seen],
            self.permitted,
        )
        """Reporters by claim, strongest first: requests that only this mesh reports; any requests; seen at
        all.
        """
        self.all_allowed = len(self.permitted) == len(moment.reporters)


def _reporters(
    moment: snapshot.Snapshot, number: int, new: dict[_Place, number_types.ReporterNumber]
) -> number_types.ReporterNumbers:
    """Return int64[reporters]: the number of each reporter in the merged snapshot; -1 if it is left out."""
    reporters = number_types.all_of(number_types.ReporterNumber, len(moment.reporters))
    return np.array([new.get(_Place(number, reporter), -1) for reporter in reporters], dtype=np.int64)


def _peers(
    moment: snapshot.Snapshot, peers: dict[snapshot.Peer, number_types.PeerNumber]
) -> number_types.PeerNumbers:
    """Return int64[peers + 1]: the number of each peer in the merged snapshot; the last is -1, for index
    -1.
    """
    return np.array([*(peers[peer] for peer in moment.peers), number_types.NO_PEER], dtype=np.int64)


class _Layout(NamedTuple):
    """The bounds and the quantiles of all snapshots: the columns of the merged latencies."""

    bounds: snapshot.Floats
    """float64: upper bounds in seconds, ascending."""
    quantile_levels: tuple[float, ...]
    """0 to 1, ascending."""

    @staticmethod
    def of(moments: Sequence[snapshot.Snapshot]) -> _Layout:
        """Return the layout that holds the columns of all these snapshots."""
        return _Layout(
            native_histograms.union([moment.bounds for moment in moments]),
            tuple(sorted({quantile for moment in moments for quantile in moment.quantile_levels})),
        )

    def rows(
        self,
        moment: snapshot.Snapshot,
        side: kinds.Side,
        reporters: number_types.ReporterNumbers,
        peers: number_types.PeerNumbers,
    ) -> snapshot.Calls:
        """Return the rows of the reporters that are kept, with merged numbers and columns.

        `reporters`, `peers`: as `_reporters` and `_peers` return them.
        """
        calls = moment.calls[side]
        calls = calls.only(reporters[calls.reporter] >= 0)
        quantile_values = np.full((len(calls), len(self.quantile_levels)), np.nan)
        if calls.quantile_values.shape[1]:
            quantile_values[
                :, [self.quantile_levels.index(quantile) for quantile in moment.quantile_levels]
            ] = calls.quantile_values
        exponential = calls.exponential if len(calls.exponential) else np.zeros(len(calls), np.bool_)
        return dataclasses.replace(
            calls,
            reporter=reporters[calls.reporter],
            peer=peers[calls.peer],
            buckets=self._widened(calls.buckets, moment.bounds),
            quantile_values=quantile_values,
            exponential=exponential,
        )

    def _widened(self, buckets: snapshot.Floats, bounds: snapshot.Floats) -> snapshot.Floats:
        """Return `buckets`, float64[rows, bounds], as float64[rows, all bounds]: NaN at bounds a row's
        histogram lacks, but 0 in a row without requests.
        """
        wide = native_histograms.widened(buckets, bounds, self.bounds)
        wide[~buckets.any(axis=1)] = 0.0
        return wide


def _joined(parts: Sequence[snapshot.Calls]) -> snapshot.Calls:
    return snapshot.Calls(
        reporter=np.concatenate([part.reporter for part in parts]),
        peer=np.concatenate([part.peer for part in parts]),
        success=np.concatenate([part.success for part in parts]),
        failure=np.concatenate([part.failure for part in parts]),
        initial=np.concatenate([part.initial for part in parts]),
        buckets=np.concatenate([part.buckets for part in parts]),
        quantile_values=np.concatenate([part.quantile_values for part in parts]),
        exponential=np.concatenate([part.exponential for part in parts]),
    )
