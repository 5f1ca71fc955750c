"""Objects as the real programs make them: kustomize, as it is in kubectl, and helm, built from its Go
module.
"""

import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.cluster import build
from tests.installed import manifests

Object = dict[str, Any]

CHART = manifests.DEPLOY / "helm" / "trafficmetrics"
INSTALL = manifests.DEPLOY / "install.yaml"
COMPONENTS = (
    "ha", "dashboard", "monitoring", "network-policy", "cert-manager", "prometheus-auth", "autoscaling-apis",
    "autoscaling-fallback", "splits", "policy", "profile-pack",
)  # fmt: skip
PROMETHEUS = "http://prometheus.monitoring.svc:9090"
CHOICES: Mapping[str, Mapping[str, str]] = {
    "ha": {"ha.enabled": "true"},
    "dashboard": {"dashboard.enabled": "true"},
    "monitoring": {"monitoring.enabled": "true"},
    "network-policy": {"networkPolicy.enabled": "true"},
    "cert-manager": {"certManager.enabled": "true"},
    "prometheus-auth": {
        "prometheus.secret.name": "trafficmetrics-prometheus",
        "prometheus.secret.token": "token",
    },
    "autoscaling-apis": {"autoscaling.enabled": "true"},
    "autoscaling-fallback": {
        "autoscaling.fallback.service": "prometheus-adapter.monitoring",
        "autoscaling.fallback.configMap": "trafficmetrics-fallback",
    },
    "splits": {
        "splits.gateway": "true",
        "splits.linkerd": "true",
        "splits.istio": "true",
        "splits.traefik": "true",
    },
    "policy": {"policy.configMap": "trafficmetrics-policy"},
    "profile-pack": {"profilePack.configMap": "trafficmetrics-profiles"},
}
"""The values of the chart that have the effect of a component."""
_SETTINGS = {"autoscaling-fallback": {"TRAFFIC_AUTOSCALING_FALLBACK": "prometheus-adapter.monitoring"}}
"""The settings that an overlay must add to a component, because only it can know them."""
HELM = build.HELM.path
"""Exists if a test has the mark `go` and the fixture `helm`."""
_BESIDE_PYTHON = Path(sys.executable).parent


def objects(text: str) -> list[Object]:
    return [found for found in yaml.safe_load_all(text) if found]


def kustomized(folder: Path) -> list[Object]:
    program = shutil.which("kubectl", path=str(_BESIDE_PYTHON)) or "kubectl"
    return objects(_output(program, "kustomize", str(folder)))


def overlay(folder: Path, *, components: Sequence[str]) -> list[Object]:
    """Return the base with components."""
    settings = {name: value for one in components for name, value in _SETTINGS.get(one, {}).items()}
    return kustomized(manifests.overlay(folder, components=components, settings=settings))


def charted(
    *, components: Sequence[str] = (), release: str = "trafficmetrics", namespace: str = "trafficmetrics",
    values: Mapping[str, str] | None = None,
) -> list[Object]:  # fmt: skip
    """Return the objects of the chart with the values for these components, and with others."""
    chosen = {"prometheus.url": PROMETHEUS}
    for component in components:
        chosen.update(CHOICES[component])
    chosen.update(values or {})
    given = [f"--set={name}={value}" for name, value in chosen.items()]
    return objects(_output(str(HELM), "template", release, str(CHART), f"--namespace={namespace}", *given))


def refused(**values: str) -> str | None:
    """Return helm's error message for these values, or None. A double underscore stands for a dot."""
    given = [f"--set={name.replace('__', '.')}={value}" for name, value in values.items()]
    ended = subprocess.run(
        [str(HELM), "template", "t", str(CHART), *given], capture_output=True, text=True, check=False
    )
    return ended.stderr if ended.returncode else None


def _output(*command: str) -> str:
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise AssertionError(f"{' '.join(command[:4])} … failed:\n{ended.stderr[-2000:]}")
    return ended.stdout
