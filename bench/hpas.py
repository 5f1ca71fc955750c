"""The requests of a cluster's autoscalers: one HPA for each of its workloads, each with two metrics.

All read the requests per second of the pods of their own Deployment, as most do. The second metric of every
other one is the 99th percentile of its Service, of the rest the requests per second of one edge.
"""

import urllib.parse
from collections.abc import Mapping
from typing import Any

from bench import shape

CUSTOM = "/apis/custom.metrics.k8s.io"
EXTERNAL = "/apis/external.metrics.k8s.io"
RATE, _LATENCY = "requests_per_second", "p99_response_latency"
SIZES = (1, 10, 100)
"""Pods that one selector finds; see `labels`."""


def asked(cluster: shape.Shape, *, count: int, latency: bool) -> list[list[str]]:
    """Return the paths that each of so many HPAs reads; without `latency`, all second metrics are edges."""
    return [
        [_pods(workload), _object(workload) if latency and number % 2 else _edge(cluster, workload)]
        for number, workload in enumerate(cluster.workloads[:count])
    ]


def _pods(workload: shape.Workload) -> str:
    return of_pods(workload.namespace, "v1beta2", app=workload.name)


def of_pods(namespace: str, version: str, **wanted: str) -> str:
    """Return the path of the rates of the pods with these labels."""
    labels = ",".join(f"{name}={value}" for name, value in wanted.items())
    return f"{CUSTOM}/{version}/namespaces/{namespace}/pods/%2A/{RATE}?labelSelector={_quoted(labels)}"


def _object(workload: shape.Workload) -> str:
    return f"{CUSTOM}/v1beta2/namespaces/{workload.namespace}/services/{workload.name}/{_LATENCY}"


def _edge(cluster: shape.Shape, workload: shape.Workload) -> str:
    callee = cluster.callees(workload)[0]
    labels = _quoted(f"from={workload.name},to={callee.name},to_namespace={callee.namespace}")
    return f"{EXTERNAL}/v1beta1/namespaces/{workload.namespace}/{RATE}?labelSelector={labels}"


def _quoted(text: str) -> str:
    return urllib.parse.quote(text, safe="")


def labels(cluster: shape.Shape) -> Mapping[str, Mapping[str, str]]:
    """Return the labels of each pod by its name: its own ones, and one for each of `SIZES`, which so many
    pods of its namespace share.
    """
    counted = dict.fromkeys(cluster.namespaces, 0)
    reply: dict[str, Mapping[str, str]] = {}
    for pod in cluster.pods:
        place = pod.workload.namespace
        reply[pod.name] = pod.labels | {f"of-{size}": str(counted[place] // size) for size in SIZES}
        counted[place] += 1
    return reply


def inventory(cluster: shape.Shape) -> Mapping[str, Any]:
    """Return the objects of the cluster, whose pods have these labels."""
    reply, whole = labels(cluster), shape.inventory(cluster)
    for item in whole["items"]:
        if item["kind"] == "Pod":
            item["metadata"]["labels"] = reply[item["metadata"]["name"]]
    return whole
