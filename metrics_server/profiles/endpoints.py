"""The part of a profile that says how labels name the two endpoints of a request.

A reporter is named by the labels of its scrape target (`TargetLabels`). A peer, or another reporter, is named
by separate labels for namespace, pod, workload … (`Labelled`) or by the value of one label (`NamedEndpoint`).
"""

from __future__ import annotations

import re
from typing import Annotated

import pydantic

from metrics_server.profiles.fields import LabelName, Pattern, StrictModel

_GROUPS = frozenset(
    {
        "namespace", "service", "name", "host", "port", "subset", "workload", "kind", "pod", "joined",
        "address", "cluster", "route", "rule", "backend",
    }
)  # fmt: skip
_NAMING = frozenset({"service", "name", "host", "workload", "pod", "joined", "address", "route"})
_IN_CLUSTERS = frozenset({"service", "name", "workload", "pod"})
"""The groups that can name an endpoint of another cluster."""


CARRIED_PODS = (("exported_pod", "exported_namespace"), ("k8s_pod_name", "k8s_namespace_name"))
"""Labels with the pod and the namespace of the proxy where the scrape target itself is another pod: a
federated Prometheus, a collector. The first pair is what Prometheus makes of labels that the target has too.
"""
_CARRIED = tuple(label for pair in CARRIED_PODS for label in pair)


class TargetLabels(StrictModel):
    """The labels of a scrape target that identify its proxy. Of each list, the first label that is set
    counts.
    """

    namespace: tuple[LabelName, ...] = ("namespace",)
    pod: tuple[LabelName, ...] = ("pod",)
    node: tuple[LabelName, ...] = ("node",)
    machine: tuple[LabelName, ...] = ()
    mesh: tuple[LabelName, ...] = ()
    """Labels that together name the mesh of a proxy: machines of one name in two meshes are two machines."""
    controller_kind: tuple[LabelName, ...] = ()
    controller_name: tuple[LabelName, ...] = ()
    other: tuple[LabelName, ...] = ("job", "instance")

    @property
    def identity(self) -> tuple[str, ...]:
        """The labels that distinguish the figures of one proxy from those of another."""
        of_machine = (*self.machine, *self.mesh, "instance", "exported_instance")
        return tuple(dict.fromkeys((*self.namespace, *self.pod, *_CARRIED, *of_machine)))

    @property
    def label_names(self) -> frozenset[str]:
        """All labels of a scrape target that are read."""
        of_controller = (*self.controller_kind, *self.controller_name)
        return frozenset({*self.identity, *self.node, *of_controller, *self.other})


class Labelled(StrictModel):
    """An endpoint that separate labels name. Of each list, the first label that is set counts.

    A label whose value matches `unknown` counts as not set.
    """

    namespace: tuple[LabelName, ...] = ()
    pod: tuple[LabelName, ...] = ()
    workload: tuple[LabelName, ...] = ()
    """Labels whose value is the name of the workload; its kind comes from `kind` or the inventory."""
    kind: tuple[LabelName, ...] = ()
    """Labels whose value is the kind of the `workload`."""
    kinds: dict[LabelName, str] = pydantic.Field(default_factory=dict)
    """Labels whose value is the name of a workload of this kind; the top controller first."""
    machine: tuple[LabelName, ...] = ()
    address: tuple[LabelName, ...] = ()
    """Labels with the IP address of the endpoint, which names it where no pod or workload is reported."""
    outside: dict[LabelName, Pattern] = pydantic.Field(default_factory=dict)
    """Where all of these match, the `workload` is a machine outside Kubernetes."""
    service: tuple[LabelName, ...] = ()
    service_namespace: tuple[LabelName, ...] = ()
    passthrough: Pattern | None = None
    """Names of a `service` that stand for all hosts that the mesh does not know."""
    cluster: dict[LabelName, LabelName] = pydantic.Field(default_factory=dict)
    """Labels with the cluster of the endpoint, each with the label that has the cluster of the reporter. If
    both are set and differ, the endpoint is in another cluster.
    """
    other_cluster: tuple[LabelName, ...] = ()
    """Labels with the cluster of the endpoint that are set only if it is in another cluster."""
    mirrored: bool = False
    """A `service` of another cluster has the name of the Service that mirrors it in the reporter's."""
    anywhere: bool = False
    """Names have no namespace: each is in the caller's namespace, or the only one of that name in the
    inventory.
    """
    sanitized: bool = False
    """Every character of a name other than a letter or a digit was replaced by `_`."""
    unknown: Pattern = "unknown"

    @pydantic.model_validator(mode="after")
    def _names_somebody(self) -> Labelled:
        if not (self.pod or self.workload or self.kinds or self.machine or self.service):
            raise ValueError("an endpoint needs `pod`, `workload`, `kinds`, `machine` or `service`")
        return self

    @property
    def naming_labels(self) -> tuple[str, ...]:
        """The labels that name the endpoint."""
        labels = (
            *self.namespace, *self.pod, *self.workload, *self.kind, *self.kinds, *self.machine, *self.address,
            *self.service, *self.service_namespace,
        )  # fmt: skip
        return tuple(dict.fromkeys(labels))

    @property
    def label_names(self) -> tuple[str, ...]:
        """All labels that name the endpoint, or show where it is."""
        where = (*self.outside, *self.cluster, *self.cluster.values(), *self.other_cluster)
        return tuple(dict.fromkeys((*self.naming_labels, *where)))


