"""Finds a pod's controllers from the labels that the controllers of Kubernetes set on their pods. Pure.

It is used where the inventory does not have the pod. Each rule needs a label that only one controller sets,
and knows how that controller builds the names of its pods. A pod without such a label has no known
controller. Label names are as in a scrape: Prometheus replaces each of `-./` by `_`. Source of the labels:
https://kubernetes.io/docs/reference/labels-annotations-taints/
"""

from __future__ import annotations

from metrics_server.model import kinds, snapshot

OF_THE_MACHINERY = frozenset(
    {
        "pod_template_hash", "pod-template-hash", "controller_revision_hash", "controller-revision-hash",
        "pod_template_generation", "pod-template-generation", "statefulset_kubernetes_io_pod_name",
        "statefulset.kubernetes.io/pod-name", "apps_kubernetes_io_pod_index", "apps.kubernetes.io/pod-index",
    }
)  # fmt: skip
"""Labels by which a controller distinguishes the pods of one workload; they are no labels of the workload."""


def controllers(pod: snapshot.Reporter) -> list[kinds.Ref]:
    """Return the controllers of a pod, the nearest first; empty if its labels name none."""
    kind, name = pod.controller
    if kind and name:
        return _named(pod, kind, name)
    template = pod.labels.get("pod_template_hash")
    if template and f"-{template}-" in pod.pod:
        owner = pod.pod.rpartition(f"-{template}-")[0]
        return _refs(pod, ("ReplicaSet", f"{owner}-{template}"), ("Deployment", owner))
    if pod.labels.get("statefulset_kubernetes_io_pod_name") == pod.pod:
        return _refs(pod, ("StatefulSet", pod.pod.rpartition("-")[0]))
    if "pod_template_generation" in pod.labels:
        return _refs(pod, ("DaemonSet", pod.pod.rpartition("-")[0]))
    job = pod.labels.get("batch_kubernetes_io_job_name") or pod.labels.get("job_name")
    return _refs(pod, ("Job", job)) if job else []


def _named(pod: snapshot.Reporter, kind: str, name: str) -> list[kinds.Ref]:
    """Return the controller that the scrape target names (`__meta_kubernetes_pod_controller_kind` and
    `_name`), followed by the Deployment if it is the ReplicaSet of one.
    """
    template = pod.labels.get("pod_template_hash")
    if kind == "ReplicaSet" and template and name.endswith(f"-{template}"):
        return _refs(pod, (kind, name), ("Deployment", name.removesuffix(f"-{template}")))
    return _refs(pod, (kind, name))


def _refs(pod: snapshot.Reporter, *named: tuple[str, str]) -> list[kinds.Ref]:
    return [kinds.Ref(kind, pod.namespace, name) for kind, name in named]
