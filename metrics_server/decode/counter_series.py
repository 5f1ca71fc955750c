"""Chooses the counter series of an answer that are counted, and finds the row and the outcome of each.

A series is counted if a view of the profile reads it, unless its target reports the same process as
another target.
"""

from __future__ import annotations

import array
import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from metrics_server.decode import counters as decode_counters
from metrics_server.decode import duplicates, histograms, reporters, targets
from metrics_server.model import number_types, snapshot, validation
from metrics_server.profiles import schema
from metrics_server.query import plan

Series = dict[str, Any]
Strict = Callable[[str], bool]
"""Returns whether responses 4xx are failures for the proxies of a namespace."""


class _Reading(NamedTuple):
    """How a view reads a series."""

    row: histograms.Row
    is_failure: bool
    is_in_total: bool
    is_sure: bool


class ChosenCounters:
    """The C counter series that are counted, in the order in which they were added."""

    def __init__(self) -> None:
        self.rows: list[histograms.Row] = []
        """One per series: side, reporter and peer."""
        self.targets_of: dict[number_types.ReporterNumber, set[number_types.TargetNumber]] = {}
        """For each reporter, the targets that report about it without being it (for example a collector)."""
        self.dropped: set[number_types.TargetNumber] = set()
        """The targets that report the process of another target, and nothing else."""
        self._is_failure: list[bool] = []
        self._is_in_total: list[bool] = []
        self._is_sure: list[bool] = []
        self._target: list[number_types.TargetNumber] = []
        self._lengths: list[int] = []
        """One per series: the number of its samples; their sum is S."""
        self._times: array.array[float] = array.array("d")
        """S, Unix seconds, series after series."""
        self._values: array.array[float] = array.array("d")
        """S."""

    def add(
        self,
        row: histograms.Row,
        samples: Sequence[Any],
        *,
        target: number_types.TargetNumber,
        is_failure: bool,
        is_in_total: bool,
        is_sure: bool,
    ) -> None:
        """Add a series. `samples`: pairs of Unix time and text, as the query API returns them. `is_failure`:
        whether it counts failures; else it counts successes. `is_in_total`: whether a series that is read as
        successes counts these failures as well. `is_sure`: whether only proxies of this mesh expose it.
        Raises one of `validation.SENSELESS`.
        """
        times, values = validation.columns(samples)
        self.rows.append(row)
        self._target.append(target)
        self._is_failure.append(is_failure)
        self._is_in_total.append(is_in_total)
        self._is_sure.append(is_sure)
        self._lengths.append(len(times))
        self._times.extend(times)
        self._values.extend(map(float, values))

    def add_all(
        self,
        rows: Iterable[_Reading],
        samples: Sequence[Any],
        *,
        target: number_types.TargetNumber,
    ) -> None:
        """Add a series once for each view that reads it."""
        for one in rows:
            self.add(
                one.row,
                samples,
                target=target,
                is_failure=one.is_failure,
                is_in_total=one.is_in_total,
                is_sure=one.is_sure,
            )

    def samples(self) -> decode_counters.Samples:
        """Return the samples of all series. Raises faults.BackendRefused if they are no counters."""
        samples = decode_counters.Samples(
            times=np.array(self._times),
            values=np.array(self._values),
            first=np.concatenate(([0], np.cumsum(self._lengths, dtype=np.int64))).astype(np.int64),
            target=np.array(self._target, dtype=np.int64),
        )
        validation.counters(samples.times, samples.values, samples.first)
        return samples

    def failures(self) -> snapshot.Bools:
        """Return bool[C]: whether each series counts failures; else it counts successes."""
        return np.array(self._is_failure, dtype=np.bool_)

    def in_total(self) -> snapshot.Bools:
        """Return bool[C]: whether another series, which is read as successes, counts the same requests."""
        return np.array(self._is_in_total, dtype=np.bool_)

    def sure(self, counts: snapshot.Floats) -> frozenset[number_types.ReporterNumber]:
        """Return the reporters with at least one request in a series that only proxies of this mesh expose.

        `counts`: float64[C]: the requests of each series, NaN without a sample.
        """
        counted = (np.nan_to_num(counts) > 0).tolist()
        return frozenset(
            row[1]
            for row, is_sure, is_counted in zip(self.rows, self._is_sure, counted, strict=True)
            if is_sure and is_counted
        )


@dataclasses.dataclass(frozen=True, slots=True)
class _Read:
    """One counter series of a target that may report the process of another."""

    name: frozenset[tuple[str, str]]
    """Its labels without those of the scrape target: the same counter has the same name at each target."""
    samples: Sequence[Any]
    rows: Sequence[_Reading]
    """How each view reads it that does."""

    @property
    def points(self) -> list[tuple[float, float]]:
        """Its samples: Unix time and value."""
        times, values = validation.columns(self.samples)
        return list(zip(times, map(float, values), strict=True))


