"""Pods of the demo mesh as objects of a cluster without a node: same names and labels, running and ready.

An autoscaler, or any other client that counts pods, then counts those whose sidecars are measured. A
ReplicaSet that is created after its pods adopts them, and so does a Deployment with its ReplicaSets; a paused
Deployment creates no other ReplicaSet.
"""

import json
from pathlib import Path
from typing import Any

import yaml

from demo import runner
from tests.cluster import cluster, commands

_READY = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
_CONTAINERS = [{"name": "app", "image": "none"}]


async def deploy(running: cluster.Cluster, mesh: runner.Mesh, *, name: str, namespace: str) -> list[str]:
    """Make a Deployment of the mesh with its ReplicaSet, pods and Service; return the names of its pods."""
    known = [
        one
        for one in yaml.safe_load(mesh.inventory.read_text())["items"]
        if one["metadata"].get("namespace") == namespace
    ]
    (deployment,) = (one for one in known if one["kind"] == "Deployment" and one["metadata"]["name"] == name)
    selector = deployment["spec"]["selector"]["matchLabels"]
    below = [one for one in known if selector.items() <= one["metadata"].get("labels", {}).items()]
    pods = [one["metadata"]["name"] for one in below if one["kind"] == "Pod"]
    folder = mesh.inventory.parent
    account = ("--for=create", "serviceaccount/default", f"--namespace={namespace}", "--timeout=60s")
    await commands.kubectl(running.kubeconfig, "wait", *account)
    await _create(running, [_pod(one) for one in below if one["kind"] == "Pod"], folder=folder)
    for pod in pods:
        patch = ("--subresource=status", f"--patch={json.dumps(_READY)}")
        await commands.kubectl(running.kubeconfig, "patch", "pod", pod, f"--namespace={namespace}", *patch)
    sets = [_templated(one) for one in below if one["kind"] == "ReplicaSet"]
    services = [
        {**one, "metadata": _bare(one)}
        for one in known
        if one["kind"] == "Service" and one["spec"]["selector"].items() <= selector.items()
    ]
    await _create(running, [*sets, *services], folder=folder)
    await _create(running, [_templated(deployment, paused=True)], folder=folder)
    return pods


async def _create(running: cluster.Cluster, objects: list[dict[str, Any]], *, folder: Path) -> None:
    file = folder / "standins.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    await commands.kubectl(running.kubeconfig, "create", f"--filename={file}")


def _pod(found: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _bare(found),
        "spec": {"containers": _CONTAINERS},
    }


def _templated(found: dict[str, Any], **spec: Any) -> dict[str, Any]:
    labels = found["spec"]["selector"]["matchLabels"]
    template = {"metadata": {"labels": labels}, "spec": {"containers": _CONTAINERS}}
    return {
        "apiVersion": found["apiVersion"],
        "kind": found["kind"],
        "metadata": _bare(found),
        "spec": {**found["spec"], **spec, "template": template},
    }


def _bare(found: dict[str, Any]) -> dict[str, Any]:
    """Without the identities that a cluster assigns itself."""
    metadata = found["metadata"]
    return {key: metadata[key] for key in ("name", "namespace", "labels") if key in metadata}
