"""Small values that every other module uses: kinds, references, sides and directions.

Each kind that the API lists is a row of the table `KINDS`, never a branch in code: to list another kind, add
a row. Owners of other kinds (for example an Argo Rollout) need no row; they keep the kind and the name of
their owner reference.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Side(enum.StrEnum):
    """Where traffic was observed: at the caller (`client`) or at the callee (`server`)."""

    CLIENT = "client"
    SERVER = "server"


SIDES = frozenset(Side)


class Direction(enum.StrEnum):
    """Which way traffic flows, seen from the resource that was asked for."""

    TO = "to"
    FROM = "from"


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """A reference to one resource. `namespace` is empty for cluster-wide kinds; all fields are empty for an
    unknown peer.
    """

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
    """API group and version, as in `apiVersion`: `apps/v1`, or `v1` for the core group."""

    @property
    def singular(self) -> str:
        """The lower-case name, as `kubectl` accepts it: `pod`."""
        return self.name.lower()

    @property
    def qualified(self) -> str:
        """The plural with its API group: `deployments.apps`; without a group in the core API: `pods`."""
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

# Kinds of peers that the API does not list.
EXTERNAL_WORKLOAD = "ExternalWorkload"
"""A machine: a host outside Kubernetes that belongs to the mesh."""
HOST = "Host"
"""A name or an address outside the mesh."""
PASSTHROUGH = "Passthrough"
"""All hosts that the mesh does not know, together: its proxies let requests to them pass, or refuse them."""
REMOTE = "Remote"
"""A workload, service or namespace of another cluster. It has no namespace here."""
WORKLOAD = "Workload"
"""A workload that the mesh names without its kind, and that is not in the inventory."""

QUANTILES: tuple[float, ...] = (0.5, 0.9, 0.99)
"""The latency quantiles that the API serves, 0 to 1."""
