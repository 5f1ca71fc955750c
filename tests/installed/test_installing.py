"""Each way to install, on a real cluster: quick, with only the documented rights, updated, and removed."""

import contextlib
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

import pytest

from demo import wait
from tests.deploy import documented, rendering
from tests.installed import charting, manifests, reading
from tests.installed import site as sites

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.go,
    pytest.mark.usefixtures("helm"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(1800),
]

_WITHIN = 180.0
"""Seconds to wait on a busy machine until it is installed; the actual time is printed."""
_SERVER = "deployment/trafficmetrics"
_SELECTOR = "--selector=app.kubernetes.io/component=server"
_ACCOUNT = "system:serviceaccount:trafficmetrics:trafficmetrics"
_NO_ONE = "system:serviceaccount:default:default"
"""An account that has only the rights of all accounts."""
_KINDS = "apiservices,clusterroles,clusterrolebindings,rolebindings,roles,namespaces,configmaps,secrets"
_DELEGATED = {
    ("authentication.k8s.io", "tokenreviews", "*", "create"),
    ("authorization.k8s.io", "subjectaccessreviews", "*", "create"),
}
"""The rights of `system:auth-delegator`."""
_FRONT_PROXY = {
    ("", "configmaps", "extension-apiserver-authentication", verb) for verb in ("get", "list", "watch")
}
"""The rights of `extension-apiserver-authentication-reader`, in `kube-system`."""
_RIGHT = re.compile(r"^([a-z]+)\.?(\S*) +\[\] +\[(.*)\] +\[(.+)\]$", re.MULTILINE)
"""A line of `auth can-i --list` about a resource: resource and group, paths, names, verbs."""
_PATH = re.compile(r"^ +\[(/.*)\] +\[\] +\[(.+)\]$", re.MULTILINE)
"""A line about a path."""


_Change = Callable[[str], Awaitable[None]]
"""Installs the same again, with a window of so many seconds."""


@contextlib.asynccontextmanager
async def _flat(site: sites.Site) -> AsyncIterator[None]:
    await site.kubectl("apply", f"--filename={rendering.INSTALL}")
    try:
        yield
    finally:
        await site.kubectl("delete", "--ignore-not-found", "--wait", f"--filename={rendering.INSTALL}")


@contextlib.asynccontextmanager
async def _kustomized(site: sites.Site) -> AsyncIterator[_Change]:
    components = ["ha", "dashboard", "network-policy", "autoscaling-apis", "splits"]
    folder = site.scratch / "installing"

    async def apply(**settings: str) -> None:
        manifests.overlay(folder, components=components, settings=settings)
        await site.kubectl(*documented.applying(), f"--kustomize={folder}")

    async def change(window: str) -> None:
        await apply(TRAFFIC_WINDOW=window)

    await apply()
    try:
        yield change
    finally:
        await site.kubectl("delete", "--ignore-not-found", "--wait", f"--kustomize={folder}")


@contextlib.asynccontextmanager
async def _charted(site: sites.Site) -> AsyncIterator[_Change]:
    chosen = {
        "prometheus.url": rendering.PROMETHEUS, "ha.enabled": "true", "dashboard.enabled": "true",
        "networkPolicy.enabled": "true", "autoscaling.enabled": "true", "splits.gateway": "true",
        "splits.linkerd": "true", "splits.istio": "true", "splits.traefik": "true",
    }  # fmt: skip

    async def change(window: str) -> None:
        await charting.upgrade(site, {**chosen, "settings.window": window})

    async with charting.installed(site, chosen):
        yield change


_Way = Callable[[sites.Site], contextlib.AbstractAsyncContextManager[object]]
_TRAFFIC = ("/apis/metrics.smi-spec.io/v1alpha1",)
_ALL = (
    *_TRAFFIC, "/apis/custom.metrics.k8s.io/v1beta2", "/apis/custom.metrics.k8s.io/v1beta1",
    "/apis/external.metrics.k8s.io/v1beta1",
)  # fmt: skip
_WAYS: Mapping[str, tuple[_Way, Sequence[str]]] = {
    "flat file": (_flat, _TRAFFIC), "kustomize": (_kustomized, _ALL), "helm": (_charted, _ALL),
}  # fmt: skip
"""Each way, and the groups that are served then."""


