"""Which pod this process is in, and where the other programs of the demo are.

The first is in the environment (see the manifests), the second in DNS: nothing is read from the cluster's
API, so the pods need no rights in it.
"""

from collections.abc import Mapping
from pathlib import Path

from demo import blueprint, faults, meshes, placement

WORKLOAD, NAME, ADDRESS, NODE = "DEMO_WORKLOAD", "POD_NAME", "POD_IP", "NODE_NAME"
"""Variables: the first is a namespaced name of a mesh, `shop/cart`; the others are the pod's own."""
NAMESPACE = "trafficmetrics-demo"
"""The namespace of all objects of the demo that do not belong to its mesh."""
MACHINES = "machines"
"""The namespace of pods that simulate machines outside Kubernetes."""
CERTIFICATES = Path("/etc/demo/identity")
CONFIGURATION = Path("/etc/demo/envoy")
"""The folder with the sidecar's configuration, `envoy.json`."""
DESK, DESK_PORT = blueprint.Name(NAMESPACE, "desk"), 9900
PROMETHEUS, PROMETHEUS_PORT = blueprint.Name(NAMESPACE, "prometheus"), 9090
APP_CONTROL_PORT = 9901
"""The port of an app container for its truth and its scenario."""


def desk_url() -> str:
    return f"http://{DESK.host}:{DESK_PORT}"


def prometheus_url() -> str:
    return f"http://{PROMETHEUS.host}:{PROMETHEUS_PORT}"


def pod(environment: Mapping[str, str]) -> placement.Pod:
    try:
        name, address = environment[NAME], environment[ADDRESS]
        workload = named(environment[WORKLOAD])
        node = environment[NODE]
    except KeyError as missing:
        raise faults.DemoError(
            f"no {missing.args[0]} in the environment; this command is for the demo's pods"
        ) from None
    return described(name, workload=workload, address=address, node=node)


def described(name: str, *, workload: blueprint.Workload, address: str, node: str) -> placement.Pod:
    if not workload.in_cluster:
        name, node = workload.name.name, ""
    return placement.Pod(name, workload, _ordinal(name, workload), address, node, workload.labels, alone=True)


def named(name: str) -> blueprint.Workload:
    for plan in meshes.MESHES.values():
        for workload in plan.workloads:
            if str(workload.name) == name:
                return workload
    raise faults.DemoError(f"there is no workload {name} in {' or '.join(meshes.MESHES)}")


def _ordinal(name: str, workload: blueprint.Workload) -> int:
    return int(name.rpartition("-")[2]) if workload.kind == "StatefulSet" else 0
