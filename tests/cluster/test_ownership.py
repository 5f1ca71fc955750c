"""Pods and their owners, as a real kube-apiserver reports them and real controllers create them."""

import asyncio
import contextlib
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from apiservice.kube import client, config, reflector
from demo import wait
from metrics_server.cluster import owners as watching
from metrics_server.inventory import objects
from metrics_server.model import kinds
from tests.cluster import cluster, commands

pytestmark = [pytest.mark.cluster, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(3600)]

_WITHIN = 60.0
_TOGETHER = 30
"""How many connections write at the same time."""
_SHOP = "shop"
_NODE = "node-a"


@contextlib.asynccontextmanager
async def _watch(connection: client.ConnectionConfig) -> AsyncIterator[watching.Watched]:
    """The block begins when the watch is complete."""
    async with client.connect(connection) as api, watching.watched(api, clock=time.time) as found:
        await asyncio.wait_for(found.complete(), _WITHIN)
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(control_plane: cluster.Cluster) -> AsyncIterator[watching.Watched]:
    """The watch of a cluster with a namespace to work in, and a node that accepts no pods."""
    await commands.kubectl(control_plane.kubeconfig, "create", "namespace", _SHOP)
    connection = await config.from_kubeconfig(control_plane.kubeconfig)
    async with client.connect(connection) as api:
        await api.post("/api/v1/nodes", body={"metadata": {"name": _NODE, "labels": {"zone": "a"}}})
    async with _watch(connection) as found:
        yield found


async def _until(condition: Callable[[], object], *, what: str) -> None:
    async def holds() -> bool:
        return bool(condition())

    await wait.until(holds, what=what, within=_WITHIN)


def _pods(known: watching.Watched, *, app: str) -> Sequence[objects.Object]:
    """The existing pods."""
    members = known.current().selectable.get(_SHOP, ())
    return [one for one in members if one.labels.get("app") == app]


def _others(known: watching.Watched) -> set[kinds.Ref]:
    """Objects other than jobs."""
    return {ref for ref in known.current().objects if ref.kind != "Job"}


def _above(found: objects.Inventory, pod: objects.Object) -> list[str]:
    one, names = pod, []
    while one.owner is not None:
        names.append(one.owner.kind)
        one = found.known[one.owner]
    return [*names, one.ref.name]


async def _kubectl(running: cluster.Cluster, line: str) -> str:
    return await commands.kubectl(running.kubeconfig, *line.split(), f"--namespace={_SHOP}")


async def _apply(running: cluster.Cluster, path: str, content: dict[str, Any], *, scratch: Path) -> None:
    file = scratch / "object.json"
    file.write_text(json.dumps(content))
    await commands.kubectl(running.kubeconfig, "create", f"--raw={path}", f"--filename={file}")


async def test_pods_of_a_deployment_are_known_from_their_making_to_their_end(
    control_plane: cluster.Cluster, watched: watching.Watched
) -> None:
    await _kubectl(control_plane, "create deployment web --image=none --replicas=2")
    await _kubectl(control_plane, "create service clusterip web --tcp=80:8080")
    await _until(lambda: len(_pods(watched, app="web")) == 2, what="two pods")
    now = watched.current()
    first, _ = _pods(watched, app="web")
    assert _above(now, first) == ["ReplicaSet", "Deployment", "web"]
    assert first.node == ""
    assert now.objects[kinds.Ref("Service", _SHOP, "web")].selector == {"app": "web"}
    assert now.objects[kinds.Ref("Node", "", _NODE)].labels["zone"] == "a"

    await _kubectl(control_plane, "delete deployment web")
    await _until(lambda: not _pods(watched, app="web"), what="none left")
    await _until(lambda: kinds.Ref("Deployment", _SHOP, "web") in watched.current().gone, what="gone")
    later = watched.current()
    assert first.ref not in later.objects
    # Its requests of the last minutes are still the Deployment's.
    assert _above(later, later.gone[first.ref]) == ["ReplicaSet", "Deployment", "web"]


async def test_where_a_pod_runs_is_known_once_it_is_bound(
    control_plane: cluster.Cluster, watched: watching.Watched, tmp_path: Path
) -> None:
    await _kubectl(control_plane, "run waiting --image=none --labels=app=waiting")
    await _until(lambda: _pods(watched, app="waiting"), what="the pod")
    assert [pod.node for pod in _pods(watched, app="waiting")] == [""]
    binding = {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": "waiting"},
        "target": {"apiVersion": "v1", "kind": "Node", "name": _NODE},
    }
    path = f"/api/v1/namespaces/{_SHOP}/pods/waiting/binding"
    await _apply(control_plane, path, binding, scratch=tmp_path)
    await _until(lambda: [pod.node for pod in _pods(watched, app="waiting")] == [_NODE], what="bound")

    await _kubectl(control_plane, "label pod waiting app=moved --overwrite")
    await _until(lambda: [pod.node for pod in _pods(watched, app="moved")] == [_NODE], what="labelled")
    connection = await config.from_kubeconfig(control_plane.kubeconfig)
    async with _watch(connection) as another:
        assert [pod.node for pod in _pods(another, app="moved")] == [_NODE]


