"""What runs in a pod of the demo: an app and an Envoy, by pod security `restricted`.

Requests are what the containers take in scenario `steady`, measured; limits leave room for `surge`. There is
no limit of CPU: a throttled proxy would be the slowest part of every edge.
"""

from collections.abc import Mapping
from typing import Any

from demo import blueprint, placement, sidecars
from demo.pods import identity

IMAGE = "trafficmetrics-demo:0.1.0"
PROGRAM = ("python", "-m", "demo.pods")
USER = 65532
_LINGER = 4
"""Seconds for which a terminating pod still answers, until callers have looked up its service again."""
_GRACE = _LINGER + 3
"""The grace period in seconds: the rest of it is longer than any request."""

Spec = dict[str, Any]
_LINGERING: Spec = {"preStop": {"sleep": {"seconds": _LINGER}}}


def pod(containers: list[Spec], *, volumes: list[Spec], account: str | None = None) -> Spec:
    """`account` for a pod that uses the cluster's API; others get no token."""
    return {
        **({"serviceAccountName": account} if account else {}),
        "automountServiceAccountToken": account is not None,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": _GRACE,
        # All names here are fully qualified: without this a lookup would try every search domain first.
        "dnsConfig": {"options": [{"name": "ndots", "value": "1"}]},
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": containers,
        "volumes": volumes,
    }


def container(name: str, *, command: list[str], cpu: str, memory: str, most_memory: str) -> Spec:
    return {
        "name": name,
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": command,
        "resources": {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": most_memory}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }


def member(workload: blueprint.Workload, *, on_failure: str | None) -> Spec:
    """A pod of the mesh. `on_failure` is its restart policy, where it is not the usual one."""
    volumes = [
        {"name": "identity", "secret": {"secretName": secret_name(workload.name)}},
        {"name": "configuration", "configMap": {"name": configuration_name(workload.name)}},
    ]
    spec = pod([_app(workload), _envoy(workload)], volumes=volumes)
    return spec | ({"restartPolicy": on_failure} if on_failure else {})


def secret_name(workload: blueprint.Name) -> str:
    """The name of the Secret with the identity of a workload's sidecars."""
    return f"{workload.name}-identity"


def configuration_name(workload: blueprint.Name) -> str:
    """The name of the ConfigMap with the configuration of a workload's sidecars."""
    return f"{workload.name}-envoy"


def _app(workload: blueprint.Workload) -> Spec:
    return container("app", command=[*PROGRAM, "app"], cpu="10m", memory="40Mi", most_memory="128Mi") | {
        "env": _environment(workload),
        "ports": [{"name": "truth", "containerPort": identity.APP_CONTROL_PORT}],
        "readinessProbe": probe(identity.APP_CONTROL_PORT, path="/ready"),
        "lifecycle": _LINGERING,
    }


def _envoy(workload: blueprint.Workload) -> Spec:
    door = placement.PUBLIC_PORT if workload.public else placement.INBOUND_PORT
    command = sidecars.command(identity.CONFIGURATION / "envoy.json", program="envoy")
    return container("envoy", command=command, cpu="10m", memory="40Mi", most_memory="160Mi") | {
        "ports": [
            {"name": "http", "containerPort": door},
            {"name": "metrics", "containerPort": placement.METRICS_PORT},
        ],
        "readinessProbe": probe(door),
        "lifecycle": _LINGERING,
        "volumeMounts": [
            {"name": "identity", "mountPath": str(identity.CERTIFICATES), "readOnly": True},
            {"name": "configuration", "mountPath": str(identity.CONFIGURATION), "readOnly": True},
        ],
    }


def probe(port: int, *, path: str | None = None) -> Spec:
    """Without a path it only connects: a sidecar would count a request."""
    how: Mapping[str, Any] = (
        {"httpGet": {"path": path, "port": port}} if path else {"tcpSocket": {"port": port}}
    )
    return {**how, "periodSeconds": 2, "timeoutSeconds": 5}


def _environment(workload: blueprint.Workload) -> list[Spec]:
    fields = {
        identity.NAME: "metadata.name",
        identity.ADDRESS: "status.podIP",
        identity.NODE: "spec.nodeName",
    }
    return [
        {"name": identity.WORKLOAD, "value": str(workload.name)},
        *({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in fields.items()),
    ]
