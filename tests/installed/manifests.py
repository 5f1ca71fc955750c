"""What is applied: the manifests of `deploy/`, with the components and settings that a test chooses."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
NAMESPACE = "trafficmetrics"
POLICY = "policy.yaml"
"""A file next to the kustomization, if there is a policy."""


def overlay(
    folder: Path, *, components: Sequence[str] = (), settings: Mapping[str, str], policy: str | None = None
) -> Path:
    """Write a kustomization to `folder`, for `kubectl apply -k`. `settings` are the server's `TRAFFIC_…`;
    with a `policy`, the text of its file, the component of that name is added.
    """
    folder.mkdir(parents=True, exist_ok=True)
    generators: list[dict[str, Any]] = [
        {
            "name": "trafficmetrics",
            "namespace": NAMESPACE,
            "behavior": "merge",
            "literals": [f"{name}={value}" for name, value in settings.items()],
        }
    ]
    if policy is not None:
        (folder / POLICY).write_text(policy)
        components = [*components, "policy"]
        generators.append({"name": "trafficmetrics-policy", "namespace": NAMESPACE, "files": [POLICY]})
    content: dict[str, Any] = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        # Kustomize refuses an absolute path.
        "resources": [os.path.relpath(DEPLOY / "base", folder)],
        "components": [os.path.relpath(DEPLOY / "components" / name, folder) for name in components],
        "configMapGenerator": generators,
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return folder
