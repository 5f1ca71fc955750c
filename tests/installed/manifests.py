"""What is applied: the manifests of `deploy/`, with components and settings of a test's choice."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
NAMESPACE = "trafficmetrics"


def overlay(folder: Path, *, components: Sequence[str] = (), settings: Mapping[str, str]) -> Path:
    """A kustomization in `folder`, for `kubectl apply -k`. `settings` are the server's `TRAFFIC_…`."""
    folder.mkdir(parents=True, exist_ok=True)
    content: dict[str, Any] = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        # An absolute path is refused.
        "resources": [os.path.relpath(DEPLOY / "base", folder)],
        "components": [os.path.relpath(DEPLOY / "components" / name, folder) for name in components],
        "configMapGenerator": [
            {
                "name": "trafficmetrics",
                "namespace": NAMESPACE,
                "behavior": "merge",
                "literals": [f"{name}={value}" for name, value in settings.items()],
            }
        ],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return folder
