"""Finds the proxies among the scrape targets, when each was scraped and when its processes started.

A target is identified by its labels `job` and `instance`. Where several targets share both, the labels in
which their series `up` differ are added. This happens where replicas of Prometheus add a label of their own,
where a pod's labels change (it is a new target from then on), and where `instance` is the name of the node.
If several targets report one process at the same time, only one of them is counted.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from metrics_server.decode import counters, reporters
from metrics_server.model import number_types, snapshot, validation
from metrics_server.profiles import fields, schema
from metrics_server.query import plan

Series = dict[str, Any]
Key = tuple[str, ...]
"""Job, instance, and the values of the labels that distinguish this target from others with the same two."""


@dataclass(slots=True)
class ScrapeTarget:
    """The samples of one scrape target."""

    labels: Mapping[str, str]
    up: Sequence[Any] = ()
    """Of the series `up`: pairs of Unix time and text, as the query API returns them."""
    ages: Sequence[Any] = ()
    """Of its process' age or start; empty if the mesh has no such series."""
    counted: Sequence[Any] = ()
    """Of one of its counters, to know the scrapes where neither `up` nor `ages` shows them."""

    @property
    def scrapes(self) -> Sequence[Any]:
        """One sample per scrape that succeeded."""
        return self.ages or [sample for sample in self.up if float(sample[1]) == 1.0] or self.counted


@dataclass(slots=True)
class TargetKeys:
    """Finds the scrape target of a series."""

    apart: Mapping[tuple[str, str], Sequence[str]] = field(default_factory=dict)
    """For each job and instance that several targets share, the labels in which these differ."""

    def of(self, labels: Mapping[str, str]) -> Key:
        """Return the key of the target from which a series with these labels was scraped."""
        key = labels.get("job", ""), labels.get("instance", "")
        further = self.apart.get(key)
        return key if further is None else (*key, *(labels.get(label, "") for label in further))


@dataclass(slots=True)
class ScrapeTargets:
    """The scrape targets that are proxies of one mesh."""

    mesh: schema.Profile
    found: dict[Key, ScrapeTarget] = field(default_factory=dict)
    keys: TargetKeys = field(default_factory=TargetKeys)

    @property
    def numbers(self) -> dict[Key, number_types.TargetNumber]:
        """The number of each target, in the order of `found`."""
        numbers = number_types.all_of(number_types.TargetNumber, len(self.found))
        return dict(zip(self.found, numbers, strict=True))

    @property
    def newest(self) -> float:
        """The newest scrape of any proxy, Unix seconds; minus infinity if there is none."""
        scraped = (target.scrapes for target in self.found.values())
        return max((scrapes[-1][0] for scrapes in scraped if scrapes), default=-np.inf)

    @property
    def interval(self) -> float | None:
        """The scrape interval: the median of all distances in seconds; None if no proxy was scraped twice."""
        times = ([sample[0] for sample in target.scrapes] for target in self.found.values())
        gaps = [later - earlier for series in times for earlier, later in itertools.pairwise(series)]
        return float(np.median(gaps)) if gaps else None

    @property
    def known(self) -> counters.TargetTimes:
        """The first scrapes and process starts that `counters.requests` needs."""
        return counters.TargetTimes(
            scraped=np.array([_first_scrape(target.up) for target in self.found.values()], dtype=np.float64),
            starts=tuple(self._starts(target.ages) for target in self.found.values()),
        )

    def spans(
        self, who: reporters.Identities, *, start: float
    ) -> dict[number_types.ReporterNumber, snapshot.Span]:
        """Return the coverage of the window from `start`, by reporter number, for targets that are
        reporters.
        """
        spans: dict[number_types.ReporterNumber, snapshot.Span] = {}
        for target in self.found.values() if self.mesh.reports_of_targets else ():
            join(spans, who.reporter(target.labels), self.span(target, start=start))
        return spans

    def span(self, target: ScrapeTarget, *, start: float) -> snapshot.Span:
        """Return the part of the window from `start` for which there are samples of a target."""
        scrapes = target.scrapes
        if not scrapes:
            return snapshot.Span(since=start, until=start)
        first, last = scrapes[0][0], scrapes[-1][0]
        if first <= start or _scraped(target.up, start):
            base = max((sample[0] for sample in scrapes if sample[0] <= start), default=None)
            return snapshot.Span(since=start, until=last, base=base)
        began = min(self._starts(target.ages), default=first)
        if began > start:
            return snapshot.Span(since=began, until=last, born=bool(target.ages))
        return snapshot.Span(since=first, until=last)

    def _starts(self, samples: Sequence[Any]) -> tuple[float, ...]:
        process = self.mesh.process
        if process is None or not samples:
            return ()
        times = np.array([sample[0] for sample in samples])
        seconds = np.array([float(sample[1]) for sample in samples]) * process.scale
        finite = np.isfinite(seconds)
        times, seconds = times[finite], seconds[finite]
        return counters.process_starts(times, seconds if process.tells == "age" else times - seconds)

    def duplicates(self, who: reporters.Identities) -> set[Key]:
        """Return the targets whose process another target reports at the same time.

        They have the same identity and instance, in several jobs or from several replicas of Prometheus. Of
        such targets, the one that was scraped most often is kept.
        """
        seen: dict[tuple[object, ...], list[ScrapeTarget]] = {}
        again = set()
        for key, target in sorted(self.found.items(), key=lambda one: (-len(one[1].scrapes), one[0])):
            others = seen.setdefault((*who.identity(target.labels), key[1]), [])
            if any(_meet(target, other) for other in others):
                again.add(key)
            else:
                others.append(target)
        return again