@pytest.mark.parametrize(("way", "served"), _WAYS.values(), ids=list(_WAYS))
async def test_it_is_soon_there_may_what_is_said_and_leaves_nothing(
    site: sites.Site, way: _Way, served: Sequence[str]
) -> None:
    before = await _there(site)
    began = time.monotonic()
    async with way(site):
        for group in served:
            await site.until_it_answers(group, within=_WITHIN)
        await _until_available(site)
        print(f"answers {time.monotonic() - began:.1f} s after it was asked for")
        rights = documented.rights()
        if served is _ALL:
            for part in ("autoscaling-apis", "splits"):
                rights |= documented.rights(f"rights with {part}")
        assert await _rights(site, namespace="trafficmetrics") == {right[1:] for right in rights} | _DELEGATED
        everywhere = {right[1:] for right in rights if right[0] == "*"} | _DELEGATED
        assert await _rights(site, namespace="kube-system") == everywhere | _FRONT_PROXY
        assert await _rights(site, namespace="default") == everywhere
        assert await _paths(site, account=_ACCOUNT) == await _paths(site, account=_NO_ONE)
        await _until_ready(site)
    assert await _there(site) - before == set()


@pytest.mark.parametrize("way", [_kustomized, _charted], ids=["kustomize", "helm"])
async def test_an_upgrade_to_other_settings_fails_no_request(
    site: sites.Site, way: Callable[[sites.Site], contextlib.AbstractAsyncContextManager[_Change]]
) -> None:
    async with way(site) as change, reading.reader(site, namespace="default") as reader:
        await site.until_it_answers(within=_WITHIN)
        await _until_rolled_out(site)
        await _until_allowed(reader)
        before = await _pods(site)
        async with (
            reader.all_the_while("", every=0.1) as documents,
            reader.all_the_while("/namespaces/default/trafficmetrics", every=0.2) as lists,
        ):
            await change("60")
            await _until_rolled_out(site)
            await _until_old_ones_are_gone(site)
        after = await _pods(site)
    assert len(before) == len(after) == 2
    assert before.isdisjoint(after)
    assert len(documents) > 50
    assert [(answer.status, answer.message) for answer in documents if answer.status != 200] == []
    # There is no Prometheus, which our own servers report; any other message comes from another server.
    wrong = [answer for answer in lists if answer.status != 200 and "Prometheus" not in answer.message]
    assert [(answer.status, answer.message) for answer in wrong] == []


async def _until_allowed(reader: reading.Reader) -> None:
    """The controller that aggregates roles needs a moment."""

    async def allowed() -> bool:
        return (await reader.get("/namespaces/default/trafficmetrics")).status != 403

    await wait.until(allowed, what="the role `view` with our rules in it", within=30.0)


async def _until_available(site: sites.Site) -> None:
    ours = ("apiservice", "--selector=app.kubernetes.io/name=trafficmetrics")
    await site.kubectl("wait", "--for=condition=Available", f"--timeout={_WITHIN:g}s", *ours)


async def _until_ready(site: sites.Site) -> None:
    """Wait for every pod, including the dashboard's."""
    await site.kubectl(
        *("wait", "--for=condition=Available", f"--timeout={_WITHIN:g}s", "deployment", "--all"),
        "--namespace=trafficmetrics",
    )


async def _until_rolled_out(site: sites.Site) -> None:
    await site.kubectl("rollout", "status", _SERVER, "--namespace=trafficmetrics", f"--timeout={_WITHIN:g}s")


async def _pods(site: sites.Site) -> set[str]:
    """The names of the server's pods."""
    found = await site.objects("pods", "--namespace=trafficmetrics", _SELECTOR)
    return {pod["metadata"]["name"] for pod in found}


async def _until_old_ones_are_gone(site: sites.Site) -> None:
    async def gone() -> bool:
        pods = await site.objects("pods", "--namespace=trafficmetrics")
        return all("deletionTimestamp" not in pod["metadata"] for pod in pods)

    await wait.until(gone, what="the end of the replaced pods", within=60.0, pause=0.5)


async def _rights(site: sites.Site, *, namespace: str) -> set[tuple[str, ...]]:
    """The server account's rights there, without those of every account (to ask about its own rights)."""
    said = await _listed(site, account=_ACCOUNT, namespace=namespace)
    return {
        (group, resource, name, verb)
        for resource, group, names, verbs in _RIGHT.findall(said)
        if not resource.startswith("self")
        for name in names.split() or ["*"]
        for verb in verbs.split()
    }


async def _paths(site: sites.Site, *, account: str) -> set[tuple[str, str]]:
    """Paths that are not resources, and their verbs."""
    found = set(_PATH.findall(await _listed(site, account=account, namespace="default")))
    assert ("/version", "get") in found
    return found


async def _listed(site: sites.Site, *, account: str, namespace: str) -> str:
    return await site.kubectl(
        "auth", "can-i", "--list", "--no-headers", f"--as={account}", f"--namespace={namespace}"
    )


async def _there(site: sites.Site) -> set[str]:
    """The names of all objects that might remain."""
    listed = json.loads(await site.kubectl("get", _KINDS, "--all-namespaces", "--output=json"))
    return {
        "/".join((one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]))
        for one in listed["items"]
    }
