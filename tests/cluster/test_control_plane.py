"""A real control plane: no node, no root."""

import json
import os
import signal
from pathlib import Path

import pytest

from demo import faults
from tests.cluster import cluster, commands, extension

pytestmark = [pytest.mark.cluster, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(3600)]


async def test_it_is_the_version_it_says(control_plane: cluster.Cluster) -> None:
    answer = json.loads(await commands.kubectl(control_plane.kubeconfig, "get", "--raw", "/version"))

    assert answer["gitVersion"] == control_plane.version


async def test_what_is_written_is_kept(control_plane: cluster.Cluster) -> None:
    kubeconfig = control_plane.kubeconfig

    await commands.kubectl(kubeconfig, "create", "configmap", "kept", "--from-literal=answer=42")

    found = await commands.kubectl(kubeconfig, "get", "configmap", "kept", "--output=jsonpath={.data.answer}")
    assert found == "42"


async def test_the_aggregation_layer_is_served(control_plane: cluster.Cluster) -> None:
    groups = json.loads(await commands.kubectl(control_plane.kubeconfig, "get", "--raw", "/apis"))["groups"]

    assert {"apiregistration.k8s.io", "autoscaling", "rbac.authorization.k8s.io"} <= {
        group["name"] for group in groups
    }


async def test_controllers_work_and_pods_wait_for_a_node(control_plane: cluster.Cluster) -> None:
    kubeconfig = control_plane.kubeconfig
    await commands.kubectl(kubeconfig, "create", "deployment", "waiting", "--image=none", "--replicas=2")

    await commands.kubectl(
        kubeconfig, "wait", "deployment/waiting", "--for=jsonpath={.status.replicas}=2", "--timeout=60s"
    )

    ready = "--output=jsonpath={.status.readyReplicas}"
    assert await commands.kubectl(kubeconfig, "get", "deployment/waiting", ready) == ""


async def test_a_stranger_is_refused(control_plane: cluster.Cluster) -> None:
    with pytest.raises(faults.DemoError, match="Forbidden"):
        await commands.kubectl(control_plane.kubeconfig, "get", "nodes", "--as=stranger")


async def test_a_cluster_of_another_name_runs_beside_it(
    control_plane: cluster.Cluster, tmp_path: Path
) -> None:
    async with cluster.Cluster(state=tmp_path, name=f"b{os.getpid()}", nodes=False) as beside:
        await commands.kubectl(beside.kubeconfig, "create", "namespace", "beside")

        namespaces = await commands.kubectl(control_plane.kubeconfig, "get", "namespaces", "--output=name")

    assert "namespace/default" in namespaces
    assert "namespace/beside" not in namespaces
    assert not beside.kubeconfig.exists()


async def test_a_cluster_of_the_same_name_is_refused(control_plane: cluster.Cluster, tmp_path: Path) -> None:
    again = cluster.Cluster(state=tmp_path, name=control_plane.place.name, nodes=False)

    with pytest.raises(faults.DemoError, match=r"6443 is taken by kubernetes .* another --name"):
        await again.__aenter__()


async def test_a_program_that_dies_is_named(tmp_path: Path) -> None:
    async with cluster.Cluster(state=tmp_path, name=f"d{os.getpid()}", nodes=False) as dying:
        os.kill(dying.pid("kube-scheduler"), signal.SIGKILL)

        with pytest.raises(faults.DemoError, match="kube-scheduler ended by SIGKILL"):
            await dying.watch()


async def test_a_server_on_this_machine_is_aggregated(control_plane: cluster.Cluster, tmp_path: Path) -> None:
    async with extension.serve(control_plane, scratch=tmp_path):
        assert await extension.ask_for_user(control_plane) == "kubernetes-admin"