async def test_a_job_is_its_cron_jobs(control_plane: cluster.Cluster, watched: watching.Watched) -> None:
    cron = ("create", "cronjob", "nightly", "--image=none", "--schedule=0 3 * * *", f"--namespace={_SHOP}")
    await commands.kubectl(control_plane.kubeconfig, *cron)
    await _kubectl(control_plane, "create job nightly-now --from=cronjob/nightly")

    def pods() -> Sequence[objects.Object]:
        found = watched.current().selectable.get(_SHOP, ())
        return [pod for pod in found if pod.labels.get("batch.kubernetes.io/job-name") == "nightly-now"]

    await _until(pods, what="its pod")
    await _until(lambda: kinds.Ref("Job", _SHOP, "nightly-now") in watched.current().objects, what="the job")
    assert _above(watched.current(), pods()[0]) == ["Job", "CronJob", "nightly"]


async def test_more_objects_than_a_page_holds_are_all_known(
    control_plane: cluster.Cluster, watched: watching.Watched
) -> None:
    count = 2 * reflector.PAGE + 1
    connection = await config.from_kubeconfig(control_plane.kubeconfig)
    template = {
        "metadata": {"labels": {"app": "many"}},
        "spec": {"containers": [{"name": "a", "image": "b"}]},
    }
    async with client.connect(connection) as api:
        for start in range(0, count, _TOGETHER):
            writes = (
                api.post(
                    f"/api/v1/namespaces/{_SHOP}/replicationcontrollers",
                    body={
                        "metadata": {"name": f"many-{number}"},
                        "spec": {"replicas": 0, "selector": {"app": "many"}, "template": template},
                    },
                )
                for number in range(start, min(start + _TOGETHER, count))
            )
            await asyncio.gather(*writes)
    wanted = {kinds.Ref("ReplicationController", _SHOP, f"many-{number}") for number in range(count)}
    async with _watch(connection) as another:
        assert wanted <= set(another.current().objects)
    await _until(lambda: wanted <= set(watched.current().objects), what="heard of one by one")


async def test_what_may_not_be_listed_is_known_after_the_command_that_was_logged(
    control_plane: cluster.Cluster, watched: watching.Watched, caplog: pytest.LogCaptureFixture
) -> None:
    most = ",".join(str(one) for one in watching.RESOURCES if one.kind != "Job")
    await _kubectl(control_plane, f"create clusterrole most --verb=list,watch --resource={most}")
    await _kubectl(control_plane, "create serviceaccount traffic")
    account = f"--clusterrole=most --serviceaccount={_SHOP}:traffic"
    await _kubectl(control_plane, f"create clusterrolebinding most {account}")
    await _kubectl(control_plane, "create job once --image=none")
    token = (await _kubectl(control_plane, "create token traffic")).strip()

    async def authorization() -> str:
        return f"Bearer {token}"

    connection = client.ConnectionConfig(
        url=control_plane.place.server,
        tls=ssl.create_default_context(cafile=control_plane.files.certificate("ca")),
        authorization=authorization,
    )
    job = kinds.Ref("Job", _SHOP, "once")
    await _until(lambda: job in watched.current().objects, what="the job")
    async with _watch(connection) as found:
        # A new permission may not be effective for a moment.
        only = "does not let the server list and watch jobs.batch"
        await _until(lambda: (found.complaint() or "").endswith(only), what="allowed but for jobs")
        await _until(lambda: _others(watched) == _others(found), what="known alike")
        (line,) = [message for message in caplog.messages if message.startswith("jobs.batch")]
        for command in line.partition("allow it with: kubectl ")[2].split(" && kubectl "):
            await _kubectl(control_plane, command)
        await _until(lambda: job in found.current().objects, what="allowed")
        await _until(lambda: found.complaint() is None, what="no complaint")


async def test_without_the_kube_apiserver_what_was_known_stays_and_is_followed_when_it_is_back(
    control_plane: cluster.Cluster, watched: watching.Watched
) -> None:
    before = watched.current().objects
    async with control_plane.without_api_server():
        await _until(watched.complaint, what="a complaint")
        complaint = watched.complaint()
        assert complaint is not None
        assert complaint.startswith("the kube-apiserver has not answered")
        assert watched.current().objects == before
    await _kubectl(control_plane, "run after --image=none --labels=app=after")
    await _until(lambda: _pods(watched, app="after"), what="the pod made afterwards")
    await _until(lambda: watched.complaint() is None, what="no complaint")
    assert set(before) <= set(watched.current().known)
