"""Each way to install, on a real cluster: soon there, with no more rights than said, updated, and gone."""

import contextlib
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

import pytest
import pytest_asyncio

from demo import faults, wait
from tests.cluster import build, commands
from tests.deploy import documented, rendering
from tests.installed import manifests, reading
from tests.installed import site as sites

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.go,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(1800),
]

_WITHIN = 180.0
"""Seconds to wait for what is installed, on a machine that is busy; how many it took is printed."""
_SERVER = "deployment/trafficmetrics"
_ACCOUNT = "system:serviceaccount:trafficmetrics:trafficmetrics"
_KINDS = "apiservices,clusterroles,clusterrolebindings,rolebindings,roles,namespaces,configmaps,secrets"
_DELEGATED = {
    ("authentication.k8s.io", "tokenreviews", "*", "create"),
    ("authorization.k8s.io", "subjectaccessreviews", "*", "create"),
}
"""By `system:auth-delegator`."""
_RIGHT = re.compile(r"^([a-z]+)\.?(\S*) +\[\] +\[(.*)\] +\[(.+)\]$", re.MULTILINE)
"""A line of `auth can-i --list` that speaks of a resource: resource and group, paths, names, verbs."""


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def helm() -> None:
    """Built the first time."""
    await build.make(build.HELM, report=print)


@contextlib.asynccontextmanager
async def _flat(site: sites.Site) -> AsyncIterator[None]:
    await site.kubectl("apply", f"--filename={rendering.INSTALL}")
    try:
        yield
    finally:
        await site.kubectl("delete", "--ignore-not-found", "--wait", f"--filename={rendering.INSTALL}")


@contextlib.asynccontextmanager
async def _kustomized(site: sites.Site) -> AsyncIterator[None]:
    components = ["ha", "dashboard", "network-policy", "autoscaling-apis"]
    folder = manifests.overlay(site.scratch / "installing", components=components, settings={})
    await site.kubectl(*documented.applying(), f"--kustomize={folder}")
    try:
        yield
    finally:
        await site.kubectl("delete", "--ignore-not-found", "--wait", f"--kustomize={folder}")


@contextlib.asynccontextmanager
async def _charted(site: sites.Site) -> AsyncIterator[None]:
    chosen = [
        f"--set={name}={value}"
        for name, value in {
            "prometheus.url": rendering.PROMETHEUS, "ha.enabled": "true", "dashboard.enabled": "true",
            "networkPolicy.enabled": "true", "autoscaling.enabled": "true",
        }.items()
    ]  # fmt: skip
    where = (f"--kubeconfig={site.kubeconfig}", "--namespace=trafficmetrics")
    helm = str(rendering.HELM)
    await commands.output(
        helm, "install", "trafficmetrics", str(rendering.CHART), *where, "--create-namespace", *chosen
    )
    try:
        yield
    finally:
        await commands.output(helm, "uninstall", "trafficmetrics", *where, "--wait")
        await site.kubectl("delete", "namespace", "trafficmetrics", "--wait")


_Way = Callable[[sites.Site], contextlib.AbstractAsyncContextManager[None]]
_TRAFFIC = ("/apis/metrics.smi-spec.io/v1alpha1",)
_ALL = (
    *_TRAFFIC, "/apis/custom.metrics.k8s.io/v1beta2", "/apis/custom.metrics.k8s.io/v1beta1",
    "/apis/external.metrics.k8s.io/v1beta1",
)  # fmt: skip
_WAYS: Mapping[str, tuple[_Way, Sequence[str]]] = {
    "flat file": (_flat, _TRAFFIC), "kustomize": (_kustomized, _ALL), "helm": (_charted, _ALL),
}  # fmt: skip
"""And what is served then."""


