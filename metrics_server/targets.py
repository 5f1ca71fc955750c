"""What the scrapes tell of each target: whether it is a proxy, when it was scraped, when its process
began.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from metrics_server import counting, facts, identities, plan, profile, snapshot

Series = dict[str, Any]
Key = tuple[str, str]


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
class Targets:
    """All proxies among the scrape targets, by job and instance."""

    mesh: profile.Profile
    found: dict[Key, Target] = field(default_factory=dict)

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

    def known(self, *, start: float) -> counting.Targets:
        """Return what counting needs to know of them."""
        return counting.Targets(
            scraped_at_start=np.array(
                [_scraped(target.up, start) for target in self.found.values()], dtype=np.bool_
            ),
            starts=tuple(self._starts(target.ages) for target in self.found.values()),
        )

    def spans(self, who: identities.Identities, *, start: float) -> dict[int, snapshot.Span]:
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
        return counting.process_starts(times, told if process.tells == "age" else times - told)

    def duplicates(self, who: identities.Identities) -> set[Key]:
        """Return targets that are another's very process: one identity and one instance, in several jobs."""
        seen = set()
        again = set()
        for key in sorted(self.found):
            process = (*who.identity(self.found[key].labels), key[1])
            if process in seen:
                again.add(key)
            seen.add(process)
        return again


def key_of(labels: Mapping[str, str]) -> Key:
    """Return which scrape target a series comes from."""
    return labels.get("job", ""), labels.get("instance", "")


def find(counters: Iterable[Series], mesh: profile.Profile) -> Targets:
    """Return the proxies among the targets that the answer to a plan's counter queries speaks of."""
    ups: dict[Key, Series] = {}
    proxies: dict[Key, Target] = {}
    for series in counters:
        labels = series["metric"]
        if labels["__name__"] == plan.UP:
            ups[key_of(labels)] = series
        elif mesh.process is None:
            proxies.setdefault(key_of(labels), Target(labels=labels, counted=series["values"]))
        elif labels["__name__"] == mesh.process.metric and facts.all_match(mesh.process.match, labels):
            proxies[key_of(labels)] = Target(labels=labels, ages=series["values"])
    for key in proxies.keys() & ups.keys():
        target = proxies[key]
        target.up = ups[key]["values"]
        if mesh.process is None:
            target.labels = ups[key]["metric"]  # and nothing of one request
    return Targets(mesh=mesh, found=proxies)


def join(spans: dict[int, snapshot.Span], reporter: int, span: snapshot.Span) -> None:
    """Add what one more target tells of a reporter."""
    spans[reporter] = _wider(spans.get(reporter, span), span)


def _wider(one: snapshot.Span, other: snapshot.Span) -> snapshot.Span:
    """Return what is known where two targets tell of one reporter."""
    return snapshot.Span(
        since=min(one.since, other.since),
        until=max(one.until, other.until),
        born=one.born and other.born,
        base=min((base for base in (one.base, other.base) if base is not None), default=None),
    )


def _scraped(up: Sequence[Any], moment: float) -> bool:
    """Whether the last scrape at or before a moment succeeded."""
    before = [sample[1] for sample in up if sample[0] <= moment]
    return bool(before) and float(before[-1]) == 1.0
