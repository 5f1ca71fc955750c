"""The resources of the API, one row each: their names in the API and on the command line."""

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One resource of the API. `kind` is None for the workloads list, whose items are of many kinds."""

    plural: str
    kind: str | None
    short: tuple[str, ...] = ()
    namespaced: bool = True


WORKLOADS = Row("trafficmetrics", None, ("tm", "workloads", "all"))

ROWS = (
    WORKLOADS,
    Row("pods", "Pod", ("po",)),
    Row("services", "Service", ("svc",)),
    Row("deployments", "Deployment", ("deploy",)),
    Row("replicasets", "ReplicaSet", ("rs",)),
    Row("statefulsets", "StatefulSet", ("sts",)),
    Row("daemonsets", "DaemonSet", ("ds",)),
    Row("jobs", "Job"),
    Row("replicationcontrollers", "ReplicationController", ("rc",)),
    Row("namespaces", "Namespace", ("ns",), namespaced=False),
    Row("nodes", "Node", ("no",), namespaced=False),
)

_BY_WORD = {word: row for row in ROWS for word in (row.plural, row.plural.removesuffix("s"), *row.short)}


def find(word: str) -> Row | None:
    """The row for `deploy`, `deployment`, `Deployments` …, or None."""
    return _BY_WORD.get(word.lower())
