"""Says from which scrape target a series comes, and which process behind that target it is about. Pure.

A target is identified by its labels `job` and `instance`. Where several targets share both, the labels in
which their series `up` differ are added. This happens where replicas of Prometheus add a label of their own,
where a pod's labels change (it is a new target from then on), and where `instance` is the name of the node.

One target may also carry the series of several processes: a federated Prometheus, a collector, an agent.
Their series then have the job and instance of that target, and differ in the labels that name a pod or
machine. These labels are added, too, so that no process gets the age or the scrapes of another.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Series = dict[str, Any]
Key = tuple[str, ...]
"""Job, instance, and the values of the labels that distinguish this target or process from others with the
same two.
"""
Labels = Mapping[str, str]


@dataclass(slots=True)
class TargetKeys:
    """Finds the scrape target, and the process behind it, of a series."""

    apart: Mapping[tuple[str, str], Sequence[str]] = field(default_factory=dict)
    """For each job and instance that several targets share, the labels in which these differ."""
    processes: Mapping[tuple[str, str], Sequence[str]] = field(default_factory=dict)
    """For each job and instance behind which there are several processes, the labels in which these differ,
    those of `apart` among them.
    """

    def of(self, labels: Labels) -> Key:
        """Return the key of the process from which a series with these labels comes."""
        place = _place(labels)
        return _key(place, labels, self.processes.get(place, self.apart.get(place, ())))

    def target(self, labels: Labels) -> Key:
        """Return the key of the scrape target alone."""
        place = _place(labels)
        return _key(place, labels, self.apart.get(place, ()))

    def is_shared(self, labels: Labels) -> bool:
        """Return whether several processes are behind the target from which a series comes."""
        return _place(labels) in self.processes


def of(
    ups: Iterable[Labels],
    processes: Iterable[Labels],
    *,
    identity: Callable[[Labels], Hashable],
    identity_labels: Sequence[str],
) -> TargetKeys:
    """Return the keys of all targets.

    `ups`: the labels of the series `up`, which are exactly those of the target. `processes`: those of at
    least one series per process. `identity`: returns what names the pod or machine of a series;
    `identity_labels` are the labels from which it is read.
    """
    apart = {
        place: _differing(several, {label for one in several for label in one})
        for place, several in _by_place(ups).items()
        if len(several) > 1
    }
    shared = {}
    for place, several in _by_place(processes).items():
        if len(several) == 1 or len({identity(one) for one in several}) == 1:
            continue
        known = apart.get(place, [])
        further = [label for label in _differing(several, identity_labels) if label not in known]
        if further:
            shared[place] = [*known, *further]
    return TargetKeys(apart, shared)


def _place(labels: Labels) -> tuple[str, str]:
    return labels.get("job", ""), labels.get("instance", "")


def _key(place: tuple[str, str], labels: Labels, further: Sequence[str]) -> Key:
    return (*place, *(labels.get(label, "") for label in further)) if further else place


def _by_place(found: Iterable[Labels]) -> dict[tuple[str, str], list[Labels]]:
    """Return label sets by job and instance."""
    places: dict[tuple[str, str], list[Labels]] = {}
    for labels in found:
        places.setdefault(_place(labels), []).append(labels)
    return places


def _differing(several: Sequence[Labels], labels: Iterable[str]) -> list[str]:
    """Return the labels whose values differ between label sets, sorted."""
    return [label for label in sorted(labels) if len({one.get(label, "") for one in several}) > 1]
