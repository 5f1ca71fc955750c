"""Our server, with the rights of its manifests, where another adapter has one of the autoscaler's APIs."""

import json
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from apiservice.runtime import kubeconfig as runtime_kubeconfig
from demo import faults, processes, wait
from tests.cluster import cluster, commands, registration
from tests.deploy import documented
from tests.installed import manifests

pytestmark = [pytest.mark.cluster, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(3600)]

_THEIRS = "v1beta1.external.metrics.k8s.io"
_OURS = ("v1alpha1.metrics.smi-spec.io", "v1beta2.custom.metrics.k8s.io", "v1beta1.custom.metrics.k8s.io")
_FOREIGN: Mapping[str, Any] = {
    "apiVersion": "apiregistration.k8s.io/v1",
    "kind": "APIService",
    "metadata": {"name": _THEIRS},
    "spec": {
        "group": "external.metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100,
        "versionPriority": 100, "service": {"namespace": "keda", "name": "keda-operator-metrics-apiserver"},
    },
}  # fmt: skip
_LEADING_NOWHERE = "http://127.0.0.1:1"
_WITHIN = 60.0


@dataclass(frozen=True, slots=True)
class Beside:
    """The server is ready, and has checked its registrations."""

    running: cluster.Cluster
    overlay: Path
    log: Path

    async def kubectl(self, *arguments: str) -> str:
        return await commands.kubectl(self.running.kubeconfig, *arguments)

    async def found(self, name: str) -> Any:
        return json.loads(
            await self.kubectl("get", "apiservice", name, "--output=json", "--show-managed-fields")
        )

    async def is_told(self, *names: str) -> bool:
        return all([(await self.found(name))["spec"].get("caBundle") for name in names])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def beside(
    control_plane: cluster.Cluster, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Beside]:
    scratch, kubeconfig = tmp_path_factory.mktemp("beside"), control_plane.kubeconfig
    theirs = scratch / "theirs.json"
    theirs.write_text(json.dumps(_FOREIGN))
    await commands.kubectl(kubeconfig, "apply", f"--filename={theirs}")
    overlay = manifests.overlay(scratch / "overlay", components=["autoscaling-apis"], settings={})
    with pytest.raises(faults.DemoError, match="conflicts with"):
        await commands.kubectl(kubeconfig, *documented.applying(), f"--kustomize={overlay}")
    account = ("trafficmetrics", "--namespace=trafficmetrics")
    runtime_kubeconfig.write_kubeconfig(
        scratch / "kubeconfig",
        server=control_plane.place.server,
        authority=control_plane.files.certificate("ca").read_bytes(),
        bearer=(await commands.kubectl(kubeconfig, "create", "token", *account)).strip(),
        name="trafficmetrics",
    )
    command = [
        *(sys.executable, "-m", "metrics_server", "serve", "--autoscaling"),
        *(f"--prometheus={_LEADING_NOWHERE}", f"--cluster={scratch / 'kubeconfig'}"),
        *("--service=trafficmetrics.trafficmetrics", "--tls-secret=trafficmetrics-serving"),
        f"--state={scratch / 'state'}",
        f"--listen={control_plane.place.host}:{registration.PORT}",
    ]
    made = Beside(control_plane, overlay, scratch / "server.log")
    url = f"https://{control_plane.place.host}:{registration.PORT}"
    async with processes.family(scratch) as family, aiohttp.ClientSession() as http:
        await family.start("server", command)
        await family.guard(wait.until_ok(http, f"{url}/readyz", what="the server", within=_WITHIN))
        yield made


async def test_those_that_are_ours_are_told_and_that_of_somebody_else_stays_as_it_is(beside: Beside) -> None:
    await wait.until(lambda: beside.is_told(*_OURS), what="the authority in ours", within=_WITHIN)
    found = await beside.found(_THEIRS)
    assert found["spec"] == {**_FOREIGN["spec"], "service": {**_FOREIGN["spec"]["service"], "port": 443}}
    # The kube-apiserver owns the status.
    assert {field["manager"] for field in found["metadata"]["managedFields"]} == {
        "kubectl-client-side-apply",
        "kube-apiserver",
    }


async def test_the_log_says_whose_it_is_and_what_to_do(beside: Beside) -> None:
    said = [line for line in beside.log.read_text().splitlines() if "belongs to" in line]
    assert len(said) == 1
    assert f"APIService {_THEIRS} belongs to Service keda/keda-operator-metrics-apiserver" in said[0]
    assert f"`kubectl delete apiservice {_THEIRS}`" in said[0]


async def test_one_that_its_owner_gives_up_is_ours_when_it_is_installed_again(beside: Beside) -> None:
    await beside.kubectl("delete", "apiservice", _THEIRS)
    await beside.kubectl(*documented.applying(), f"--kustomize={beside.overlay}")
    await wait.until(lambda: beside.is_told(*_OURS, _THEIRS), what="the authority in all", within=_WITHIN)