class NamedEndpoint(StrictModel):
    """An endpoint that the value of one label names.

    The first pattern that matches the value counts. Its named groups are the parts of the name: `service`,
    `workload` (with `kind`) or `pod` in a `namespace`; a `name` in the caller's namespace; a `host`; the
    `address` of a pod; or namespace and service `joined` by a `-`, which only the inventory can split. With a
    `cluster` that is not the reporter's, the endpoint is in that cluster. A `route` (perhaps of a `kind`)
    has a `rule`, whose services the inventory knows, and perhaps the number of a `backend`; without a
    `namespace` its name has it before a `-`.
    """

    label: LabelName
    exclude: tuple[Pattern, ...] = ()
    """Values whose series do not count."""
    passthrough: tuple[Pattern, ...] = ()
    """Values that stand for all hosts that the mesh does not know."""
    patterns: tuple[Pattern, ...]
    own_cluster: tuple[LabelName, ...] = ()
    """Labels with the cluster of the reporter, with which the group `cluster` is compared; the first that is
    set counts.
    """
    anywhere: bool = False
    """A `name` is in the caller's namespace, or the only one of that name in the inventory."""
    sanitized: bool = False
    """Every character of a name other than a letter or a digit was replaced by `_`."""

    @pydantic.field_validator("patterns")
    @classmethod
    def _known_groups(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        if not patterns:
            raise ValueError("an endpoint needs at least one pattern")
        for pattern in patterns:
            groups = set(re.compile(pattern).groupindex)
            if stray := groups - _GROUPS:
                raise ValueError(f"{pattern!r} names {sorted(stray)}; known groups are {sorted(_GROUPS)}")
            if ("route" in groups) != ("rule" in groups):
                raise ValueError(f"{pattern!r} needs both groups `route` and `rule`, or neither")
            if not groups & _NAMING:
                raise ValueError(
                    f"{pattern!r} names no endpoint; it needs one of the groups {sorted(_NAMING)}"
                )
        return patterns

    @pydantic.model_validator(mode="after")
    def _compares_clusters(self) -> NamedEndpoint:
        groups = [set(re.compile(one).groupindex) for one in self.patterns]
        if bool(self.own_cluster) != any("cluster" in one for one in groups):
            raise ValueError("give both `own_cluster` and the group `cluster` in a pattern, or neither")
        if any("cluster" in one and not one & _IN_CLUSTERS for one in groups):
            raise ValueError(f"a pattern with the group `cluster` needs one of {sorted(_IN_CLUSTERS)}")
        return self

    @property
    def excluded(self) -> str:
        """One pattern for all excluded values; an empty text if there are none."""
        return "|".join(f"({pattern})" for pattern in self.exclude)

    @property
    def label_names(self) -> tuple[str, ...]:
        """The label that names the endpoint, and those with the cluster of its reporter."""
        return (self.label, *self.own_cluster)


Endpoint = NamedEndpoint | Labelled
WAYS = ("named", "labelled")


def _way(given: object) -> str:
    """Return which of the two forms a YAML value has."""
    named, labelled = WAYS
    return (
        named
        if isinstance(given, NamedEndpoint) or (isinstance(given, dict) and "label" in given)
        else labelled
    )


AnyParty = Annotated[
    Annotated[NamedEndpoint, pydantic.Tag("named")] | Annotated[Labelled, pydantic.Tag("labelled")],
    pydantic.Discriminator(_way),
]
