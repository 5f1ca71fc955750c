"""The types of splits: a split divides the traffic of a service, its apex, among backends by weight. Pure.

Two rules of one object that split differently are two splits. A backend of both is `shared`: proxies do not
count separately which rule sent a request there.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from metrics_server.model import kinds

Target = tuple[kinds.Ref, str]
"""A service and the name of one of its subsets; an empty name means the whole service."""
OBJECT = "TrafficSplit"
"""The kind of object whose splits have a name without a prefix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """A service, host or subset that receives a part of the traffic."""

    service: kinds.Ref
    """A service or a host; in some sources also another kind."""
    subset: str = ""
    """The subset of its pods, by its name in the mesh; empty means all pods."""
    labels: Mapping[str, str] | None = None
    """The labels that the pods of the subset have; None if no object declares them."""
    weight: int

    @property
    def target(self) -> Target:
        """The service and the subset."""
        return self.service, self.subset

    @property
    def called(self) -> str:
        """The name for users: that of the service, with its kind if it is no service, and the subset."""
        plain = self.service.kind in (kinds.SERVICE.name, kinds.HOST)
        name = self.service.name if plain else str(self.service)
        return f"{name}@{self.subset}" if self.subset else name

    def named(self, namespace: str) -> str:
        """Return the name for users in a split of this namespace: with its own namespace if that differs."""
        elsewhere = self.service.namespace and self.service.namespace != namespace
        return f"{self.service.namespace}:{self.called}" if elsewhere else self.called


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """How one object, or one of its rules, divides the traffic of an apex."""

    ref: kinds.Ref
    """The object."""
    rule: str = ""
    """The number of the rule, from 1; empty unless the object has several rules that split differently."""
    apex: str
    """The service or host that callers call; `name.namespace` for a service in another namespace."""
    backends: tuple[Backend, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    at_home: bool = True
    """Whether the apex and all backends are in the namespace of the split; the apex may also be a host."""
    shared: frozenset[Target] = frozenset()
    """The backends to which another split of the same object also sends."""

    @property
    def name(self) -> str:
        """`[kind.]name[@rule]`: the kind is left out for a TrafficSplit."""
        prefixed = self.ref.kind != OBJECT or self.ref.name.partition(".")[0] in _PREFIXES
        name = str(self.ref) if prefixed else self.ref.name
        return f"{name}@{self.rule}" if self.rule else name

    def weight_share(self, backend: Backend) -> float | None:
        """Return the declared share of a backend, 0 to 1; None if all weights are 0."""
        total = sum(one.weight for one in self.backends)
        return backend.weight / total if total else None


_PREFIXES = frozenset({OBJECT.lower(), "httproute", "grpcroute", "serviceprofile", "virtualservice"})
"""A TrafficSplit whose name begins with one of these is shown with its kind, as the name could be read as
that of an object of another kind.
"""
Subsets = Mapping[Target, Mapping[str, str]]
"""The labels of each subset of a service."""


Rules = Mapping[str, tuple[kinds.Ref, ...]]
"""The backends of each rule of a route, in order. A rule has its number from 0, or the hash by which proxies
name it.
"""
Routes = Mapping[kinds.Ref, Rules]
"""The rules of each route, by the object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What one object declares."""

    splits: tuple[Split, ...] = ()
    subsets: Subsets = field(default_factory=dict)
    rules: Rules = field(default_factory=dict)


NOTHING = Declared()


def routes(declared: Mapping[kinds.Ref, Declared]) -> Routes:
    """Return the rules of all objects that are routes."""
    return {ref: one.rules for ref, one in declared.items() if one.rules}


def joined(declared: Iterable[Declared]) -> tuple[Split, ...]:
    """Return all splits, ordered by namespace and name, with the labels of their subsets.

    A subset that several objects declare with different labels has none.
    """
    everything = list(declared)
    labels: dict[Target, list[Mapping[str, str]]] = collections.defaultdict(list)
    for one in everything:
        for key, carried in one.subsets.items():
            labels[key].append(carried)
    agreed = {key: found[0] for key, found in labels.items() if all(other == found[0] for other in found)}
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
    """Return the splits of an object's rules. Rules that split alike are one split.

    `rules`: the number of each rule, and its backends with their weights.
    """
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
    """Return the targets to which several rules send. A service overlaps with each of its subsets."""
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
    """Return each backend once, with its weight as a whole number. Weights of a service's ports are added."""
    total: dict[Backend, Decimal] = {}
    for backend, weight in backends:
        total[backend] = total.get(backend, Decimal(0)) + weight
    scale = next(scale for scale in _SCALES if all(weight * scale % 1 == 0 for weight in total.values()))
    return tuple(replace(backend, weight=int(weight * scale)) for backend, weight in total.items())


_SCALES = (1, 10**3, 10**6, 10**9)
"""Factors that make weights whole numbers: split.smi-spec.io/v1alpha1 has quantities such as `900m`."""
