"""What the scrapes tell of each target: whether it is a proxy, when it was scraped, when its process
began.

A target is known by its job and instance, and where several have these in common by the other labels of its
`up`: replicas of Prometheus put one of their own on all they scrape, a pod that is given another label is
from then on another target, and some scrapes name instances by their node. What several targets tell of one
process at the same time counts once.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from metrics_server.decode import counters, reporters
from metrics_server.model import snapshot, validation
from metrics_server.profiles import fields, schema
from metrics_server.query import plan

Series = dict[str, Any]
Key = tuple[str, ...]
"""Job, instance, and the values of the labels that tell this target from others of these."""


@dataclass(slots=True)
class Target:
    """The samples of one scrape target."""

    labels: Mapping[str, str]
    up: Sequence[Any] = ()
    ages: Sequence[Any] = ()
    """Of its process; none in a mesh whose processes do not tell theirs."""
    counted: Sequence[Any] = ()
    """The samples of some counter, where nothing else tells when it was scraped."""

    @property
    def scrapes(self) -> Sequence[Any]:
        """A sample for each scrape that succeeded."""
        return self.ages or [sample for sample in self.up if float(sample[1]) == 1.0] or self.counted


@dataclass(slots=True)
class Keys:
    """Which scrape target a series comes from."""

    apart: Mapping[tuple[str, str], Sequence[str]] = field(default_factory=dict)
    """The labels that tell targets of one job and instance apart."""

    def of(self, labels: Mapping[str, str]) -> Key:
        """Return the target of a series with these labels."""
        key = labels.get("job", ""), labels.get("instance", "")
        further = self.apart.get(key)
        return key if further is None else (*key, *(labels.get(label, "") for label in further))


@dataclass(slots=True)
class Targets:
    """All proxies among the scrape targets."""

    mesh: schema.Profile
    found: dict[Key, Target] = field(default_factory=dict)
    keys: Keys = field(default_factory=Keys)

    @property
    def numbers(self) -> dict[Key, int]:
        return {key: number for number, key in enumerate(self.found)}

    @property
    def newest(self) -> float:
        """When a proxy was last scraped; minus infinity if none was."""
        scraped = (target.scrapes for target in self.found.values())
        return max((scrapes[-1][0] for scrapes in scraped if scrapes), default=-np.inf)

    @property
    def interval(self) -> float | None:
        """Seconds between two scrapes; None if no proxy was scraped twice."""
        times = ([sample[0] for sample in target.scrapes] for target in self.found.values())
        gaps = [later - earlier for series in times for earlier, later in itertools.pairwise(series)]
        return float(np.median(gaps)) if gaps else None

    @property
    def known(self) -> counters.Targets:
        """What counting needs to know of them."""
        return counters.Targets(
            scraped=np.array([_first_scrape(target.up) for target in self.found.values()], dtype=np.float64),
            starts=tuple(self._starts(target.ages) for target in self.found.values()),
        )

    def spans(self, who: reporters.Identities, *, start: float) -> dict[int, snapshot.Span]:
        """Return over which part of the window each target that is a reporter is known, by its number."""
        spans: dict[int, snapshot.Span] = {}
        for target in self.found.values() if self.mesh.reports_of_targets else ():
            join(spans, who.reporter(target.labels), self.span(target, start=start))
        return spans

    def span(self, target: Target, *, start: float) -> snapshot.Span:
        """Return over which part of the window a target is known."""
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
        told = np.array([float(sample[1]) for sample in samples]) * process.scale
        finite = np.isfinite(told)
        times, told = times[finite], told[finite]
        return counters.process_starts(times, told if process.tells == "age" else times - told)

    def duplicates(self, who: reporters.Identities) -> set[Key]:
        """Return targets that are another's very process at the same time: one identity and one instance, in
        several jobs or of several replicas. The one that was scraped most often is none.
        """
        seen: dict[tuple[object, ...], list[Target]] = {}
        again = set()
        for key, target in sorted(self.found.items(), key=lambda one: (-len(one[1].scrapes), one[0])):
            others = seen.setdefault((*who.identity(target.labels), key[1]), [])
            if any(_meet(target, other) for other in others):
                again.add(key)
            else:
                others.append(target)
        return again


def told_by(mesh: schema.Profile) -> Sequence[str]:
    """Return the metrics that `find` needs; none where requests tell who is a proxy: then it needs all."""
    process = mesh.process
    return (plan.UP, process.metric) if process is not None and process.shows_proxies else ()


def find(counters: Iterable[Series], mesh: schema.Profile) -> Targets:
    """Return the proxies among the targets that the answer to a plan's counter queries speaks of. Raises
    faults.BackendRefused, or what `validation.SENSELESS` says.
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
            proxies.setdefault(key, Target(labels=series["metric"]))
        if key in proxies:
            proxies[key].ages = series["values"]
    for key in proxies.keys() & up.keys():
        proxies[key].up = up[key]["values"]
    return Targets(mesh=mesh, found=proxies, keys=keys)


def _counting(requests: Iterable[Series], keys: Keys, up: Mapping[Key, Series]) -> dict[Key, Target]:
    """Return the targets that count requests; the labels of `up` are a target's and of no request."""
    found: dict[Key, Target] = {}
    for series in requests:
        key = keys.of(series["metric"])
        if key not in found:
            validation.samples(series["values"])
            labels = up[key]["metric"] if key in up else series["metric"]
            found[key] = Target(labels=labels, counted=series["values"])
    return found


def _keys(ups: Iterable[Series]) -> Keys:
    """Return how targets are told apart: `up` has the labels of its target and no others."""
    alike: dict[Key, list[Mapping[str, str]]] = {}
    for series in ups:
        alike.setdefault(Keys().of(series["metric"]), []).append(series["metric"])
    apart = {}
    for (job, instance), several in alike.items():
        if len(several) > 1:
            labels = sorted({label for one in several for label in one})
            apart[job, instance] = [
                label for label in labels if len({one.get(label, "") for one in several}) > 1
            ]
    return Keys(apart)


def join(spans: dict[int, snapshot.Span], reporter: int, span: snapshot.Span) -> None:
    """Add what one more target tells of a reporter."""
    spans[reporter] = _wider(spans.get(reporter, span), span)


def _meet(one: Target, other: Target) -> bool:
    """Whether two targets were scraped during the same time."""
    mine, others = one.scrapes, other.scrapes
    return bool(mine and others and mine[0][0] <= others[-1][0] and others[0][0] <= mine[-1][0])


def _wider(one: snapshot.Span, other: snapshot.Span) -> snapshot.Span:
    """Return what is known where two targets tell of one reporter."""
    return snapshot.Span(
        since=min(one.since, other.since),
        until=max(one.until, other.until),
        born=one.born and other.born,
        base=min((base for base in (one.base, other.base) if base is not None), default=None),
    )


def _first_scrape(up: Sequence[Any]) -> float:
    """Return when a scrape first succeeded; infinity if none did."""
    return min((sample[0] for sample in up if float(sample[1]) == 1.0), default=np.inf)


def _scraped(up: Sequence[Any], moment: float) -> bool:
    """Whether the last scrape at or before a moment succeeded."""
    before = [sample[1] for sample in up if sample[0] <= moment]
    return bool(before) and float(before[-1]) == 1.0
