"""Installing never takes over another adapter's APIService, however that was made, and reports its owner.

This needs a field manager of our own. Under its usual names kubectl overwrites fields that others set with
kubectl: a user who installed another adapter with `kubectl apply` would lose it without a message.
"""

import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo import faults
from tests.cluster import build, cluster, commands
from tests.deploy import documented, rendering
from tests.installed import manifests

pytestmark = [pytest.mark.cluster, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(3600)]

NAME = "v1beta1.external.metrics.k8s.io"
_THEIRS = {"namespace": "monitoring", "name": "prometheus-adapter", "port": 443}
_OURS = {"namespace": "trafficmetrics", "name": "trafficmetrics", "port": 443}
_FOREIGN: Mapping[str, Any] = {
    "apiVersion": "apiregistration.k8s.io/v1",
    "kind": "APIService",
    "metadata": {"name": NAME},
    "spec": {
        "group": "external.metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100,
        "versionPriority": 100, "insecureSkipTLSVerify": True, "service": _THEIRS,
    },
}  # fmt: skip
_WAYS = {
    "kubectl-client-side-apply": ("kubectl", "apply", "--filename"),
    "kubectl": ("kubectl", "apply", "--server-side", "--filename"),
    "kubectl-create": ("kubectl", "create", "--filename"),
    "helm": ("helm", "install", "other"),
}
"""By the field manager that each makes the owner."""


async def _helm(running: cluster.Cluster, *arguments: str) -> str:
    await build.make(build.HELM, report=print)
    return await commands.output(str(build.HELM.path), *arguments, f"--kubeconfig={running.kubeconfig}")


def _written(folder: Path) -> tuple[Path, Path]:
    """Write the APIService as a file and as a chart."""
    file, chart = folder / "apiservice.json", folder / "chart"
    file.write_text(json.dumps(_FOREIGN))
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: other\nversion: 1.0.0\n")
    (chart / "templates" / "apiservice.yaml").write_text(yaml.safe_dump(dict(_FOREIGN)))
    return file, chart


@contextlib.asynccontextmanager
async def _owned(running: cluster.Cluster, folder: Path, *, way: str) -> AsyncIterator[None]:
    """Register another adapter until the block is left. It never answers; so no namespace can be deleted."""
    file, chart = _written(folder)
    program, *arguments = _WAYS[way]
    if program == "helm":
        await _helm(running, *arguments, str(chart), "--namespace=default")
    else:
        await commands.kubectl(running.kubeconfig, *arguments, str(file))
    try:
        yield
    finally:
        if program == "helm":
            await _helm(running, "uninstall", "other", "--namespace=default")
        await commands.kubectl(running.kubeconfig, "delete", "apiservice", NAME, "--ignore-not-found")


@contextlib.asynccontextmanager
async def _overlay(running: cluster.Cluster, folder: Path) -> AsyncIterator[Path]:
    """Our overlay with the autoscaler's APIs; all its objects are removed when the block is left."""
    overlay = manifests.overlay(folder / "overlay", components=["autoscaling-apis"], settings={})
    try:
        yield overlay
    finally:
        await commands.kubectl(
            running.kubeconfig, "delete", "--ignore-not-found", "--wait", f"--kustomize={overlay}"
        )


async def _apply(running: cluster.Cluster, overlay: Path) -> None:
    await commands.kubectl(running.kubeconfig, *documented.applying(), f"--kustomize={overlay}")


async def _service(running: cluster.Cluster) -> Any:
    found = json.loads(await commands.kubectl(running.kubeconfig, "get", "apiservice", NAME, "--output=json"))
    return found["spec"]["service"]


@pytest.mark.parametrize("way", _WAYS)
async def test_applying_as_documented_is_refused_and_names_the_owner(
    control_plane: cluster.Cluster, tmp_path: Path, way: str
) -> None:
    async with _overlay(control_plane, tmp_path) as overlay, _owned(control_plane, tmp_path, way=way):
        with pytest.raises(faults.DemoError) as refused:
            await _apply(control_plane, overlay)
        assert f'conflicts with "{way}"' in str(refused.value)
        assert ".spec.service.name" in str(refused.value)
        assert await _service(control_plane) == _THEIRS


@pytest.mark.parametrize("way", _WAYS)
async def test_the_chart_refuses_and_says_whose_it_is(
    control_plane: cluster.Cluster, tmp_path: Path, way: str
) -> None:
    async with _owned(control_plane, tmp_path, way=way):
        with pytest.raises(faults.DemoError) as refused:
            await _install(control_plane)
        assert f"APIService {NAME} belongs to Service monitoring/prometheus-adapter." in str(refused.value)
        assert "autoscaling.enabled=false" in str(refused.value)
        assert await _service(control_plane) == _THEIRS
        # A refused installation has created nothing.
        assert await commands.kubectl(control_plane.kubeconfig, *_ALL_OF_OURS) == ""


_ALL_OF_OURS = (
    "get", "apiservices,clusterroles,deployments", "--all-namespaces", "--output=name",
    "--selector=app.kubernetes.io/name=trafficmetrics",
)  # fmt: skip


async def _install(running: cluster.Cluster, *values: str, command: str = "install") -> None:
    chosen = ",".join(("prometheus.url=http://p", "autoscaling.enabled=true", *values))
    await _helm(
        running, command, "trafficmetrics", str(rendering.CHART), "--namespace=trafficmetrics",
        "--create-namespace", f"--set={chosen}",
    )  # fmt: skip


async def _uninstall(running: cluster.Cluster) -> None:
    await _helm(running, "uninstall", "trafficmetrics", "--namespace=trafficmetrics")
    await commands.kubectl(running.kubeconfig, "delete", "namespace", "trafficmetrics", "--wait")


_LATER = "autoscaling.enabled=false"


async def test_what_is_nobodys_is_made_and_updated_as_documented(
    control_plane: cluster.Cluster, tmp_path: Path
) -> None:
    async with _overlay(control_plane, tmp_path) as overlay:
        for _ in range(2):
            await _apply(control_plane, overlay)
            assert await _service(control_plane) == _OURS


async def test_the_chart_makes_what_is_nobodys_also_when_it_is_switched_on_later(
    control_plane: cluster.Cluster,
) -> None:
    await _install(control_plane, _LATER)
    try:
        for _ in range(2):
            await _install(control_plane, command="upgrade")
            assert await _service(control_plane) == _OURS
    finally:
        await _uninstall(control_plane)


async def test_an_upgrade_that_would_take_it_is_refused_and_changes_nothing(
    control_plane: cluster.Cluster, tmp_path: Path
) -> None:
    await _install(control_plane, _LATER)
    try:
        async with _owned(control_plane, tmp_path, way="helm"):
            with pytest.raises(faults.DemoError, match="belongs to Service monitoring/prometheus-adapter"):
                await _install(control_plane, command="upgrade")
            assert await _service(control_plane) == _THEIRS
    finally:
        await _uninstall(control_plane)


async def test_custom_metrics_alone_can_be_had_beside_whoever_has_external_ones(
    control_plane: cluster.Cluster, tmp_path: Path
) -> None:
    try:
        async with _owned(control_plane, tmp_path, way="helm"):
            await _install(control_plane, "autoscaling.external=false")
            assert await _service(control_plane) == _THEIRS
            ours = await commands.kubectl(control_plane.kubeconfig, *_ALL_OF_OURS)
            assert "v1beta2.custom.metrics.k8s.io" in ours
    finally:
        await _uninstall(control_plane)
