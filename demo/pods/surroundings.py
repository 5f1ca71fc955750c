"""The objects around a mesh in a cluster: the Prometheus that scrapes it, and the desk.

Prometheus finds the pods as it usually does, by the cluster's API, with the fewest rights: to list and watch
the pods of the mesh's namespaces. A pod labelled `scrape: "off"` is left out. A machine outside Kubernetes is
a fixed target.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from demo import blueprint, meshes, placement, prometheus
from demo.pods import containers, identity, manifests

Object = Mapping[str, Any]

_CONFIG, _DATA = "/etc/prometheus", "/var/lib/prometheus"
_KEPT = "2h"
UNSCRAPED = ("scrape", "off")
"""The label of a pod that is left out, and its value."""
_RBAC = "rbac.authorization.k8s.io"
_META = "__meta_kubernetes"


def objects(*, mesh: str, rate: float, scrape_interval: float) -> Iterator[Object]:
    """`rate` in requests a second, `scrape_interval` in seconds."""
    plan = meshes.MESHES[mesh]
    yield manifests.namespace(identity.NAMESPACE)
    namespaces = sorted({w.name.namespace for w in plan.workloads if w.in_cluster})
    yield _object("v1", "ServiceAccount", identity.PROMETHEUS)
    for namespace in namespaces:
        yield from _may_watch_pods(namespace)
    config = yaml.safe_dump(scraping(plan, namespaces, scrape_interval=scrape_interval), sort_keys=False)
    yield _object("v1", "ConfigMap", identity.PROMETHEUS) | {"data": {"prometheus.yml": config}}
    yield from _one_pod(identity.PROMETHEUS, identity.PROMETHEUS_PORT, spec=_prometheus())
    yield from _one_pod(identity.DESK, identity.DESK_PORT, spec=_desk(mesh, rate))
    yield from _visitor()


def scraping(plan: blueprint.Blueprint, namespaces: Sequence[str], *, scrape_interval: float) -> Object:
    """Prometheus' configuration: targets have the same labels as in the standalone demo."""
    machines = [pod for pod in placement.place(plan, subnet="127.0.0").pods if not pod.node]
    copied = {
        f"{_META}_namespace": "namespace",
        f"{_META}_pod_name": "pod",
        f"{_META}_pod_container_name": "container",
        f"{_META}_pod_node_name": "node",
    }
    interval = prometheus.duration(scrape_interval)
    return {
        "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": "1m"},
        "scrape_configs": [
            {
                "job_name": prometheus.JOB,
                "metrics_path": prometheus.METRICS_PATH,
                "kubernetes_sd_configs": [{"role": "pod", "namespaces": {"names": list(namespaces)}}],
                "static_configs": [
                    {"targets": [_machine(pod)], "labels": prometheus.target_labels(pod)} for pod in machines
                ],
                "relabel_configs": [
                    {
                        "source_labels": [f"{_META}_pod_container_port_name", "external_workload"],
                        "regex": "metrics;|;.+",
                        "action": "keep",
                    },
                    {
                        "source_labels": [f"{_META}_pod_label_{UNSCRAPED[0]}"],
                        "regex": UNSCRAPED[1],
                        "action": "drop",
                    },
                    {
                        "source_labels": [f"{_META}_pod_phase"],
                        "regex": "Succeeded|Failed",
                        "action": "drop",
                    },
                    {"regex": f"{_META}_pod_label_(.+)", "action": "labelmap"},
                    *(
                        {"source_labels": [source], "regex": "(.+)", "target_label": target}
                        for source, target in copied.items()
                    ),
                ],
            }
        ],
    }


def _machine(pod: placement.Pod) -> str:
    return f"{manifests.home(pod.workload).host}:{placement.METRICS_PORT}"


def _may_watch_pods(namespace: str) -> Iterator[Object]:
    name = blueprint.Name(namespace, identity.PROMETHEUS.name)
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]}]
    yield _object(f"{_RBAC}/v1", "Role", name) | {"rules": rules}
    subject = {
        "kind": "ServiceAccount",
        "name": identity.PROMETHEUS.name,
        "namespace": identity.PROMETHEUS.namespace,
    }
    role = {"apiGroup": _RBAC, "kind": "Role", "name": name.name}
    yield _object(f"{_RBAC}/v1", "RoleBinding", name) | {"roleRef": role, "subjects": [subject]}


def _visitor() -> Iterator[Object]:
    """An account for the dashboard: may read traffic, and nothing else."""
    name = blueprint.Name(identity.NAMESPACE, "visitor")
    yield _object("v1", "ServiceAccount", name)
    role: dict[str, Any] = {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": f"{identity.NAMESPACE}-{name.name}"},
        "rules": [{"apiGroups": ["metrics.smi-spec.io"], "resources": ["*"], "verbs": ["get", "list"]}],
    }
    yield role
    yield {
        "apiVersion": role["apiVersion"],
        "kind": "ClusterRoleBinding",
        "metadata": role["metadata"],
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": role["metadata"]["name"]},
        "subjects": [{"kind": "ServiceAccount", "name": name.name, "namespace": name.namespace}],
    }


def _prometheus() -> Object:
    command = [
        "prometheus",
        f"--config.file={_CONFIG}/prometheus.yml",
        f"--storage.tsdb.path={_DATA}",
        f"--storage.tsdb.retention.time={_KEPT}",
        f"--web.listen-address=0.0.0.0:{identity.PROMETHEUS_PORT}",
        "--log.level=warn",
    ]
    container = containers.container(
        "prometheus", command=command, cpu="50m", memory="128Mi", most_memory="512Mi"
    )
    container |= {
        "ports": [{"name": "http", "containerPort": identity.PROMETHEUS_PORT}],
        "readinessProbe": containers.probe(identity.PROMETHEUS_PORT, path="/-/ready"),
        "volumeMounts": [
            {"name": "config", "mountPath": _CONFIG, "readOnly": True},
            {"name": "data", "mountPath": _DATA},
        ],
    }
    volumes = [
        {"name": "config", "configMap": {"name": identity.PROMETHEUS.name}},
        {"name": "data", "emptyDir": {"sizeLimit": "1Gi"}},
    ]
    return containers.pod([container], volumes=volumes, account=identity.PROMETHEUS.name)


def _desk(mesh: str, rate: float) -> Object:
    container = containers.container(
        "desk",
        command=[*containers.PROGRAM, "desk", f"--mesh={mesh}", f"--rate={rate:g}"],
        cpu="30m",
        memory="48Mi",
        most_memory="256Mi",
    )
    container |= {
        "ports": [{"name": "http", "containerPort": identity.DESK_PORT}],
        # Not /ready: it becomes ready only after the pods have found it by name.
        "readinessProbe": containers.probe(identity.DESK_PORT, path="/live"),
    }
    return containers.pod([container], volumes=[])


def _one_pod(name: blueprint.Name, port: int, *, spec: Object) -> Iterator[Object]:
    labels = {"app.kubernetes.io/name": name.name}
    yield _object("v1", "Service", name) | {
        "spec": {"selector": labels, "ports": [{"name": "http", "port": port, "targetPort": port}]}
    }
    yield _object("apps/v1", "Deployment", name) | {
        "spec": {
            "replicas": 1,
            # Two desks would create twice the load, and two Prometheuses would differ.
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        }
    }


def _object(api: str, kind: str, name: blueprint.Name) -> dict[str, Any]:
    return {"apiVersion": api, "kind": kind, "metadata": manifests.metadata(name)}
