"""The small values every other module speaks of: kinds, references, sides and directions.

A kind is a row of the table below, never a branch in code: listing a further kind of Kubernetes is one more
row. Owners of other kinds (an Argo Rollout, say) need no row; they keep the name their owner reference
gives.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Side(enum.StrEnum):
    """Where traffic was observed: at the caller or at the callee."""

    CLIENT = "client"
    SERVER = "server"


SIDES = frozenset(Side)


class Direction(enum.StrEnum):
    """Which way traffic flows, seen from the described resource."""

    TO = "to"
    FROM = "from"


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """One resource; `namespace` is empty for what has none, all three for a peer nobody can name."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind.lower()}.{self.name}" if self.name else "unknown"


UNKNOWN = Ref("", "", "")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of resource whose traffic is served under its own plural name."""

    name: str
    plural: str
    namespaced: bool
    about: str
    api: str = "v1"
    """The version of Kubernetes' API that it belongs to, with its group."""

    @property
    def singular(self) -> str:
        return self.name.lower()

    @property
    def qualified(self) -> str:
        """The plural with the group of Kubernetes' API: `deployments.apps`, but `pods`."""
        group = self.api.rpartition("/")[0]
        return f"{self.plural}.{group}" if group else self.plural


POD = Kind("Pod", "pods", True, "Traffic of single pods.")
NAMESPACE = Kind("Namespace", "namespaces", False, "Traffic of all pods of a namespace together.")
NODE = Kind("Node", "nodes", False, "Traffic of all pods on a node together.")
SERVICE = Kind("Service", "services", True, "Traffic of the pods a service selects.")

KINDS: tuple[Kind, ...] = (
    POD,
    NAMESPACE,
    NODE,
    SERVICE,
    Kind("Deployment", "deployments", True, "Traffic of all pods of a deployment together.", "apps/v1"),
    Kind("ReplicaSet", "replicasets", True, "Traffic of all pods of a replica set together.", "apps/v1"),
    Kind("StatefulSet", "statefulsets", True, "Traffic of all pods of a stateful set together.", "apps/v1"),
    Kind("DaemonSet", "daemonsets", True, "Traffic of all pods of a daemon set together.", "apps/v1"),
    Kind("Job", "jobs", True, "Traffic of all pods of a job together.", "batch/v1"),
    Kind("ReplicationController", "replicationcontrollers", True, "Traffic of all its pods together."),
)
KIND_BY_NAME = {kind.name: kind for kind in KINDS}

# Peers that are not in the table: a machine outside Kubernetes that is part of the mesh, and any other host
# name.
EXTERNAL_WORKLOAD = "ExternalWorkload"
HOST = "Host"
PASSTHROUGH = "Passthrough"
"""Any host which the mesh does not know, and to which its proxies let pass, or refuse to."""
WORKLOAD = "Workload"
"""What a mesh names, and nobody knows the kind of."""

QUANTILES: tuple[float, ...] = (0.5, 0.9, 0.99)
