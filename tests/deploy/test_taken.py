"""A kube-apiserver accepts every object in a dry run, by its own validation and that of foreign kinds."""

import copy
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio
import yaml

from demo import faults
from tests.cluster import cluster, commands
from tests.deploy import definitions, rendering

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.go,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(3600),
    pytest.mark.usefixtures("helm"),
]
_NAMESPACE = "trafficmetrics"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    """The kubeconfig of a control plane with the kinds of the Prometheus Operator and of cert-manager."""
    state = tmp_path_factory.mktemp("plane")
    files = [f"--filename={file}" for file in await definitions.files()]
    async with cluster.Cluster(state=state, name=f"d{os.getpid()}", nodes=False, report=print) as running:
        await commands.kubectl(running.kubeconfig, "create", "namespace", _NAMESPACE)
        await commands.kubectl(running.kubeconfig, "create", *files)
        await commands.kubectl(running.kubeconfig, "wait", "--for=condition=Established", *files)
        yield running.kubeconfig


async def _applied(objects: Sequence[rendering.Object], *, kubeconfig: Path, tmp_path: Path) -> list[str]:
    """Return one line for each object."""
    file = tmp_path / "objects.yaml"
    file.write_text(yaml.safe_dump_all(objects))
    return (
        await commands.kubectl(
            kubeconfig, "apply", "--dry-run=server", "--validate=strict", f"--filename={file}"
        )
    ).splitlines()


@pytest.mark.parametrize("way", ["kustomize", "helm"])
async def test_every_object_is_taken(kubeconfig: Path, tmp_path: Path, way: str) -> None:
    components = rendering.COMPONENTS
    made = (
        rendering.overlay(tmp_path / "overlay", components=components)
        if way == "kustomize"
        else rendering.charted(components=components)
    )
    assert {one["apiVersion"] for one in made} > definitions.FOREIGN

    said = await _applied(made, kubeconfig=kubeconfig, tmp_path=tmp_path)

    assert len(said) == len(made)


@pytest.mark.parametrize("kind", ["ServiceMonitor", "PrometheusRule", "Certificate", "Issuer"])
async def test_a_misspelt_field_of_a_foreign_kind_is_not(kubeconfig: Path, tmp_path: Path, kind: str) -> None:
    made = rendering.charted(components=rendering.COMPONENTS)
    wrong = copy.deepcopy(next(one for one in made if one["kind"] == kind))
    wrong["spec"]["misspelt"] = "x"

    with pytest.raises(faults.DemoError, match=r"unknown field .*spec\.misspelt"):
        await _applied([wrong], kubeconfig=kubeconfig, tmp_path=tmp_path)
