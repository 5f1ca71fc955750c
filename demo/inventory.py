"""The inventory of this mesh in the format of `kubectl get -o yaml`: one `v1` List.

It has only what ownership and selection need: names, labels, controllers, nodes, addresses,
selectors, splits. The machine outside Kubernetes is Linkerd's `ExternalWorkload`.
"""

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from demo import blueprint, placement

Object = Mapping[str, Any]

_API = {
    "Deployment": "apps/v1",
    "ReplicaSet": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "Job": "batch/v1",
    "ExternalWorkload": "workload.linkerd.io/v1beta1",
    "TrafficSplit": "split.smi-spec.io/v1alpha4",
}
_UIDS = uuid.UUID("5d0c1f6e-9a1b-4f0e-8a57-0d3f5be7c111")


def objects(where: placement.Placement) -> Iterator[Object]:
    plan = where.plan
    for namespace in sorted({workload.name.namespace for workload in plan.workloads}):
        labels = {"kubernetes.io/metadata.name": namespace}
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}}
    for node in plan.nodes:
        labels = {"kubernetes.io/hostname": node}
        yield {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node, "labels": labels}}
    for workload in plan.workloads:
        if workload.in_cluster:
            yield from _controllers(workload)
    for pod in where.pods:
        yield _pod(pod) if pod.workload.in_cluster else _external(pod)
    for service in plan.services:
        yield _service(service)
        if service.split:
            yield _split(service)


def document(where: placement.Placement) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "List",
        "metadata": {"resourceVersion": ""},
        "items": list(objects(where)),
    }


def _controllers(workload: blueprint.Workload) -> Iterator[Object]:
    namespace, name = workload.name.namespace, workload.name.name
    labels = dict(workload.labels)
    selector: dict[str, Any] = {"selector": {"matchLabels": labels}}
    if workload.kind == "Job":
        selector = {}
    replicas = {"replicas": workload.replicas} if workload.kind in {"Deployment", "StatefulSet"} else {}
    metadata = _metadata(workload.kind, namespace, name, labels=labels)
    yield _object(workload.kind, metadata, spec={**replicas, **selector})
    if workload.kind == "Deployment":
        labels = {**labels, "pod-template-hash": placement.template_hash(workload)}
        metadata = _metadata("ReplicaSet", namespace, placement.replicaset_name(workload), labels=labels)
        metadata["ownerReferences"] = [_owner("Deployment", namespace, name)]
        yield _object("ReplicaSet", metadata, spec={**replicas, "selector": {"matchLabels": labels}})


def _pod(pod: placement.Pod) -> Object:
    workload = pod.workload
    kind, name = workload.kind, workload.name.name
    if kind == "Deployment":
        kind, name = "ReplicaSet", placement.replicaset_name(workload)
    metadata = _metadata("Pod", pod.namespace, pod.name, labels=pod.labels)
    metadata["ownerReferences"] = [_owner(kind, pod.namespace, name)]
    status = {"phase": "Running", "podIP": pod.address, "podIPs": [{"ip": pod.address}]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"nodeName": pod.node},
        "status": status,
    }


def _external(pod: placement.Pod) -> Object:
    metadata = _metadata(pod.workload.kind, pod.namespace, pod.name, labels=pod.labels)
    ports = [{"name": "http", "port": blueprint.APP_PORT}]
    return _object(pod.workload.kind, metadata, spec={"ports": ports, "workloadIPs": [{"ip": pod.address}]})


def _service(service: blueprint.Service) -> Object:
    metadata = _metadata("Service", service.name.namespace, service.name.name, labels={})
    ports = [{"name": "http", "port": blueprint.APP_PORT, "targetPort": blueprint.APP_PORT}]
    spec = {"selector": dict(service.selector), "ports": ports}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def _split(service: blueprint.Service) -> Object:
    metadata = _metadata("TrafficSplit", service.name.namespace, service.name.name, labels={})
    backends = [{"service": name.name, "weight": weight} for name, weight in service.split.items()]
    return _object("TrafficSplit", metadata, spec={"service": service.name.name, "backends": backends})


def _object(kind: str, metadata: Object, *, spec: Object) -> Object:
    return {"apiVersion": _API[kind], "kind": kind, "metadata": metadata, "spec": spec}


def _metadata(kind: str, namespace: str, name: str, *, labels: Mapping[str, str]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, "uid": _uid(kind, namespace, name)}
    return {**metadata, "labels": dict(labels)} if labels else dict(metadata)


def _owner(kind: str, namespace: str, name: str) -> Object:
    return {
        "apiVersion": _API[kind],
        "kind": kind,
        "name": name,
        "uid": _uid(kind, namespace, name),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _uid(kind: str, namespace: str, name: str) -> str:
    return str(uuid.uuid5(_UIDS, f"{kind}/{namespace}/{name}"))
