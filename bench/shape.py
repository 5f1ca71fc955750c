"""A cluster to measure with, as plain data: namespaces, workloads of five pods, five services each calls.

The shape decides the cost (pods × edges × buckets is what Prometheus reads), so it is the same in every
sitting and depends on nothing but the number of pods. Three of the five edges stay in the namespace, two
leave it.
"""

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from typing import Any

PODS_PER_WORKLOAD = 5
EDGES = 5
_PODS_PER_NAMESPACE = 100
_TEMPLATE = "7d4f9c6b58"
"""What a Deployment would hash its pod template to; any text does."""
NODES = 20


@dataclasses.dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment, and the Service of the same name that selects its pods."""

    number: int
    namespace: str

    @property
    def name(self) -> str:
        return f"svc-{self.number}"

    @property
    def replicaset(self) -> str:
        return f"{self.name}-{_TEMPLATE}"


@dataclasses.dataclass(frozen=True, slots=True)
class Pod:
    number: int
    workload: Workload

    @property
    def name(self) -> str:
        return f"{self.workload.replicaset}-{self.number:05d}"

    @property
    def node(self) -> str:
        return f"node-{self.number % NODES}"

    @property
    def labels(self) -> dict[str, str]:
        return {"app": self.workload.name, "pod-template-hash": _TEMPLATE}


@dataclasses.dataclass(frozen=True)
class Shape:
    """So many pods; everything else follows."""

    pod_count: int

    def __post_init__(self) -> None:
        if self.pod_count < _PODS_PER_NAMESPACE or self.pod_count % PODS_PER_WORKLOAD:
            raise ValueError(
                f"{self.pod_count} pods: give at least {_PODS_PER_NAMESPACE}, "
                f"and a multiple of {PODS_PER_WORKLOAD}"
            )

    @functools.cached_property
    def namespaces(self) -> tuple[str, ...]:
        return tuple(f"ns-{number}" for number in range(max(2, self.pod_count // _PODS_PER_NAMESPACE)))

    @functools.cached_property
    def workloads(self) -> tuple[Workload, ...]:
        count = self.pod_count // PODS_PER_WORKLOAD
        return tuple(Workload(n, self.namespaces[n % len(self.namespaces)]) for n in range(count))

    @functools.cached_property
    def pods(self) -> tuple[Pod, ...]:
        return tuple(Pod(n, self.workloads[n // PODS_PER_WORKLOAD]) for n in range(self.pod_count))

    def callees(self, caller: Workload) -> tuple[Workload, ...]:
        """Return the workloads whose services a workload calls, all of them different."""
        return tuple(self.workloads[(caller.number + step) % len(self.workloads)] for step in self._steps)

    def callers(self, callee: Workload) -> tuple[Workload, ...]:
        """Return the workloads that call a workload's service."""
        return tuple(self.workloads[(callee.number - step) % len(self.workloads)] for step in self._steps)

    @property
    def _steps(self) -> tuple[int, ...]:
        width = len(self.namespaces)
        return (width, 2 * width, 3 * width, 1, width + 1)


def inventory(shape: Shape) -> Mapping[str, Any]:
    """Return what `kubectl get -o json` would print of the cluster."""
    return {"apiVersion": "v1", "kind": "List", "items": list(_objects(shape))}


def _objects(shape: Shape) -> Iterator[Mapping[str, Any]]:
    for namespace in shape.namespaces:
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    for workload in shape.workloads:
        here = {"namespace": workload.namespace, "labels": {"app": workload.name}}
        yield {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": workload.name, **here}}
        owners = {"ownerReferences": [_owner("Deployment", workload.name)]}
        metadata = {"name": workload.replicaset, **here, **owners}
        yield {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata}
        spec = {"selector": {"app": workload.name}}
        yield {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": workload.name, **here},
            "spec": spec,
        }
    for pod in shape.pods:
        owners = {"ownerReferences": [_owner("ReplicaSet", pod.workload.replicaset)]}
        place = {"namespace": pod.workload.namespace, "labels": pod.labels}
        metadata = {"name": pod.name, **place, **owners}
        yield {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"nodeName": pod.node}}


def _owner(kind: str, name: str) -> Mapping[str, Any]:
    return {"apiVersion": "apps/v1", "kind": kind, "name": name, "controller": True}
