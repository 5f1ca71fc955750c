"""The objects of a big cluster, written into a real kube-apiserver.

Pods have the fields of injected pods: two containers, the annotations of a sidecar injector, and the managed
fields of their creator and of the kubelet that reports their status, which the kube-apiserver itself makes.
"""

import asyncio
import dataclasses
import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any

import aiohttp

from apiservice.kube import client
from demo import faults

_WRITERS = 16
_PODS_OF_ONE = 10
"""Pods of a Deployment, through one ReplicaSet."""
_NAMESPACES = 20
_PODS_OF_NODE = 100
_Object = Mapping[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Population:
    pod_count: int

    def namespaces(self) -> Iterator[tuple[str, _Object]]:
        """Path and object."""
        for number in range(_NAMESPACES):
            yield "/api/v1/namespaces", {"metadata": {"name": f"team-{number}"}}

    def surroundings(self) -> Iterator[tuple[str, _Object]]:
        """The objects that pods need."""
        for number in range(_NAMESPACES):
            # The controller manager, which would create it, does not run.
            account = {"metadata": {"name": "default"}, "automountServiceAccountToken": False}
            yield f"/api/v1/namespaces/team-{number}/serviceaccounts", account
        for number in range(-(-self.pod_count // _PODS_OF_NODE)):
            labels = {"kubernetes.io/hostname": f"node-{number}", "topology.kubernetes.io/zone": "a"}
            yield "/api/v1/nodes", {"metadata": {"name": f"node-{number}", "labels": labels}}

    def workloads(self) -> Iterator[tuple[str, _Object]]:
        for number in range(self.pod_count // _PODS_OF_ONE):
            app, namespace = f"app-{number}", _namespace(number)
            labels = {"app": app, "app.kubernetes.io/name": app, "version": "v1"}
            spec = {
                "replicas": _PODS_OF_ONE,
                "selector": {"matchLabels": {"app": app}},
                "template": {"metadata": {"labels": labels}, "spec": _pod_spec()},
            }
            metadata = {"name": app, "labels": labels, "annotations": {"meta.helm.sh/release-name": app}}
            root = f"/apis/apps/v1/namespaces/{namespace}"
            yield f"{root}/deployments", {"metadata": metadata, "spec": spec}
            owned = {**metadata, "name": f"{app}-7d9c5b8f6", "ownerReferences": [_owner("Deployment", app)]}
            yield f"{root}/replicasets", {"metadata": owned, "spec": spec}
            # Headless: the cluster has 254 addresses.
            service = {"clusterIP": "None", "selector": {"app": app}, "ports": [{"port": 80, "name": "http"}]}
            yield f"/api/v1/namespaces/{namespace}/services", {"metadata": {"name": app}, "spec": service}

    def pods(self) -> Iterator[tuple[str, _Object]]:
        for number in range(self.pod_count):
            workload = number // _PODS_OF_ONE
            app = f"app-{workload}"
            labels = {
                "app": app,
                "app.kubernetes.io/name": app,
                "pod-template-hash": "7d9c5b8f6",
                "service.istio.io/canonical-name": app,
                "version": "v1",
            }
            metadata = {
                "name": self.pod(number)[1],
                "labels": labels,
                "annotations": _ANNOTATIONS,
                "ownerReferences": [_owner("ReplicaSet", f"{app}-7d9c5b8f6")],
            }
            spec = {**_pod_spec(), "nodeName": f"node-{number // _PODS_OF_NODE}"}
            yield f"/api/v1/namespaces/{_namespace(workload)}/pods", {"metadata": metadata, "spec": spec}

    def pod(self, number: int) -> tuple[str, str]:
        """Namespace and name of a pod."""
        workload = number // _PODS_OF_ONE
        return _namespace(workload), f"app-{workload}-7d9c5b8f6-{number:05d}"


class Writer:
    """Writes objects as their controllers would."""

    def __init__(self, connection: client.ConnectionConfig, *, http: aiohttp.ClientSession) -> None:
        self._connection = connection
        self._http = http

    async def fill(self, population: Population) -> None:
        """Raises demo.faults.DemoError, aiohttp.ClientError."""
        for part in (
            population.namespaces(),
            population.surroundings(),
            population.workloads(),
            population.pods(),
        ):
            await self._all(("POST", path, content) for path, content in part)
        await self._all(
            ("PATCH", self._status(population.pod(number)), _status(number))
            for number in range(population.pod_count)
        )

    async def report_status(self, pod: tuple[str, str], *, number: int) -> None:
        """Report like a kubelet that a pod became ready or not, which changes nothing that we keep."""
        await self._write("PATCH", self._status(pod), _status(number))

    async def label(self, pod: tuple[str, str], *, value: str) -> None:
        namespace, name = pod
        body = {"metadata": {"labels": {"moved": value}}}
        await self._write("PATCH", f"/api/v1/namespaces/{namespace}/pods/{name}", body)

    async def read(self, path: str, *, accept: str) -> tuple[dict[str, Any], int]:
        """An answer and its length."""
        async with self._http.get(self._connection.url + path, headers={"Accept": accept}) as response:
            response.raise_for_status()
            body = await response.read()
            content: dict[str, Any] = json.loads(body)
            return content, len(body)

    @staticmethod
    def _status(pod: tuple[str, str]) -> str:
        return f"/api/v1/namespaces/{pod[0]}/pods/{pod[1]}/status"

    async def _all(self, writes: Iterator[tuple[str, str, _Object]]) -> None:
        async def some() -> None:
            for method, path, content in writes:
                await self._write(method, path, content)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(_WRITERS):
                    group.create_task(some())
        except* faults.DemoError as refused:
            raise refused.exceptions[0] from None

    async def _write(self, method: str, path: str, content: _Object) -> None:
        patch = method == "PATCH"
        kind = "application/strategic-merge-patch+json" if patch else "application/json"
        query = {"fieldManager": "kubelet"} if patch else {}
        headers = {"Content-Type": kind}
        async with self._http.request(
            method, self._connection.url + path, params=query, data=json.dumps(content), headers=headers
        ) as response:
            if response.status >= 300:
                raise faults.DemoError(f"{path}: {response.status} {await response.text()}")
            await response.read()


def _namespace(workload: int) -> str:
    return f"team-{workload % _NAMESPACES}"


_uids = itertools.count()


def _owner(kind: str, name: str) -> dict[str, Any]:
    uid = f"00000000-0000-4000-8000-{next(_uids):012d}"
    return {
        "apiVersion": "apps/v1", "kind": kind, "name": name, "uid": uid,
        "controller": True, "blockOwnerDeletion": True,
    }  # fmt: skip


_ANNOTATIONS = {
    "istio.io/rev": "default",
    "kubectl.kubernetes.io/default-container": "app",
    "kubernetes.io/config.seen": "2026-01-01T00:00:00.000000000Z",
    "prometheus.io/path": "/stats/prometheus",
    "prometheus.io/port": "15020",
    "prometheus.io/scrape": "true",
    "sidecar.istio.io/status": json.dumps(
        {
            "initContainers": ["istio-init"],
            "containers": ["istio-proxy"],
            "volumes": [f"volume-{number}" for number in range(8)],
            "imagePullSecrets": None,
            "revision": "default",
        }
    ),
    "checksum/config": "f" * 64,
}


def _container(name: str) -> dict[str, Any]:
    probe = {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 5}
    return {
        "name": name,
        "image": f"registry.example/{name}:1.0.0",
        "args": ["--listen", ":8080"],
        "env": [{"name": f"SETTING_{number}", "value": "x" * 20} for number in range(10)],
        "ports": [{"containerPort": 8080 if name == "app" else 15090, "name": f"http-{name[:5]}"}],
        "resources": {
            "requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"cpu": "1", "memory": "128Mi"}
        },
        "readinessProbe": probe,
        "livenessProbe": probe,
        "securityContext": {"runAsNonRoot": True, "readOnlyRootFilesystem": True},
    }  # fmt: skip


def _pod_spec() -> dict[str, Any]:
    return {"containers": [_container("app"), _container("istio-proxy")], "terminationGracePeriodSeconds": 0}


def _status(number: int) -> dict[str, Any]:
    kinds = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
    since = "2026-01-01T00:00:00Z"
    return {
        "status": {
            "phase": "Running",
            "conditions": [{"type": kind, "status": "True", "lastTransitionTime": since} for kind in kinds],
            "podIP": f"10.{number // 62500}.{number // 250 % 250}.{number % 250 + 1}",
            "hostIP": f"192.168.0.{number % 250}",
            "startTime": since,
            "containerStatuses": [
                {
                    "name": name,
                    "image": f"registry.example/{name}:1.0.0",
                    "imageID": "",
                    "containerID": f"containerd://{number}",
                    "ready": True,
                    "restartCount": number,
                    "state": {"running": {"startedAt": since}},
                }
                for name in ("app", "istio-proxy")
            ],
        }
    }
