"""How the two ends of a request are told: by the scrape, by labels of their own, or by a name."""

from __future__ import annotations

import re
from typing import Annotated

import pydantic

from metrics_server.profiles.fields import Facts, LabelName, Pattern

_GROUPS = frozenset(
    {"namespace", "service", "name", "host", "port", "subset", "workload", "kind", "pod", "joined", "address"}
)
_NAMING = frozenset({"service", "name", "host", "workload", "pod", "joined", "address"})


class Target(Facts):
    """The labels of a scrape target that say whose proxy it is; of each list, the first that is set
    counts.
    """

    namespace: tuple[LabelName, ...] = ("namespace",)
    pod: tuple[LabelName, ...] = ("pod",)
    node: tuple[LabelName, ...] = ("node",)
    machine: tuple[LabelName, ...] = ()
    controller_kind: tuple[LabelName, ...] = ()
    controller_name: tuple[LabelName, ...] = ()
    other: tuple[LabelName, ...] = ("job", "instance")

    @property
    def identity(self) -> tuple[str, ...]:
        """The labels by which figures of one proxy are told from another's."""
        return (*self.namespace, *self.pod, *self.machine, "instance")


class Labelled(Facts):
    """An end of a request, told by labels of its own; of each list, the first that is set counts.

    A label whose value is `unknown` tells nothing.
    """

    namespace: tuple[LabelName, ...] = ()
    pod: tuple[LabelName, ...] = ()
    workload: tuple[LabelName, ...] = ()
    """Its name alone; what kind it is, Kubernetes knows."""
    kind: tuple[LabelName, ...] = ()
    """Labels whose value is the kind of the `workload`."""
    kinds: dict[LabelName, str] = pydantic.Field(default_factory=dict)
    """Labels that name the workload and by that its kind, the uppermost first."""
    machine: tuple[LabelName, ...] = ()
    outside: dict[LabelName, Pattern] = pydantic.Field(default_factory=dict)
    """Where all of these match, the `workload` is a machine outside Kubernetes."""
    service: tuple[LabelName, ...] = ()
    service_namespace: tuple[LabelName, ...] = ()
    passthrough: Pattern | None = None
    """Names of a `service` that stand for any host which the mesh does not know."""
    anywhere: bool = False
    """Names are told without a namespace: each is the caller's own, or the only one that Kubernetes knows."""
    sanitized: bool = False
    """Whatever is no letter and no digit has become `_` in the names."""
    unknown: Pattern = "unknown"

    @pydantic.model_validator(mode="after")
    def _names_somebody(self) -> Labelled:
        if not (self.pod or self.workload or self.kinds or self.machine or self.service):
            raise ValueError("an end is told by `pod`, `workload`, `kinds`, `machine` or `service`")
        return self

    @property
    def told_by(self) -> tuple[str, ...]:
        """All labels that tell it."""
        labels = (
            *self.namespace, *self.pod, *self.workload, *self.kind, *self.kinds, *self.machine, *self.outside,
            *self.service, *self.service_namespace,
        )  # fmt: skip
        return tuple(dict.fromkeys(labels))


class Named(Facts):
    """An end of a request, named in one label: what does not count as one, and how a name is read.

    Groups of a pattern say what its parts are: `service`, `workload` (of a `kind`) or `pod` of a `namespace`;
    a `name` of the caller's own namespace; a `host`; the `address` of a pod; or namespace and service
    `joined` by a `-`, which only Kubernetes can tell apart.
    """

    label: LabelName
    exclude: tuple[Pattern, ...] = ()
    passthrough: tuple[Pattern, ...] = ()
    """Names that stand for any host which the mesh does not know."""
    patterns: tuple[Pattern, ...]
    anywhere: bool = False
    """A `name` is of the caller's own namespace, or the only one of that name that Kubernetes knows."""
    sanitized: bool = False
    """Whatever is no letter and no digit has become `_` in the names."""

    @pydantic.field_validator("patterns")
    @classmethod
    def _known_groups(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        if not patterns:
            raise ValueError("an end is read by at least one pattern")
        for pattern in patterns:
            groups = set(re.compile(pattern).groupindex)
            if stray := groups - _GROUPS:
                raise ValueError(f"{pattern!r} names {sorted(stray)}; known groups are {sorted(_GROUPS)}")
            if not groups & _NAMING:
                raise ValueError(f"{pattern!r} names nobody; it needs one of the groups {sorted(_NAMING)}")
        return patterns

    @property
    def excluded(self) -> str:
        """One pattern of all that is left out, or an empty text."""
        return "|".join(f"({pattern})" for pattern in self.exclude)

    @property
    def told_by(self) -> tuple[str, ...]:
        """The one label."""
        return (self.label,)


Party = Named | Labelled
WAYS = ("named", "labelled")


def _way(given: object) -> str:
    """Which of the two an end is meant to be."""
    named, labelled = WAYS
    return named if isinstance(given, Named) or (isinstance(given, dict) and "label" in given) else labelled


AnyParty = Annotated[
    Annotated[Named, pydantic.Tag("named")] | Annotated[Labelled, pydantic.Tag("labelled")],
    pydantic.Discriminator(_way),
]
