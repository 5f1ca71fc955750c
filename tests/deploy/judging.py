"""The demands on every object, however it was made."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tests.deploy import rendering

_ROLES = ("Role", "ClusterRole")
_BINDINGS = ("RoleBinding", "ClusterRoleBinding")
_ALLOWED_VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected",
    "secret",
}  # fmt: skip
"""https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted"""


def pods(objects: Iterable[rendering.Object]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Return every pod's specification, and the name of the object that creates it."""
    for one in objects:
        if "template" in one.get("spec", {}):
            yield f"{one['kind']}/{one['metadata']['name']}", one["spec"]["template"]["spec"]


def unrestricted(pod: Mapping[str, Any]) -> Sequence[str]:
    """Return what the pod security profile `restricted` refuses in it, and our own stricter demands."""
    found = [f"{field} is set" for field in ("hostNetwork", "hostPID", "hostIPC") if pod.get(field)]
    found += [
        f"volume {volume['name']} is of a kind that is not allowed"
        for volume in pod.get("volumes", [])
        if not (set(volume) - {"name"}) <= _ALLOWED_VOLUMES
    ]
    overall = pod.get("securityContext", {})
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        found += [f"{container['name']}: {fault}" for fault in _faults({**overall, **_own(container)})]
        found += [
            f"{container['name']}: hostPort {port['hostPort']}"
            for port in container.get("ports", [])
            if "hostPort" in port
        ]
    return found


def _own(container: Mapping[str, Any]) -> Mapping[str, Any]:
    context: Mapping[str, Any] = container.get("securityContext", {})
    return context


def _faults(context: Mapping[str, Any]) -> Iterator[str]:
    demanded = {
        "may become more than it is": context.get("allowPrivilegeEscalation") is False,
        "is privileged": not context.get("privileged"),
        "may run as root": context.get("runAsNonRoot") is True and context.get("runAsUser") != 0,
        "keeps capabilities": context.get("capabilities") == {"drop": ["ALL"]},
        "has no seccomp profile": context.get("seccompProfile", {}).get("type") == "RuntimeDefault",
        "can write its root": context.get("readOnlyRootFilesystem") is True,
    }
    return (fault for fault, holds in demanded.items() if not holds)


Right = tuple[str, str, str, str, str]
"""Namespace or `*`, API group, resource, the one name or `*`, verb."""


def rights(objects: Sequence[rendering.Object], *, account: str) -> set[Right]:
    """Return the rights of a ServiceAccount by the roles among the objects."""
    return {
        right
        for binding in objects
        if binding["kind"] in _BINDINGS and account in {subject["name"] for subject in binding["subjects"]}
        for role in objects
        if (role["kind"], role["metadata"]["name"]) == _referred(binding)
        for right in granted(role, where=binding["metadata"].get("namespace", "*"))
    }


def beyond(objects: Sequence[rendering.Object], *, account: str) -> set[str]:
    """Return the names of the roles that a ServiceAccount is bound to and that belong to the cluster."""
    own = {(role["kind"], role["metadata"]["name"]) for role in objects if role["kind"] in _ROLES}
    return {
        _referred(binding)[1]
        for binding in objects
        if binding["kind"] in _BINDINGS
        and account in {subject["name"] for subject in binding["subjects"]}
        and _referred(binding) not in own
    }


def granted(role: rendering.Object, *, where: str = "*") -> Iterator[Right]:
    for rule in role["rules"]:
        for verb in rule["verbs"]:
            for path in rule.get("nonResourceURLs", []):
                yield where, "", path, "*", verb
            for group in rule.get("apiGroups", []):
                for resource in rule["resources"]:
                    for name in rule.get("resourceNames", ["*"]):
                        yield where, group, resource, name, verb


def _referred(binding: rendering.Object) -> tuple[str, str]:
    return binding["roleRef"]["kind"], binding["roleRef"]["name"]
