"""A pod's controllers, read from the labels that Kubernetes' own controllers put on every pod they make.

This is for scrapes without an inventory. Each rule rests on a label only one controller sets, and on how
that controller composes names; a pod without such a label has no known controller. Label names are as a
scrape keeps them, `-./` turned to `_`.
"""

from __future__ import annotations

from metrics_server.model import kinds, snapshot

# Labels of the machinery: they tell pods of one workload apart and do not belong to the workload.
OF_THE_MACHINERY = frozenset(
    {
        "pod_template_hash", "pod-template-hash", "controller_revision_hash", "controller-revision-hash",
        "pod_template_generation", "pod-template-generation", "statefulset_kubernetes_io_pod_name",
        "statefulset.kubernetes.io/pod-name", "apps_kubernetes_io_pod_index", "apps.kubernetes.io/pod-index",
    }
)  # fmt: skip


def controllers(pod: snapshot.Reporter) -> list[kinds.Ref]:
    """Return the controllers of a pod, nearest first; empty if its labels do not tell."""
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
    """The controller a scrape names (`__meta_kubernetes_pod_controller_*`), and the Deployment above a
    ReplicaSet.
    """
    template = pod.labels.get("pod_template_hash")
    if kind == "ReplicaSet" and template and name.endswith(f"-{template}"):
        return _refs(pod, (kind, name), ("Deployment", name.removesuffix(f"-{template}")))
    return _refs(pod, (kind, name))


def _refs(pod: snapshot.Reporter, *named: tuple[str, str]) -> list[kinds.Ref]:
    return [kinds.Ref(kind, pod.namespace, name) for kind, name in named]
