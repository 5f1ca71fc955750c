"""A real node: pods run, find each other by name, and reach this machine."""

import json
import shutil
from pathlib import Path

import pytest

from demo import faults, wait
from tests.cluster import build, cluster, commands, extension, images

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.node,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(3600),
]


async def _deploy(running: cluster.Cluster, name: str, *, program: str = "echo") -> None:
    """Two pods of a program's image behind a Service."""
    kubectl, kubeconfig = commands.kubectl, running.kubeconfig
    image = f"--image={images.name(program)}"
    await kubectl(kubeconfig, "create", "deployment", name, image, "--replicas=2", "--port=8080")
    await kubectl(kubeconfig, "expose", "deployment", name, "--port=80", "--target-port=8080")
    await kubectl(kubeconfig, "rollout", "status", f"deployment/{name}", "--timeout=90s")


async def test_a_deployment_of_an_image_built_here_becomes_ready(
    whole_cluster: cluster.Cluster, tmp_path: Path
) -> None:
    program, archive = tmp_path / "fresh", tmp_path / "fresh.tar"
    shutil.copy(next(echo.path for echo in build.PODS if echo.name == "echo"), program)
    images.write(program, archive=archive)
    await whole_cluster.import_image(archive)

    await _deploy(whole_cluster, "ready", program="fresh")

    pods = await commands.kubectl(
        whole_cluster.kubeconfig, "get", "pods", "--selector=app=ready", "--output=json"
    )
    addresses = {pod["status"]["podIP"] for pod in json.loads(pods)["items"]}
    assert len(addresses) == 2
    assert all(address.startswith("10.244.0.") for address in addresses)


async def test_a_pod_reaches_a_service_by_its_name(whole_cluster: cluster.Cluster) -> None:
    await _deploy(whole_cluster, "named")
    path = (
        "/api/v1/namespaces/default/services/named:80/proxy/fetch?url=http://named.default.svc.cluster.local/"
    )
    said: list[str] = []

    async def answers() -> bool:
        try:
            said.append(await commands.kubectl(whole_cluster.kubeconfig, "get", "--raw", path))
        except faults.DemoError:
            return False
        return True

    # The Service's address works only after kube-proxy has received its pods.
    await wait.until(answers, what="the Service", within=30)
    assert said[0].startswith("named-")


async def test_what_a_pod_says_is_read_from_its_log(whole_cluster: cluster.Cluster) -> None:
    logs = await commands.kubectl(
        whole_cluster.kubeconfig, "logs", "deployment/coredns", "--namespace=kube-system"
    )

    assert "CoreDNS-" in logs


async def test_a_server_on_this_machine_is_aggregated(whole_cluster: cluster.Cluster, tmp_path: Path) -> None:
    async with extension.serve(whole_cluster, scratch=tmp_path):
        assert await extension.ask_for_user(whole_cluster) == "kubernetes-admin"
