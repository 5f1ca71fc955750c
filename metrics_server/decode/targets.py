"""Finds the proxies among the scrape targets, when each was scraped and when its processes started. Pure.

`target_keys` says from which target a series comes, `windows` over which time it is counted, and `duplicates`
which targets report the process of another one.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from metrics_server.decode import counters, reporters, target_keys
from metrics_server.model import number_types, validation
from metrics_server.profiles import fields, schema
from metrics_server.query import plan

Series = dict[str, Any]
Key = target_keys.Key


@dataclass
class ScrapeTarget:
    """The samples of one scrape target, or of one process behind a target that carries several.

    It does not change after `find` has returned it.
    """

    labels: Mapping[str, str]
    target_labels: Mapping[str, str] = field(default_factory=dict)
    """Those of its series `up`, which has no others; empty without one."""
    up: Sequence[Any] = ()
    """Of the series `up`: pairs of Unix time and text, as the query API returns them. Empty if the target
    carries several processes, or samples with times of their own: then they do not show when this one was
    scraped.
    """
    ages: Sequence[Any] = ()
    """Of its process' age or start; empty if the mesh has no such series."""
    counted: Sequence[Any] = ()
    """Of one of its counters, to know the scrapes where neither `up` nor `ages` shows them."""

    @property
    def scrapes(self) -> Sequence[Any]:
        """One sample per scrape that succeeded."""
        return self.ages or [sample for sample in self.up if float(sample[1]) == 1.0] or self.counted

    @functools.cached_property
    def times(self) -> list[float]:
        """The times of the scrapes that succeeded, Unix seconds, ascending."""
        return list(dict.fromkeys(sample[0] for sample in self.scrapes))

    @property
    def interval(self) -> float | None:
        """The scrape interval: the lower median of its distances in seconds; None if it was scraped once."""
        times = self.times
        return statistics.median_low(map(_distance, itertools.pairwise(times))) if len(times) > 1 else None

    @property
    def job(self) -> str:
        """The scrape job."""
        return self.labels.get("job", "")

    @property
    def last_try(self) -> float:
        """The newest scrape, whether it succeeded or not; minus infinity without one."""
        tried = self.up[-1][0] if self.up else -math.inf
        return float(max(tried, self.times[-1] if self.times else -math.inf))


@dataclass
class ScrapeTargets:
    """The scrape targets that are proxies of one mesh. It does not change after `find` has returned it."""

    mesh: schema.Profile
    found: dict[Key, ScrapeTarget] = field(default_factory=dict)
    keys: target_keys.TargetKeys = field(default_factory=target_keys.TargetKeys)

    @property
    def numbers(self) -> dict[Key, number_types.TargetNumber]:
        """The number of each target, in the order of `found`."""
        numbers = number_types.all_of(number_types.TargetNumber, len(self.found))
        return dict(zip(self.found, numbers, strict=True))

    @property
    def newest(self) -> float:
        """The newest scrape of any proxy, Unix seconds; minus infinity if there is none."""
        scraped = (target.times for target in self.found.values())
        return max((times[-1] for times in scraped if times), default=-math.inf)

    @property
    def interval(self) -> float | None:
        """The scrape interval of most proxies: the median of all distances in seconds; None if no proxy was
        scraped twice.
        """
        gaps = [
            gap for target in self.found.values() for gap in map(_distance, itertools.pairwise(target.times))
        ]
        return float(np.median(gaps)) if gaps else None

    def first_scrapes(self) -> counters.Floats:
        """Return float64[T]: the first scrape of each target that succeeded, as far as is known; infinity if
        none did. A process behind a shared target is scraped since its first own sample.
        """
        return np.array([_first_scrape(target) for target in self.found.values()], dtype=np.float64)

    @functools.cached_property
    def starts(self) -> tuple[tuple[float, ...], ...]:
        """The starts of the processes of each target, Unix seconds, as far as the samples show."""
        return tuple(self._starts(target.ages) for target in self.found.values())

    def _starts(self, samples: Sequence[Any]) -> tuple[float, ...]:
        process = self.mesh.process
        if process is None or not samples:
            return ()
        reported = [(time, float(text) * process.scale) for time, text in samples]
        known = [(time, seconds) for time, seconds in reported if math.isfinite(seconds)]
        is_age = process.tells == "age"
        return counters.process_starts(
            [time for time, _ in known], [seconds if is_age else time - seconds for time, seconds in known]
        )


def needed_metrics(mesh: schema.Profile) -> Sequence[str]:
    """Return the metrics that `find` needs; empty if it needs all, because request counters show what a proxy
    is.
    """
    process = mesh.process
    return (plan.UP, process.metric) if process is not None and process.shows_proxies else ()


