"""The resources of the API, one row each: their names in the API and on the command line."""

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True)
class ResourceKind:
    """One resource of the API. `kind` is None for the workloads list, whose items are of many kinds."""

    plural: str
    kind: str | None
    short: tuple[str, ...] = ()
    namespaced: bool = True


WORKLOADS = ResourceKind("trafficmetrics", None, ("tm", "workloads", "all"))

ROWS = (
    WORKLOADS,
    ResourceKind("pods", "Pod", ("po",)),
    ResourceKind("services", "Service", ("svc",)),
    ResourceKind("deployments", "Deployment", ("deploy",)),
    ResourceKind("replicasets", "ReplicaSet", ("rs",)),
    ResourceKind("statefulsets", "StatefulSet", ("sts",)),
    ResourceKind("daemonsets", "DaemonSet", ("ds",)),
    ResourceKind("jobs", "Job"),
    ResourceKind("replicationcontrollers", "ReplicationController", ("rc",)),
    ResourceKind("namespaces", "Namespace", ("ns",), namespaced=False),
    ResourceKind("nodes", "Node", ("no",), namespaced=False),
)

_BY_NAME = {name: row for row in ROWS for name in (row.plural, row.plural.removesuffix("s"), *row.short)}


def find(name: str) -> ResourceKind | None:
    """The row for `deploy`, `deployment`, `Deployments` …, or None."""
    return _BY_NAME.get(name.lower())
