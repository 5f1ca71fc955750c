"""A split: the traffic of an apex, and the backends it is told to go to, by weight.

Two rules of one object that split differently are two splits. A backend of both is `shared`: nobody counts
apart by which rule a request went there.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from metrics_server.model import kinds

Target = tuple[kinds.Ref, str]
"""A service, and a subset of it or all of it."""
OBJECT = "TrafficSplit"
"""The kind whose name a split needs no prefix for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """Where a part of the traffic goes."""

    service: kinds.Ref
    """A service, or a host; of another kind where the source knows others."""
    subset: str = ""
    """The part of its pods that is meant, by the name the mesh gives it; empty means all."""
    labels: Mapping[str, str] | None = None
    """What the pods of the subset carry; None where nobody says."""
    weight: int

    @property
    def target(self) -> Target:
        return self.service, self.subset

    @property
    def called(self) -> str:
        """The service's name, with its kind where that is not a service, and the subset."""
        plain = self.service.kind in (kinds.SERVICE.name, kinds.HOST)
        name = self.service.name if plain else str(self.service)
        return f"{name}@{self.subset}" if self.subset else name

    def named(self, namespace: str) -> str:
        """How it is told from the others of a split in a namespace."""
        elsewhere = self.service.namespace and self.service.namespace != namespace
        return f"{self.service.namespace}:{self.called}" if elsewhere else self.called


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """One object's word on the traffic of one apex, or one rule's of several."""

    ref: kinds.Ref
    """The object."""
    rule: str = ""
    """The number of its rule, where it has several that split differently."""
    apex: str
    """What callers call: a service (with its namespace where that is another), or a host."""
    backends: tuple[Backend, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    at_home: bool = True
    """Whether all backends live in the split's own namespace, and the apex in no other."""
    shared: frozenset[Target] = frozenset()
    """What another split of the same object sends to, too."""

    @property
    def name(self) -> str:
        """The object's name; with its kind before, unless it is a TrafficSplit, and its rule behind."""
        prefixed = self.ref.kind != OBJECT or self.ref.name.partition(".")[0] in _PREFIXES
        name = str(self.ref) if prefixed else self.ref.name
        return f"{name}@{self.rule}" if self.rule else name

    def weight_share(self, backend: Backend) -> float | None:
        """Return the share that a backend is meant to have; None where all weights are 0."""
        total = sum(one.weight for one in self.backends)
        return backend.weight / total if total else None


_PREFIXES = frozenset({OBJECT.lower(), "httproute", "grpcroute", "serviceprofile", "virtualservice"})
"""With which the name of a TrafficSplit could be taken for another object's."""
Subsets = Mapping[Target, Mapping[str, str]]
"""The labels of each subset of a service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What one object says."""

    splits: tuple[Split, ...] = ()
    subsets: Subsets = field(default_factory=dict)


NOTHING = Declared()


def joined(declared: Iterable[Declared]) -> tuple[Split, ...]:
    """Return all splits, in order of namespace and name, their subsets with the labels that all agree on."""
    everything = list(declared)
    labels: dict[Target, list[Mapping[str, str]]] = collections.defaultdict(list)
    for one in everything:
        for key, carried in one.subsets.items():
            labels[key].append(carried)
    agreed = {key: told[0] for key, told in labels.items() if all(other == told[0] for other in told)}
    splits = [_labelled(split, agreed) for one in everything for split in one.splits]
    return tuple(sorted(splits, key=lambda split: (split.ref.namespace, split.name)))


def _labelled(split: Split, labels: Subsets) -> Split:
    backends = tuple(
        replace(one, labels=labels.get(one.target)) if one.subset else one for one in split.backends
    )
    return replace(split, backends=backends)


def of_rules(
    ref: kinds.Ref,
    *,
    apex: kinds.Ref,
    labels: Mapping[str, str],
    rules: Iterable[tuple[int, Sequence[tuple[Backend, Decimal]]]],
) -> tuple[Split, ...]:
    """Return the splits of an object's rules: numbers, and backends with weights. Equal rules are one."""
    distinct: dict[tuple[Backend, ...], int] = {}
    for number, weighed in rules:
        distinct.setdefault(_weighed(weighed), number)
    shared = _shared(distinct)
    return tuple(
        Split(
            ref=ref,
            rule=str(number) if len(distinct) > 1 else "",
            apex=_named(apex, ref.namespace),
            backends=backends,
            labels=labels,
            at_home=apex.namespace in ("", ref.namespace)
            and all(one.service.namespace == ref.namespace for one in backends),
            shared=shared & {one.target for one in backends},
        )
        for backends, number in distinct.items()
    )


def _shared(rules: Iterable[tuple[Backend, ...]]) -> frozenset[Target]:
    """Return what several rules send to; a service and a subset of it are the same thing, in part."""
    services: collections.Counter[kinds.Ref] = collections.Counter()
    targets: collections.Counter[Target] = collections.Counter()
    for backends in rules:
        services.update({one.service for one in backends})
        targets.update({one.target for one in backends})
    return frozenset(
        (service, subset)
        for (service, subset), count in targets.items()
        if count > 1 or (services[service] > 1 and (not subset or (service, "") in targets))
    )


def _named(apex: kinds.Ref, namespace: str) -> str:
    return apex.name if apex.namespace in ("", namespace) else f"{apex.name}.{apex.namespace}"


def _weighed(backends: Sequence[tuple[Backend, Decimal]]) -> tuple[Backend, ...]:
    """Return each backend once with its weight as a whole number; a service's ports are not told apart."""
    total: dict[Backend, Decimal] = {}
    for backend, weight in backends:
        total[backend] = total.get(backend, Decimal(0)) + weight
    scale = next(scale for scale in _SCALES if all(weight * scale % 1 == 0 for weight in total.values()))
    return tuple(replace(backend, weight=int(weight * scale)) for backend, weight in total.items())


_SCALES = (1, 10**3, 10**6, 10**9)
"""Weights are quantities in the oldest TrafficSplits, such as `900m`; what counts is how they compare."""
