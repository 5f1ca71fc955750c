"""Our server need not restart, whatever happens to a real kube-apiserver: it is away for a while, and
the authorities of its front proxy and its clients are replaced.
"""

import contextlib
import datetime
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from demo import faults, runner, wait
from tests.cluster import aggregated, certificates, cluster, commands

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.mesh,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(3600),
]
_LIST = f"{aggregated.PATH}/namespaces/shop/trafficmetrics"
_OWNER = "replicaset.only-the-cluster-knows"
"""The owner of a pod of the mesh whose scrape labels name another workload."""
_REFUSED = (
    "presented: subject 'CN=front-proxy-client', issuer 'CN=front-proxy-ca'",
    "the expected authority of its issuer's name did not sign it: was it replaced?",
)
_WITHIN = 90.0
_FRESH = 10.0
"""Seconds; the mesh is scraped every second."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def log(
    control_plane: cluster.Cluster, mesh: runner.Mesh, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Path]:
    """The log of the one server for all tests here, which reads owners from the cluster."""
    scratch = tmp_path_factory.mktemp("watching")
    async with aggregated.serve(control_plane, mesh, scratch=scratch, watches=True) as written:
        await _own_a_pod(control_plane, mesh, scratch=scratch)
        yield written


async def _own_a_pod(running: cluster.Cluster, mesh: runner.Mesh, *, scratch: Path) -> None:
    """Make a pod with the name of one of the mesh, and a ReplicaSet that adopts it."""
    name = next(pod["name"] for pod in await mesh.pods() if pod["name"].startswith("cart-"))
    labels = {"app": "known"}
    spec = {"containers": [{"name": "cart", "image": "none"}]}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "labels": labels},
        "spec": spec,
    }
    owner = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": _OWNER.partition(".")[2], "namespace": "shop"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }
    await commands.kubectl(running.kubeconfig, "create", "namespace", "shop")
    account = ("wait", "--for=create", "serviceaccount/default", "--namespace=shop", "--timeout=60s")
    await commands.kubectl(running.kubeconfig, *account)
    for made in (pod, owner):
        manifest = scratch / "object.json"
        manifest.write_text(json.dumps(made))
        await commands.kubectl(running.kubeconfig, "create", f"--filename={manifest}")

    async def is_known() -> bool:
        return _OWNER in await _through(running)

    await wait.until(is_known, what="the owner of the pod", within=_WITHIN, pause=0.5)


async def _through(running: cluster.Cluster) -> set[str]:
    """The names in a list that was read through the kube-apiserver."""
    listed = json.loads(await commands.kubectl(running.kubeconfig, "get", "--raw", _LIST))
    return {item["metadata"]["name"] for item in listed["items"]}


async def _until_answered_through(running: cluster.Cluster) -> None:
    async def answered() -> bool:
        with contextlib.suppress(faults.DemoError):
            return _OWNER in await _through(running)
        return False

    await wait.until(answered, what="the aggregated API", within=_WITHIN, pause=0.5)


async def test_while_the_kube_apiserver_is_away_figures_are_of_now_and_owners_of_then(
    control_plane: cluster.Cluster, log: Path
) -> None:
    async def ask() -> aggregated.Reply:
        reply = await aggregated.directly(
            control_plane, _LIST, headers=aggregated.MASTER, identity=control_plane.files
        )
        assert _OWNER in reply.names
        return reply

    async def is_warned() -> bool:
        return any("the kube-apiserver has not answered since" in one for one in (await ask()).warnings)

    async def is_not_warned() -> bool:
        return not (await ask()).warnings

    await wait.until(is_not_warned, what="no warning", within=_WITHIN)
    async with control_plane.without_api_server():
        await wait.until(is_warned, what="the warning", within=_WITHIN)
        reply = await ask()
        (warning,) = reply.warnings
        assert warning.endswith('owners and labels are as of then"')
        (item,) = (one for one in reply.json["items"] if one["metadata"]["name"] == _OWNER)
        age = datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(item["timestamp"])
        assert age.total_seconds() < _FRESH
        assert {one["name"]: one["value"] for one in item["metrics"]}["success_count"] != "0"
    await wait.until(is_not_warned, what="the end of the warning", within=_WITHIN, pause=0.5)
    await _until_answered_through(control_plane)


async def test_authorities_that_are_replaced_are_believed_and_no_longer_believed(
    control_plane: cluster.Cluster, log: Path, tmp_path: Path
) -> None:
    """The new ones have the names of the old. The kube-apiserver also publishes the old ones until the
    ConfigMap is created anew.
    """
    now = datetime.datetime.now(datetime.UTC)
    files, old, new = control_plane.files, certificates.Files(tmp_path), certificates.Files(tmp_path / "new")
    certificates.write(new, place=control_plane.place, now=now)
    _take("front-proxy", files, to=old)

    async def is_admitted(whose: certificates.Files, name: str, headers: dict[str, str]) -> bool:
        with contextlib.suppress(aiohttp.ClientError):
            reply = await aggregated.directly(
                control_plane, _LIST, identity=whose, name=name, headers=headers
            )
            return reply.status == 200
        return False

    async def a_new_client() -> bool:
        return await is_admitted(new, certificates.ADMIN, {})

    async def the_old_proxy() -> bool:
        return await is_admitted(old, "front-proxy", aggregated.MASTER)

    async def not_the_old_proxy() -> bool:
        return not await the_old_proxy()

    assert not await a_new_client()
    assert await the_old_proxy()
    async with control_plane.without_api_server():
        for name in ("front-proxy-ca", "front-proxy"):
            _take(name, new, to=files)
        both = files.certificate("ca").read_bytes() + new.certificate("ca").read_bytes()
        files.certificate("ca").write_bytes(both)
    await _until_answered_through(control_plane)
    await wait.until(a_new_client, what="a client of the new authority", within=_WITHIN, pause=0.5)
    await wait.until(the_old_proxy, what="the front proxy of before", within=_WITHIN, pause=0.5)

    published = ("configmap", "extension-apiserver-authentication", "--namespace=kube-system")
    await commands.kubectl(control_plane.kubeconfig, "delete", *published)
    await wait.until(not_the_old_proxy, what="the end of the old trust", within=_WITHIN, pause=0.5)
    await _until_answered_through(control_plane)
    await wait.until(a_new_client, what="a client of the new authority", within=_WITHIN, pause=0.5)

    async def is_told() -> bool:
        await the_old_proxy()
        return _says(log, *_REFUSED)

    await wait.until(is_told, what="who was refused, in the log", within=_WITHIN, pause=0.5)


def _says(log: Path, *words: str) -> bool:
    reply = log.read_text()
    return all(each in reply for each in words)


def _take(name: str, files: certificates.Files, *, to: certificates.Files) -> None:
    for path in (files.certificate(name), files.key(name)):
        shutil.copyfile(path, to.folder / path.name)