def choose(
    counters: Iterable[Series], *, who: reporters.Identities, proxies: targets.ScrapeTargets, strict: Strict
) -> ChosenCounters:
    """Return the series that a view reads, without those that report another target's process.

    Numbers their reporters and peers in `who`. Raises faults.BackendRefused or one of
    `validation.SENSELESS`.
    """
    chosen, mesh = ChosenCounters(), proxies.mesh
    readers: dict[str, list[_ViewReader]] = {}
    for number, view in enumerate(mesh.views):
        for name in view.counters:
            readers.setdefault(name, []).append(_ViewReader(number, mesh=mesh, who=who, strict=strict))
    if mesh.process is not None and mesh.process.shows_proxies:
        who.settle(one.labels for one in proxies.found.values())
    own = [who.reporter(one.labels) if mesh.reports_of_targets else -1 for one in proxies.found.values()]
    numbers = proxies.numbers
    again = duplicates.certain(proxies, who)
    chosen.dropped.update(numbers[key] for key in again)
    doubtful = duplicates.possible(proxies, who, without=again)
    held: dict[number_types.TargetNumber, list[_Read]] = {
        numbers[key]: [] for group in doubtful for key in group
    }
    of_target = _TargetLabels(proxies)
    key_of = proxies.keys.of
    asked_for = {plan.UP, *readers, *([mesh.process.metric] if mesh.process else ())}
    for series in counters:
        labels = series["metric"]
        validation.asked((labels["__name__"],), asked_for)
        target = numbers.get(key_of(labels))
        if target is None or target in chosen.dropped:
            continue
        found = []
        for reader in readers.get(labels["__name__"], ()):
            read = reader.read(labels)
            if read is None:
                continue
            row, is_failure = read
            if row[1] != own[target]:
                chosen.targets_of.setdefault(row[1], set()).add(target)
            found.append(_Reading(row, is_failure, is_failure and reader.has_total, reader.is_sure))
        if target in held:
            held[target].append(_Read(of_target.without(labels, target), series["values"], found))
        else:
            chosen.add_all(found, series["values"], target=target)
    _add_doubtful(chosen, proxies, doubtful, held)
    return chosen


class _TargetLabels:
    """The labels that belong to the scrape target and not to the series."""

    def __init__(self, proxies: targets.ScrapeTargets) -> None:
        target = proxies.mesh.target
        self._usual = frozenset((*target.other, *target.identity))
        self._of = [frozenset(one.target_labels) | self._usual for one in proxies.found.values()]

    def without(
        self, labels: Mapping[str, str], target: number_types.TargetNumber
    ) -> frozenset[tuple[str, str]]:
        """Return the labels of a series that its proxy gave it."""
        return frozenset(item for item in labels.items() if item[0] not in self._of[target])


def _add_doubtful(
    chosen: ChosenCounters,
    proxies: targets.ScrapeTargets,
    doubtful: Sequence[Sequence[targets.Key]],
    held: Mapping[number_types.TargetNumber, list[_Read]],
) -> None:
    """Add the series of the groups of targets that may be one process."""
    numbers = proxies.numbers
    starts = dict(zip(proxies.found, proxies.starts, strict=True)) if doubtful else {}
    for group in doubtful:
        began = [start for key in group for start in starts[key]]
        _add_once(chosen, {numbers[key]: held[numbers[key]] for key in group}, began)


def _add_once(
    chosen: ChosenCounters,
    held: Mapping[number_types.TargetNumber, list[_Read]],
    starts: Sequence[float],
) -> None:
    """Add the series of targets that may be one process: of one process, each counter once. `starts`: when
    their processes started, Unix seconds.
    """
    kept: list[dict[frozenset[tuple[str, str]], _Read]] = []
    for target, series in held.items():
        mine = {one.name: one for one in series}
        same = [
            other
            for other in kept
            if not duplicates.contradict(
                [(mine[name].points, other[name].points) for name in mine.keys() & other.keys()],
                starts=starts,
            )
        ]
        left = [one for one in series if not any(one.name in other for other in same)]
        if series and not left:
            chosen.dropped.add(target)
        for one in left:
            chosen.add_all(one.rows, one.samples, target=target)
        kept.append(mine)


class _ViewReader:
    """Reads the row and the outcome of a series for one view, the outcome once per combination of the labels
    that decide it.
    """

    def __init__(
        self, number: int, *, mesh: schema.Profile, who: reporters.Identities, strict: Strict
    ) -> None:
        """`number`: the index of the view in `mesh.views`."""
        self._number = number
        self._view = mesh.views[number]
        self._who = who
        self._strict = strict
        self._side = histograms.SIDES.index(self._view.side)
        self._deciding = ("__name__", *self._view.deciding_labels)
        self._outcomes: dict[tuple[str | None, ...], schema.Outcome | None] = {}
        self.is_sure = mesh.recognises_proxies or not self._view.shared
        """Whether only proxies of this mesh expose the series."""
        self.has_total = self._view.has_total

    def read(self, labels: Mapping[str, str]) -> tuple[histograms.Row, bool] | None:
        """Return the row of a series, and whether it counts failures; None for a series that is not of this
        view, or whose reporter or peer the profile excludes, or that counts no traffic.
        """
        outcome = self._outcome(labels)
        ends = self._who.ends(self._number, labels) if outcome is not None else None
        if outcome is None or ends is None:
            return None
        reporter, peer = ends
        return (self._side, reporter, peer), self._is_failure(outcome, labels)

    def _outcome(self, labels: Mapping[str, str]) -> schema.Outcome | None:
        deciding = tuple(map(labels.get, self._deciding))
        if deciding not in self._outcomes:
            self._outcomes[deciding] = self._view.became(labels) if self._view.reads(labels) else None
        return self._outcomes[deciding]

    def _is_failure(self, outcome: schema.Outcome, labels: Mapping[str, str]) -> bool:
        if outcome is schema.Outcome.CLIENT_ERROR:
            return self._strict(self._who.identity(labels, self._number).namespace)
        return outcome is schema.Outcome.FAILURE
