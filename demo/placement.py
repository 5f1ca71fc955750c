"""The placement of a blueprint: its pods with their names, addresses and nodes.

A pod's address is a loopback address of its own in the mesh's subnet (`127.x.y`), so every sidecar uses the
same ports, as in a cluster, and two meshes with different subnets do not meet. Names and hashes follow from
the workload, so they are the same in every run.
"""

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping

from demo import blueprint

# Ports of every sidecar, as Istio numbers them.
ADMIN_PORT = 15000
OUTBOUND_PORT = 15001
INBOUND_PORT = 15006
METRICS_PORT = 15090
PUBLIC_PORT = 8080
SIDECAR_PORTS = (ADMIN_PORT, OUTBOUND_PORT, INBOUND_PORT, METRICS_PORT)

_LOOPBACK = "127.0.0.1"
_PROMETHEUS_HOST, _CONTROL_HOST, _FIRST_POD_HOST = 2, 3, 10
_PROMETHEUS_PORT, _CONTROL_PORT = 9090, 9900

# The alphabet of Kubernetes' generated names: no vowels, no look-alikes.
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Pod:
    """One sidecar with its app: a pod, or a machine outside Kubernetes (`node` is empty then)."""

    name: str
    workload: blueprint.Workload
    ordinal: int
    address: str
    node: str
    labels: Mapping[str, str]
    alone: bool = False
    """It has a loopback interface of its own, as every pod of a cluster has."""

    @property
    def inside(self) -> str:
        """The address that the pod's own programs use."""
        return _LOOPBACK if self.alone else self.address

    @property
    def namespace(self) -> str:
        return self.workload.name.namespace

    @property
    def metrics_address(self) -> str:
        return f"{self.address}:{METRICS_PORT}"


@dataclasses.dataclass(frozen=True, slots=True)
class Placement:
    plan: blueprint.Blueprint
    subnet: str
    pods: tuple[Pod, ...]
    named: bool = False
    """Sidecars find a service by its name in DNS, as in a cluster, not by the addresses of its pods."""

    @property
    def prometheus(self) -> tuple[str, int]:
        return f"{self.subnet}.{_PROMETHEUS_HOST}", _PROMETHEUS_PORT

    @property
    def control(self) -> tuple[str, int]:
        return f"{self.subnet}.{_CONTROL_HOST}", _CONTROL_PORT

    def endpoints(self, service: blueprint.Service) -> tuple[Pod, ...]:
        return tuple(pod for pod in self.pods if service.selector.items() <= pod.labels.items())

    def doors(self, service: blueprint.Service) -> tuple[str, ...]:
        """The hosts where a caller's sidecar finds a service."""
        return (service.name.host,) if self.named else tuple(pod.address for pod in self.endpoints(service))

    def pods_of(self, workload: blueprint.Name) -> tuple[Pod, ...]:
        return tuple(pod for pod in self.pods if pod.workload.name == workload)

    def pod(self, name: str) -> Pod | None:
        return next((pod for pod in self.pods if pod.name == name), None)

    def addresses(self) -> Iterator[tuple[str, int]]:
        """All addresses on which the mesh listens."""
        yield self.prometheus
        yield self.control
        for pod in self.pods:
            for port in (*SIDECAR_PORTS, blueprint.APP_PORT):
                yield pod.address, port


def place(plan: blueprint.Blueprint, *, subnet: str) -> Placement:
    pods: list[Pod] = []
    for workload in plan.workloads:
        for ordinal in range(workload.replicas):
            node = (
                plan.nodes[len(pods) % len(plan.nodes)]
                if workload.kind != "DaemonSet"
                else plan.nodes[ordinal]
            )
            name = pod_name(workload, ordinal)
            address = f"{subnet}.{_FIRST_POD_HOST + len(pods)}"
            labels = {**workload.labels, **_controller_labels(workload, ordinal)}
            pods.append(Pod(name, workload, ordinal, address, node if workload.in_cluster else "", labels))
    return Placement(plan, subnet, tuple(pods))


def pod_name(workload: blueprint.Workload, ordinal: int) -> str:
    name = workload.name.name
    random_part = scramble(f"{workload.name}#{ordinal}", length=5)
    match workload.kind:
        case "Deployment":
            return f"{replicaset_name(workload)}-{random_part}"
        case "StatefulSet":
            return f"{name}-{ordinal}"
        case "ExternalWorkload":
            return name
        case _:
            return f"{name}-{random_part}"


def replicaset_name(workload: blueprint.Workload) -> str:
    return f"{workload.name.name}-{template_hash(workload)}"


def template_hash(workload: blueprint.Workload) -> str:
    return scramble(f"template of {workload.name}", length=9)


def scramble(text: str, *, length: int) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:length])


def _controller_labels(workload: blueprint.Workload, ordinal: int) -> dict[str, str]:
    """The labels that Kubernetes' controllers add to the pods they make."""
    name, revision = workload.name.name, template_hash(workload)
    match workload.kind:
        case "Deployment":
            return {"pod-template-hash": revision}
        case "StatefulSet":
            return {
                "apps.kubernetes.io/pod-index": str(ordinal),
                "controller-revision-hash": f"{name}-{revision}",
                "statefulset.kubernetes.io/pod-name": f"{name}-{ordinal}",
            }
        case "DaemonSet":
            return {"controller-revision-hash": revision, "pod-template-generation": "1"}
        case "Job":
            return {"batch.kubernetes.io/job-name": name, "job-name": name}
        case _:
            return {}