def find(found: Iterable[Series], mesh: schema.Profile) -> ScrapeTargets:
    """Return the proxies among the targets in the answer to a plan's counter queries.

    Raises faults.BackendRefused or one of `validation.SENSELESS`.
    """
    shows_proxies = mesh.process is not None and mesh.process.shows_proxies
    parted = _parted(found, mesh)
    ups = validation.checked(parted.ups, again=True)
    processes = validation.checked(parted.processes, again=True)
    keys = _keys(ups, processes if shows_proxies else parted.requests, mesh)
    proxies = {} if shows_proxies else _counting(parted.requests, keys)
    for series in processes:
        key = keys.of(series["metric"])
        if shows_proxies:
            proxies.setdefault(key, ScrapeTarget(labels=series["metric"]))
        if key in proxies:
            proxies[key].ages = series["values"]
    _add_ups(proxies, {keys.target(series["metric"]): series for series in ups}, keys, mesh)
    return ScrapeTargets(mesh=mesh, found=proxies, keys=keys)


@dataclass(frozen=True, slots=True)
class _Parted:
    """The series of an answer by what they show."""

    ups: list[Series] = field(default_factory=list)
    processes: list[Series] = field(default_factory=list)
    requests: list[Series] = field(default_factory=list)
    """Empty if the process shows what a proxy is."""


def _parted(found: Iterable[Series], mesh: schema.Profile) -> _Parted:
    parted, process = _Parted(), mesh.process
    for series in found:
        labels = series["metric"]
        if labels["__name__"] == plan.UP:
            parted.ups.append(series)
        elif process is not None and labels["__name__"] == process.metric:
            if fields.all_match(process.match, labels):
                parted.processes.append(series)
        elif process is None or not process.shows_proxies:
            parted.requests.append(series)
    return parted


def _add_ups(
    proxies: Mapping[Key, ScrapeTarget],
    ups: Mapping[Key, Series],
    keys: target_keys.TargetKeys,
    mesh: schema.Profile,
) -> None:
    """Give each proxy the series `up` of its target, except where the target carries several processes."""
    shows_proxies = mesh.process is not None and mesh.process.shows_proxies
    for target in proxies.values():
        own = ups.get(keys.target(target.labels))
        if own is None:
            continue
        target.target_labels = own["metric"]
        if not keys.is_shared(target.labels):
            if _is_of_same_scrapes(own["values"], target.ages or target.counted):
                target.up = own["values"]
            if not shows_proxies:
                target.labels = own["metric"]  # without the labels of requests


def _is_of_same_scrapes(up: Sequence[Any], samples: Sequence[Any]) -> bool:
    """Return whether the series `up` of a target shows when these samples of it were scraped. It does not if
    they have times of their own, as those of an exporter that gets them late: no time is in both.
    """
    return not samples or not {sample[0] for sample in up}.isdisjoint(sample[0] for sample in samples)


def find_by_requests(found: Iterable[Series], mesh: schema.Profile) -> ScrapeTargets:
    """Return the targets that count requests, whether or not they have the metric of the mesh's process.

    Raises as `find`.
    """
    process = mesh.process.model_copy(update={"shows_proxies": False}) if mesh.process else None
    return dataclasses.replace(find(found, mesh.model_copy(update={"process": process})), mesh=mesh)


def scraped(found: Iterable[Series], mesh: schema.Profile) -> list[ScrapeTarget]:
    """Return the targets in an answer that has only the series `up` and those of processes: the proxies, or
    all targets if only their requests show what is a proxy. Raises as `find`.
    """
    if mesh.process is not None and mesh.process.shows_proxies:
        return [*find(found, mesh).found.values()]
    ups = validation.checked((one for one in found if one["metric"]["__name__"] == plan.UP), again=True)
    return [ScrapeTarget(labels=one["metric"], up=one["values"]) for one in ups]


def _keys(ups: Sequence[Series], processes: Sequence[Series], mesh: schema.Profile) -> target_keys.TargetKeys:
    """Return the keys of all targets. Only where the targets report themselves can one carry several."""
    who = reporters.Identities(mesh)
    return target_keys.of(
        [series["metric"] for series in ups],
        [series["metric"] for series in processes] if mesh.reports_of_targets else (),
        identity=who.identity,
        identity_labels=mesh.target.identity,
    )


def _counting(requests: Iterable[Series], keys: target_keys.TargetKeys) -> dict[Key, ScrapeTarget]:
    """Return the targets that count requests."""
    found: dict[Key, ScrapeTarget] = {}
    for series in requests:
        key = keys.of(series["metric"])
        if key not in found:
            validation.samples(series["values"])
            found[key] = ScrapeTarget(labels=series["metric"], counted=series["values"])
    return found


def _first_scrape(target: ScrapeTarget) -> float:
    """Return the time of the first scrape that succeeded; infinity if none is known."""
    succeeded = min((sample[0] for sample in target.up if float(sample[1]) == 1.0), default=np.inf)
    own = target.ages[0][0] if target.ages and not target.up else np.inf
    return float(min(succeeded, own))


def _distance(pair: tuple[float, float]) -> float:
    return pair[1] - pair[0]