def needed_metrics(mesh: schema.Profile) -> Sequence[str]:
    """Return the metrics that `find` needs; empty if it needs all, because request counters show what a proxy
    is.
    """
    process = mesh.process
    return (plan.UP, process.metric) if process is not None and process.shows_proxies else ()


def find(counters: Iterable[Series], mesh: schema.Profile) -> ScrapeTargets:
    """Return the proxies among the targets in the answer to a plan's counter queries.

    Raises faults.BackendRefused or one of `validation.SENSELESS`.
    """
    ups: list[Series] = []
    processes: list[Series] = []
    requests: list[Series] = []
    process, shows_proxies = mesh.process, mesh.process is not None and mesh.process.shows_proxies
    for series in counters:
        labels = series["metric"]
        if labels["__name__"] == plan.UP:
            ups.append(series)
        elif process is not None and labels["__name__"] == process.metric:
            if fields.all_match(process.match, labels):
                processes.append(series)
        elif not shows_proxies:
            requests.append(series)
    keys = _keys(ups)
    up = {keys.of(series["metric"]): series for series in validation.checked(ups, again=True)}
    proxies = {} if shows_proxies else _counting(requests, keys, up)
    for series in validation.checked(processes, again=True):
        key = keys.of(series["metric"])
        if shows_proxies:
            proxies.setdefault(key, ScrapeTarget(labels=series["metric"]))
        if key in proxies:
            proxies[key].ages = series["values"]
    for key in proxies.keys() & up.keys():
        proxies[key].up = up[key]["values"]
    return ScrapeTargets(mesh=mesh, found=proxies, keys=keys)


def _counting(
    requests: Iterable[Series], keys: TargetKeys, up: Mapping[Key, Series]
) -> dict[Key, ScrapeTarget]:
    """Return the targets that count requests, with the labels of their `up`, which has no labels of
    requests.
    """
    found: dict[Key, ScrapeTarget] = {}
    for series in requests:
        key = keys.of(series["metric"])
        if key not in found:
            validation.samples(series["values"])
            labels = up[key]["metric"] if key in up else series["metric"]
            found[key] = ScrapeTarget(labels=labels, counted=series["values"])
    return found


def _keys(ups: Iterable[Series]) -> TargetKeys:
    """Return the keys of all targets, from the series `up`, which has exactly the labels of its target."""
    alike: dict[Key, list[Mapping[str, str]]] = {}
    for series in ups:
        alike.setdefault(TargetKeys().of(series["metric"]), []).append(series["metric"])
    apart = {}
    for (job, instance), several in alike.items():
        if len(several) > 1:
            labels = sorted({label for one in several for label in one})
            apart[job, instance] = [
                label for label in labels if len({one.get(label, "") for one in several}) > 1
            ]
    return TargetKeys(apart)


def join(
    spans: dict[number_types.ReporterNumber, snapshot.Span],
    reporter: number_types.ReporterNumber,
    span: snapshot.Span,
) -> None:
    """Widen the coverage of a reporter by that of one more target that reports it. Changes `spans`."""
    spans[reporter] = _wider(spans.get(reporter, span), span)


def _meet(one: ScrapeTarget, other: ScrapeTarget) -> bool:
    """Whether the times during which two targets were scraped overlap."""
    mine, others = one.scrapes, other.scrapes
    return bool(mine and others and mine[0][0] <= others[-1][0] and others[0][0] <= mine[-1][0])


def _wider(one: snapshot.Span, other: snapshot.Span) -> snapshot.Span:
    """Return the coverage of a reporter from the coverages of two targets."""
    return snapshot.Span(
        since=min(one.since, other.since),
        until=max(one.until, other.until),
        born=one.born and other.born,
        base=min((base for base in (one.base, other.base) if base is not None), default=None),
    )


def _first_scrape(up: Sequence[Any]) -> float:
    """Return the time of the first scrape that succeeded; infinity if none did."""
    return min((sample[0] for sample in up if float(sample[1]) == 1.0), default=np.inf)


def _scraped(up: Sequence[Any], time: float) -> bool:
    """Whether the last scrape at or before a time succeeded."""
    before = [sample[1] for sample in up if sample[0] <= time]
    return bool(before) and float(before[-1]) == 1.0
