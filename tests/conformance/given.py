"""Any aggregated API, given by the environment: a kubeconfig of an administrator, and where to look.

    CONFORMANCE_KUBECONFIG=kubeconfig CONFORMANCE_GROUP=metrics.k8s.io CONFORMANCE_VERSION=v1beta1 \
        CONFORMANCE_NAMESPACE=kube-system pytest tests/conformance

Then this API alone is tried. The namespace has two objects of one of its resources.
"""

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from demo import faults
from tests.conformance.subject import Credential, Subject, Way

KUBECONFIG = "CONFORMANCE_KUBECONFIG"
_REST = ("CONFORMANCE_GROUP", "CONFORMANCE_VERSION", "CONFORMANCE_NAMESPACE")


def is_given(environment: Mapping[str, str] = os.environ) -> bool:
    return bool(environment.get(KUBECONFIG))


def subject(folder: Path, environment: Mapping[str, str] = os.environ) -> Subject:
    """Files for TLS, which the kubeconfig may contain as data, are written to `folder`."""
    missing = [name for name in _REST if not environment.get(name)]
    if missing:
        raise faults.DemoError(f"{KUBECONFIG} is given, so {' and '.join(missing)} must say where to look")
    kubeconfig = Path(environment[KUBECONFIG]).resolve()
    group, version, namespace = (environment[name] for name in _REST)
    cluster, user = _current(kubeconfig)
    credential = _credential(user, kubeconfig=kubeconfig, folder=folder)
    authority = _file(cluster, "certificate-authority", kubeconfig=kubeconfig, folder=folder)
    if authority is None:
        raise faults.DemoError(f"{kubeconfig} has no certificate-authority, so its server cannot be believed")

    def impersonate(name: str) -> Credential:
        return credential.bearing(Impersonate_User=name)

    return Subject(
        way=Way.GIVEN,
        url=cluster["server"],
        authority=authority,
        kubeconfig=kubeconfig,
        credential=credential,
        group=group,
        version=version,
        namespace=namespace,
        impersonate=impersonate,
        cluster=kubeconfig,
    )


def _current(kubeconfig: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return cluster and user of the current context."""
    content = yaml.safe_load(kubeconfig.read_text())
    context = _named(content, "contexts", content["current-context"])["context"]
    cluster: dict[str, Any] = _named(content, "clusters", context["cluster"])["cluster"]
    user: dict[str, Any] = _named(content, "users", context["user"])["user"]
    return cluster, user


def _named(content: dict[str, Any], kind: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(entry for entry in content[kind] if entry["name"] == name)
    return found


def _credential(user: dict[str, Any], *, kubeconfig: Path, folder: Path) -> Credential:
    certificate = _file(user, "client-certificate", kubeconfig=kubeconfig, folder=folder)
    if certificate is not None:
        key = _file(user, "client-key", kubeconfig=kubeconfig, folder=folder)
        return Credential(certificate=certificate, key=key)
    if "token" in user:
        return Credential(headers={"Authorization": f"Bearer {user['token']}"})
    raise faults.DemoError(f"{kubeconfig}: its user has neither a client certificate nor a token")


def _file(entry: dict[str, Any], name: str, *, kubeconfig: Path, folder: Path) -> Path | None:
    """Return the file that the kubeconfig names, or a new one with the data that it contains."""
    if name in entry:
        return kubeconfig.parent / str(entry[name])
    if f"{name}-data" not in entry:
        return None
    path = folder / name
    path.touch(mode=0o600)
    path.write_bytes(base64.b64decode(entry[f"{name}-data"]))
    return path
