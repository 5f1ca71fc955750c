"""`kubectl traffic hpa` and a real HPA controller: the same queries, figures and replicas."""

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import click.testing
import pytest
import pytest_asyncio

from dashboard.terminal import __main__ as terminal
from demo import runner, wait
from tests.cluster import autoscaled, cluster, commands, standins
from tests.deploy import pages
from tests.fakes import autoscaled as metrics

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.mesh,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(3600),
]
_RPS, _P99 = "requests_per_second", "p99_response_latency"
_WITHIN = 90.0
_DOCUMENTED = [
    one
    for one in pages.examples()
    if one.where.startswith("docs/autoscaling.md") and one.content["kind"] == "HorizontalPodAutoscaler"
]
_SHOP = "--namespace=shop"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def joined(
    control_plane: cluster.Cluster, mesh: runner.Mesh, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[cluster.Cluster]:
    """The cluster with our server, and checkout as it is in the mesh, with the pods that are measured."""
    await commands.kubectl(control_plane.kubeconfig, "create", "namespace", "shop")
    await standins.deploy(control_plane, mesh, name="checkout", namespace="shop")
    async with autoscaled.serve(control_plane, mesh, scratch=tmp_path_factory.mktemp("autoscaled")):
        yield control_plane


async def _hpa(joined: cluster.Cluster, *listed: metrics.Document, scratch: Path, least: int = 1) -> None:
    """An HPA named checkout, which replaces the one before."""
    name = {"name": "checkout", "namespace": "shop"}
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout"},
        "minReplicas": least,
        "maxReplicas": 5,
        "metrics": listed,
        "behavior": {"scaleUp": {"selectPolicy": "Disabled"}, "scaleDown": {"selectPolicy": "Disabled"}},
    }
    await commands.kubectl(
        joined.kubeconfig, "delete", "hpa", "checkout", _SHOP, "--ignore-not-found", "--wait"
    )
    made = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": name, "spec": spec}
    await autoscaled.apply(joined, [made], scratch=scratch)


async def _reply(joined: cluster.Cluster, *arguments: str) -> click.testing.Result:
    """Return the output of the command for an administrator."""
    typed = ["hpa", *arguments, "--kubeconfig", str(joined.kubeconfig)]
    return await asyncio.to_thread(click.testing.CliRunner().invoke, terminal.commands, typed)


async def _status(joined: cluster.Cluster) -> dict[str, Any]:
    printed = await commands.kubectl(joined.kubeconfig, "get", "hpa", "checkout", _SHOP, "--output=json")
    status: dict[str, Any] = json.loads(printed).get("status") or {}
    return status


async def _condition(joined: cluster.Cluster, sort: str, *, status: str) -> str:
    """Wait until the controller reports this condition on its HPA, and return the message."""
    said: list[str] = []

    async def says() -> bool:
        said.extend(
            f"{condition['reason']}: {condition['message']}"
            for condition in (await _status(joined)).get("conditions") or []
            if (condition["type"], condition["status"]) == (sort, status)
        )
        return bool(said)

    await wait.until(says, what=f"{sort}={status}", within=_WITHIN, pause=0.5)
    return said[-1]


async def test_all_is_well_where_the_controller_says_so(joined: cluster.Cluster, tmp_path: Path) -> None:
    await _hpa(
        joined,
        metrics.pods_metric(_RPS, target="100"),
        metrics.object_metric(_P99, target="5", matchLabels={"window": "1m"}),
        metrics.object_metric(_RPS, target="100", of="apps/v1/Deployment/checkout", sort="AverageValue"),
        metrics.external_metric(_RPS, target="100", **{"from": "frontend", "to": "checkout"}),
        scratch=tmp_path,
    )
    await _condition(joined, "ScalingActive", status="True")
    result = await _reply(joined, "checkout", "-n", "shop", "-o", "json")
    assert result.exit_code == 0, result.output
    (reply,) = json.loads(result.stdout)
    assert reply["replicas"] == 1
    assert [metric["replicas"] for metric in reply["metrics"]] == [1, 1, 1, 1]
    assert {metric["server"] for metric in reply["metrics"]} == {"default/trafficmetrics"}
    assert len(reply["metrics"][0]["figures"]) == 1
    assert reply["metrics"][0]["pods_without_value"] == []


