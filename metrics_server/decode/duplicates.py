"""Finds scrape targets that report the process of another target, so that it counts once. Pure.

A proxy may be scraped by several jobs, at several ports, or by several replicas of Prometheus. Targets with
the same address report the same process. Targets with different addresses of one pod may be one process
(Istio serves its proxy's metrics at two ports) or two (a pod with two proxies): they are the same if they
started at the same time and no counter contradicts it. A counter contradicts if its samples from both
targets, in order of time, are not those of one counter.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Sequence

from metrics_server.decode import reporters, target_keys, targets

_SAME_START = 6.0
"""Seconds by which two reports of one start may differ: a proxy may update its age only every 5 s."""
_Samples = Sequence[tuple[float, float]]


def certain(proxies: targets.ScrapeTargets, who: reporters.Identities) -> set[target_keys.Key]:
    """Return the targets whose process another target with the same address reports at the same time. Of such
    targets, the one that was scraped most often is kept.
    """
    again = set()
    for several in _alike(proxies, who, by_address=True):
        kept: list[targets.ScrapeTarget] = []
        for key in several:
            target = proxies.found[key]
            if any(_meet(target, other) for other in kept):
                again.add(key)
            else:
                kept.append(target)
    return again


def possible(
    proxies: targets.ScrapeTargets, who: reporters.Identities, *, without: Collection[target_keys.Key]
) -> list[list[target_keys.Key]]:
    """Return the groups of targets of one pod that may be one process, the one to keep first. `without`:
    targets to leave out.
    """
    starts = dict(zip(proxies.found, proxies.starts, strict=True))
    groups = []
    for several in _alike(proxies, who, by_address=False):
        first, *others = [key for key in several if key not in without] or several
        group = [first]
        group += [
            key
            for key in others
            if _meet(proxies.found[first], proxies.found[key]) and _may_be_one(starts[first], starts[key])
        ]
        if len(group) > 1:
            groups.append(group)
    return groups


def _alike(
    proxies: targets.ScrapeTargets, who: reporters.Identities, *, by_address: bool
) -> list[list[target_keys.Key]]:
    """Return the groups of several targets that report the same pod (and address), most scrapes first."""
    groups: dict[tuple[object, ...], list[target_keys.Key]] = {}
    for key, target in proxies.found.items():
        identity = who.identity(target.labels)
        if by_address or identity.pod:
            groups.setdefault((identity, key[1] if by_address else ""), []).append(key)
    return [
        sorted(several, key=lambda key: (-len(proxies.found[key].times), key))
        for several in groups.values()
        if len(several) > 1
    ]


def _meet(one: targets.ScrapeTarget, other: targets.ScrapeTarget) -> bool:
    """Whether the times during which two targets were scraped overlap. One scrape alone does not show it, so
    it counts as an overlap: the target may have just begun to be scraped, as the other.
    """
    mine, others = one.times, other.times
    if min(len(mine), len(others)) < 2:
        return bool(mine and others)
    return mine[0] <= others[-1] and others[0] <= mine[-1]


def _may_be_one(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether two targets may report one process, as far as the starts of their processes show. After a
    restart one of them may not have been scraped yet.
    """
    pairs = itertools.product(one, other)
    return not (one and other) or any(abs(first - second) <= _SAME_START for first, second in pairs)


def contradict(pairs: Iterable[tuple[_Samples, _Samples]], *, starts: Sequence[float]) -> bool:
    """Return whether the samples of at least one counter cannot come from one process.

    `pairs`: for each counter, its samples (Unix time, value) from two targets, ascending in time. `starts`:
    when the processes of both targets started, Unix seconds.
    """
    return any(not _is_one(one, other, starts) for one, other in pairs)


def _is_one(one: _Samples, other: _Samples, starts: Sequence[float]) -> bool:
    """Whether the samples of two targets are those of one counter: it falls only where the process started
    anew, or where the samples of one target alone show it.
    """
    fell = _falls(one) or _falls(other)
    merged = sorted([(*sample, 0) for sample in one] + [(*sample, 1) for sample in other])
    for before, after in itertools.pairwise(merged):
        if before[0] == after[0] and before[1] != after[1]:
            return False
        anew = fell or any(before[0] < start <= after[0] for start in starts)
        if after[1] < before[1] and not anew:
            return False
    return True


def _falls(samples: _Samples) -> bool:
    return any(after[1] < before[1] for before, after in itertools.pairwise(samples))