@pytest.mark.parametrize(("way", "served"), _WAYS.values(), ids=list(_WAYS))
async def test_it_is_soon_there_may_what_is_said_and_leaves_nothing(
    site: sites.Site, way: _Way, served: Sequence[str]
) -> None:
    before = await _there(site)
    began = time.monotonic()
    async with way(site):
        # Being Available is not enough: the kube-apiserver looks without verifying the certificate.
        for group in served:
            await _until_it_answers(site, group)
        await _until_available(site)
        print(f"answers {time.monotonic() - began:.1f} s after it was asked for")
        rights = documented.rights()
        if served is _ALL:
            rights |= documented.rights("rights with autoscaling-apis")
        assert await _rights(site) == {right[1:] for right in rights} | _DELEGATED
        await _until_ready(site)
    assert await _there(site) - before == set()


async def test_an_update_of_two_replicas_fails_no_request(site: sites.Site) -> None:
    async with (
        site.installed(components=["ha"]),
        reading.reader(site, namespace="default") as reader,
    ):
        await site.kubectl("rollout", "status", _SERVER, "--namespace=trafficmetrics", "--timeout=60s")
        await _until_allowed(reader)
        async with (
            reader.all_the_while("", every=0.1) as documents,
            reader.all_the_while("/namespaces/default/trafficmetrics", every=0.2) as lists,
        ):
            for _ in range(2):
                await site.kubectl("rollout", "restart", _SERVER, "--namespace=trafficmetrics")
                await site.kubectl(
                    "rollout", "status", _SERVER, "--namespace=trafficmetrics", "--timeout=120s"
                )
                await _until_old_ones_are_gone(site)
    assert len(documents) > 100
    assert [(answer.status, answer.message) for answer in documents if answer.status != 200] == []
    # There is no Prometheus, which our own servers say; anything else is from in between.
    wrong = [answer for answer in lists if answer.status != 200 and "Prometheus" not in answer.message]
    assert [(answer.status, answer.message) for answer in wrong] == []


async def _until_allowed(reader: reading.Reader) -> None:
    """The controller that aggregates roles takes a moment."""

    async def allowed() -> bool:
        return (await reader.get("/namespaces/default/trafficmetrics")).status != 403

    await wait.until(allowed, what="the role `view` with our rules in it", within=30.0)


async def _until_it_answers(site: sites.Site, group: str) -> None:
    async def answers() -> bool:
        try:
            await site.kubectl("get", "--raw", group)
        except faults.DemoError:
            return False
        return True

    await wait.until(answers, what=f"{group} in the cluster", within=_WITHIN, pause=0.25)


async def _until_available(site: sites.Site) -> None:
    ours = ("apiservice", "--selector=app.kubernetes.io/name=trafficmetrics")
    await site.kubectl("wait", "--for=condition=Available", f"--timeout={_WITHIN:g}s", *ours)


async def _until_ready(site: sites.Site) -> None:
    """Every pod, the dashboard's too."""
    await site.kubectl(
        *("wait", "--for=condition=Available", f"--timeout={_WITHIN:g}s", "deployment", "--all"),
        "--namespace=trafficmetrics",
    )


async def _until_old_ones_are_gone(site: sites.Site) -> None:
    async def gone() -> bool:
        pods = await site.objects("pods", "--namespace=trafficmetrics")
        return all("deletionTimestamp" not in pod["metadata"] for pod in pods)

    await wait.until(gone, what="the end of the replaced pods", within=60.0, pause=0.5)


async def _rights(site: sites.Site) -> set[tuple[str, ...]]:
    """What the server's account may do in its namespace beyond what every account may: ask about itself."""
    said = await site.kubectl(
        "auth", "can-i", "--list", "--no-headers", f"--as={_ACCOUNT}", "--namespace=trafficmetrics"
    )
    return {
        (group, resource, name, verb)
        for resource, group, names, verbs in _RIGHT.findall(said)
        if not resource.startswith("self")
        for name in names.split() or ["*"]
        for verb in verbs.split()
    }


async def _there(site: sites.Site) -> set[str]:
    """The names of everything that could be left."""
    listed = json.loads(await site.kubectl("get", _KINDS, "--all-namespaces", "--output=json"))
    return {
        "/".join((one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]))
        for one in listed["items"]
    }