@pytest.mark.parametrize("example", _DOCUMENTED, ids=lambda one: one.where)
async def test_what_the_page_shows_works_as_it_is(
    joined: cluster.Cluster, tmp_path: Path, example: pages.Example
) -> None:
    """Except for its target, which keeps one pod here."""
    await _hpa(joined, *example.content["spec"]["metrics"], scratch=tmp_path)
    await _condition(joined, "ScalingActive", status="True")
    result = await _reply(joined, "checkout", "-n", "shop", "-o", "json")
    (reply,) = json.loads(result.stdout)
    assert all(metric["value"] is not None for metric in reply["metrics"]), result.output
    assert [
        one for metric in reply["metrics"] for one in metric["findings"] if one["weight"] == "wrong"
    ] == []


async def test_it_comes_to_what_the_controller_comes_to(joined: cluster.Cluster, tmp_path: Path) -> None:
    """A target far below the load always demands more than maxReplicas."""
    await _hpa(joined, metrics.pods_metric(_RPS, target="100m"), scratch=tmp_path)
    assert "ScaleUpLimit" in await _condition(joined, "ScalingLimited", status="True")
    result = await _reply(joined, "checkout", "-n", "shop")
    assert result.exit_code == 1
    assert "and should have 5 (1 to 5)" in result.output
    assert re.search(r"The metrics need \d+ replicas, and maxReplicas is 5\.", result.output)
    assert "The target 100m means 0.1 requests per second." in result.output
    assert "behavior.scaleUp.selectPolicy is Disabled" in result.output


async def test_the_controllers_words_are_ours(joined: cluster.Cluster, tmp_path: Path) -> None:
    await _hpa(joined, metrics.pods_metric("requests_per_secnd", target="8"), scratch=tmp_path)
    words = (
        "the server could not find the metric requests_per_secnd for pods: did you mean requests_per_second?"
    )
    assert words in await _condition(joined, "ScalingActive", status="False")
    result = await _reply(joined, "checkout", "-n", "shop")
    assert result.exit_code == 1
    assert f"WRONG    {words}" in result.output
    assert "FailedGetPodsMetric" in result.output


async def test_a_namespace_and_all_of_them_are_a_line_each(joined: cluster.Cluster, tmp_path: Path) -> None:
    await _hpa(joined, metrics.external_metric(_RPS, target="100", form="frontend"), scratch=tmp_path)
    for where in (["-n", "shop"], ["-A"]):
        result = await _reply(joined, *where)
        assert result.exit_code == 1
        assert "Deployment/checkout" in result.output
        assert "'form' means nothing here" in result.output
        assert "Correct metric.selector in the HPA." in result.output


async def test_who_may_not_read_is_told_that_it_is_about_them(
    joined: cluster.Cluster, tmp_path: Path
) -> None:
    await _hpa(joined, metrics.pods_metric(_RPS, target="100"), scratch=tmp_path)
    await _condition(joined, "ScalingActive", status="True")
    limited = tmp_path / "limited"
    await _as_viewer(joined, limited)
    typed = ["hpa", "checkout", "-n", "shop", "--kubeconfig", str(limited)]
    result = await asyncio.to_thread(click.testing.CliRunner().invoke, terminal.commands, typed)
    assert result.exit_code == 1
    assert 'User "system:serviceaccount:shop:viewer" cannot get resource' in result.output
    assert "This concerns your own rights, not the HPA" in result.output
    assert "ValidMetricFound" in result.output


async def _as_viewer(joined: cluster.Cluster, path: Path) -> None:
    """The kubeconfig of a user who may read HPAs, their targets and pods, but no figures."""
    kubeconfig = joined.kubeconfig
    resources = "--resource=horizontalpodautoscalers.autoscaling,deployments.apps/scale,pods"
    for line in (
        "create serviceaccount viewer",
        f"create role viewer --verb=get,list {resources}",
        "create rolebinding viewer --role=viewer --serviceaccount=shop:viewer",
    ):
        await commands.kubectl(kubeconfig, *line.split(), _SHOP)
    token = (await commands.kubectl(kubeconfig, "create", "token", "viewer", _SHOP)).strip()
    await asyncio.to_thread(shutil.copyfile, kubeconfig, path)
    await commands.kubectl(path, "config", "set-credentials", "viewer", f"--token={token}")
    await commands.kubectl(path, "config", "set-context", "--current", "--user=viewer")
