"""The shop as Kubernetes objects: for each workload one of its kind, for each service one, and namespaces.

Services are headless, so that Envoy and not the node chooses a pod. A machine outside Kubernetes is
simulated by a pod in a namespace of its own, which is neither watched nor scraped as a pod; the shop calls it
by an ExternalName service only.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from demo import blueprint, certificates, envoy, placement
from demo.pods import containers, identity

Object = Mapping[str, Any]

_API = {
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "Job": "batch/v1",
}
# In a container: the network of the pod decides which clients reach it.
_EVERYWHERE = "0.0.0.0"  # noqa: S104
_DEADLINE = 1_000_000_000
"""Seconds. A Job has an end; this one runs for a long time."""


def namespaces(plan: blueprint.Blueprint) -> Iterator[Object]:
    for name in sorted({home(workload).namespace for workload in plan.workloads}):
        yield namespace(name)


def objects(plan: blueprint.Blueprint) -> Iterator[Object]:
    yield from namespaces(plan)
    for service in plan.services:
        yield _service(service, plan=plan)
    for workload in plan.workloads:
        if not workload.in_cluster:
            yield headless(home(workload), selector=workload.labels, port=blueprint.APP_PORT)
        yield _sidecar(workload, plan=plan)
        yield _workload(workload)


def home(workload: blueprint.Workload) -> blueprint.Name:
    """Where its pods are."""
    return workload.name if workload.in_cluster else blueprint.Name(identity.MACHINES, workload.name.name)


def namespace(name: str) -> Object:
    labels = {
        "app.kubernetes.io/part-of": identity.NAMESPACE,
        "pod-security.kubernetes.io/enforce": "restricted",
    }
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def headless(name: blueprint.Name, *, selector: Mapping[str, str], port: int) -> Object:
    spec = {
        "clusterIP": "None",
        "selector": dict(selector),
        "ports": [{"name": "http", "port": port, "targetPort": port}],
    }
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata(name), "spec": spec}


def metadata(name: blueprint.Name, *, labels: Mapping[str, str] | None = None) -> Object:
    described: dict[str, Any] = {"name": name.name, "namespace": name.namespace}
    return described | {"labels": dict(labels)} if labels else described


def _service(service: blueprint.Service, *, plan: blueprint.Blueprint) -> Object:
    outside = [w for w in plan.workloads if not w.in_cluster and service.selector.items() <= w.labels.items()]
    if not outside:
        return headless(service.name, selector=service.selector, port=blueprint.APP_PORT)
    (machine,) = outside
    spec = {"type": "ExternalName", "externalName": home(machine).host, "selector": dict(service.selector)}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata(service.name), "spec": spec}


def _sidecar(workload: blueprint.Workload, *, plan: blueprint.Blueprint) -> Object:
    name = blueprint.Name(home(workload).namespace, containers.configuration_name(workload.name))
    files = certificates.Files(identity.CERTIFICATES)
    pod = placement.Pod(workload.name.name, workload, 0, _EVERYWHERE, "", workload.labels, alone=True)
    # Only the selector matters, not the addresses of the pods: services are found by name.
    where = replace(placement.place(plan, subnet="127.0.0"), named=True)
    config = json.dumps(envoy.bootstrap(pod, where=where, files=files), separators=(",", ":"))
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(name),
        "data": {"envoy.json": config},
    }


def _workload(workload: blueprint.Workload) -> Object:
    kind = workload.kind if workload.in_cluster else "Deployment"
    template = {
        "metadata": {"labels": dict(workload.labels)},
        "spec": containers.member(workload, on_failure="Never" if kind == "Job" else None),
    }
    spec: dict[str, Any] = {"template": template}
    if kind == "Job":
        spec |= {"backoffLimit": 100, "activeDeadlineSeconds": _DEADLINE}
    else:
        spec["selector"] = {"matchLabels": dict(workload.labels)}
    if kind in {"Deployment", "StatefulSet"}:
        spec["replicas"] = workload.replicas
    if kind == "StatefulSet":
        spec |= {"serviceName": workload.name.name, "podManagementPolicy": "Parallel"}
    return {
        "apiVersion": _API[kind],
        "kind": kind,
        "metadata": metadata(home(workload), labels=workload.labels),
        "spec": spec,
    }
