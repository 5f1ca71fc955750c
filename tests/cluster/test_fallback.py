"""Two adapters in one cluster: the kube-apiserver asks ours, which forwards foreign metrics to the other.

The manifests are the installed ones, except for ports and the address on which our server listens here; both
servers have exactly the rights in these manifests.
"""

import base64
import contextlib
import dataclasses
import json
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from apiservice.runtime import kubeconfig as runtime_kubeconfig
from apiservice.server import sockets
from demo import faults, wait
from metrics_server.server import access, server
from metrics_server.settings import settings
from metrics_server.upstream import credential_files, fallback_adapter
from tests.apiservice import pki
from tests.cluster import cluster, commands, orders, registration
from tests.deploy import documented, rendering
from tests.metrics_server import fake_prometheus, other_adapter, recording

pytestmark = [pytest.mark.cluster, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(3600)]

_CUSTOM, _EXTERNAL = "/apis/custom.metrics.k8s.io/v1beta2", "/apis/external.metrics.k8s.io/v1beta1"
_OTHERS_POD = f"{_CUSTOM}/namespaces/shop/pods/%2A/{orders.METRIC}"
_OURS = f"{_EXTERNAL}/namespaces/shop/requests_per_second?labelSelector=name%3Dcart"
_WITHIN = 60.0
_AUTHORITY = pki.authority("orders")


@dataclasses.dataclass(slots=True)
class Both:
    """Both servers run, but the other one may be stopped."""

    running: cluster.Cluster
    orders: orders.Orders
    other: contextlib.AsyncExitStack

    async def kubectl(self, *arguments: str) -> str:
        return await commands.kubectl(self.running.kubeconfig, *arguments)

    async def raw(self, path: str, *arguments: str) -> Any:
        return json.loads(await self.kubectl("get", "--raw", path, *arguments))

    async def autoscaler(self, name: str) -> Any:
        return json.loads(await self.kubectl("get", "hpa", name, "--namespace=shop", "--output=json"))[
            "status"
        ]

    async def scaling(self, name: str) -> tuple[str, str]:
        """Whether it can scale, and the reason if not."""
        conditions = (await self.autoscaler(name)).get("conditions", [])
        found = {one["type"]: (one["status"], one["message"]) for one in conditions}
        return found.get("ScalingActive", ("Unknown", ""))


def _objects(running: cluster.Cluster) -> Sequence[Any]:
    """The objects of the overlay, for a server that listens on this machine."""
    made = rendering.overlay(
        running.folder.path / "overlay", components=["autoscaling-apis", "autoscaling-fallback"]
    )
    for one in made:
        if one["kind"] == "Service":
            one["spec"] |= {
                "clusterIP": running.place.host,
                "ports": [{"name": "https", "port": registration.PORT}],
            }
        if one["kind"] == "APIService":
            one["spec"]["service"]["port"] = registration.PORT
    ready = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": "trafficmetrics", "namespace": "trafficmetrics",
            "labels": {"kubernetes.io/service-name": "trafficmetrics"},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["192.0.2.1"], "conditions": {"ready": True}}],
        "ports": [{"name": "https", "port": registration.PORT}],
    }  # fmt: skip
    return [*made, ready]


async def _token(running: cluster.Cluster, scratch: Path) -> Path:
    """The token for the other adapter, from the Secret of the manifests."""
    path = scratch / "token"

    async def is_made() -> bool:
        found = json.loads(
            await commands.kubectl(
                running.kubeconfig,
                "get",
                "secret",
                "trafficmetrics-fallback",
                "--namespace=trafficmetrics",
                "--output=json",
            )
        )
        path.write_bytes(base64.b64decode(found.get("data", {}).get("token", "")))
        return path.stat().st_size > 0

    await wait.until(is_made, what="the token for the other adapter", within=_WITHIN)
    return path


@contextlib.asynccontextmanager
async def _mesh() -> AsyncIterator[str]:
    """A Prometheus whose figures are always current."""
    fake = fake_prometheus.FakePrometheus()

    async def fresh(request: web.Request, query: str) -> web.StreamResponse:
        fake.holds = recording.shop(taken=time.time())
        return await fake.well(request, query)

    fake.behaviour = fresh
    async with fake_prometheus.running(fake):
        yield fake.url


@contextlib.asynccontextmanager
async def _server(running: cluster.Cluster, scratch: Path, *, other: orders.Orders) -> AsyncIterator[None]:
    """Run our server with the rights of its account."""
    kubeconfig, authority = scratch / "kubeconfig", scratch / "ca.crt"
    authority.write_bytes(_AUTHORITY.pem)
    account = ("trafficmetrics", "--namespace=trafficmetrics")
    runtime_kubeconfig.write_kubeconfig(
        kubeconfig,
        server=running.place.server,
        authority=running.files.certificate("ca").read_bytes(),
        bearer=(await commands.kubectl(running.kubeconfig, "create", "token", *account)).strip(),
        name="trafficmetrics",
    )
    called = f"{orders.NAME}.{orders.NAMESPACE}:{other.port}"
    async with _mesh() as prometheus:
        chosen = settings.load(
            prometheus=prometheus, inventory=recording.inventory_file(), state=scratch / "state",
            cluster=str(kubeconfig), service="trafficmetrics.trafficmetrics",
            tls_secret="trafficmetrics-serving", autoscaling=True, autoscaling_fallback=called,
            autoscaling_fallback_ca=authority, autoscaling_fallback_token=await _token(running, scratch),
        )  # fmt: skip
        presented = credential_files.fallback(chosen)
        assert presented is not None
        asked = fallback_adapter.FallbackAdapter(
            fallback_adapter.service(called), presenting=presented, resolver=other_adapter.Here()
        )
        async with (
            contextlib.aclosing(asked),
            access.granted(chosen) as admits,
            server.api(chosen, admits=admits, asked=asked) as api,
            sockets.serve(api, host=running.place.host, port=registration.PORT, tls=admits.tls),
        ):
            yield


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both(
    control_plane: cluster.Cluster, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Both]:
    scratch, kubeconfig = tmp_path_factory.mktemp("both"), control_plane.kubeconfig
    manifest = scratch / "objects.json"
    manifest.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": _objects(control_plane)}))
    await commands.kubectl(kubeconfig, *documented.applying(), f"--filename={manifest}")
    for line in ("create namespace shop", "create rolebinding ann --clusterrole=view --user=ann"):
        await commands.kubectl(kubeconfig, *line.split(), "--namespace=shop")
    async with contextlib.AsyncExitStack() as other:
        knows = await other.enter_async_context(
            orders.served(control_plane, folder=scratch, authority=_AUTHORITY)
        )
        async with _server(control_plane, scratch, other=knows):
            made = Both(control_plane, knows, other)

            async def answers() -> bool:
                try:
                    return bool(await made.raw(_OURS)) and bool(await made.raw(_OTHERS_POD))
                except faults.DemoError:
                    return False

            await wait.until(answers, what="both adapters", within=_WITHIN, pause=0.5)
            yield made


async def test_one_api_answers_what_either_knows(both: Both) -> None:
    (ours,) = (await both.raw(_OURS))["items"]
    assert ours["metricName"] == "requests_per_second"
    (theirs,) = (await both.raw(_OTHERS_POD))["items"]
    assert theirs["metric"] == {"name": orders.METRIC, "selector": None}
    assert theirs["value"] == "30"


async def test_the_other_is_asked_as_the_account_that_may_only_read_metrics(both: Both) -> None:
    await both.raw(_OTHERS_POD)
    asked = both.orders.asked[-1]
    assert asked.user.name == "system:serviceaccount:trafficmetrics:trafficmetrics-fallback"
    assert (asked.namespace, asked.resource, asked.name, asked.subresource) == (
        *("shop", "pods", "*"),
        orders.METRIC,
    )
    listed = await both.kubectl("auth", "can-i", "--list", "--no-headers", f"--as={asked.user.name}")
    rights = [line.split()[0] for line in listed.splitlines() if not line.startswith((" ", "self"))]
    assert sorted(rights) == ["*.custom.metrics.k8s.io", "*.external.metrics.k8s.io"]


async def test_the_others_refusal_reaches_the_asker_in_its_words(both: Both) -> None:
    with pytest.raises(faults.DemoError, match="orders knows no metric orders_lost"):
        await both.raw(f"{_EXTERNAL}/namespaces/shop/orders_lost")


async def test_who_may_view_a_namespace_reads_its_traffic_as_autoscalers_do_and_nothing_of_the_others(
    both: Both,
) -> None:
    as_ann = "--as=ann"

    async def may() -> bool:
        try:
            return bool(await both.raw(_OURS, as_ann))
        except faults.DemoError:
            return False

    # The controller that aggregates roles needs a moment.
    await wait.until(may, what="the role `view` with our rules in it", within=_WITHIN)
    assert (await both.raw(f"{_CUSTOM}/namespaces/shop/deployments.apps/cart/success_count", as_ann))["items"]
    before = len(both.orders.asked)
    for path in (
        _OTHERS_POD,
        _OURS.replace("shop", "data"),
        f"{_CUSTOM}/namespaces/shop/nodes/n1/success_rate",
    ):
        with pytest.raises(faults.DemoError, match='User "ann" cannot'):
            await both.raw(path, as_ann)
    assert len(both.orders.asked) == before


async def test_kubectl_can_still_validate_what_it_applies(both: Both) -> None:
    """If an aggregated API's document has one key that OpenAPI v2 lacks, kubectl gets no document at all."""

    async def is_merged() -> bool:
        try:
            found = await both.raw("/openapi/v2")
        except faults.DemoError:
            return False
        return any("custom_metrics.v1beta2" in name for name in found["definitions"])

    # The kube-apiserver fetches OpenAPI documents with a delay.
    await wait.until(is_merged, what="our schemas in the cluster's document", within=150, pause=2)
    await both.kubectl("explain", "deployments.spec.replicas", "--output=plaintext-openapiv2")


def _autoscaler(name: str, metric: dict[str, Any], *, target: str) -> dict[str, Any]:
    source = {"metric": metric, "target": {"type": "AverageValue", "averageValue": target}}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": 1, "maxReplicas": 9,
            "metrics": [{"type": "External", "external": source}],
        },
    }  # fmt: skip


async def test_autoscalers_scale_on_either_and_hold_with_words_while_the_other_is_away(
    both: Both, tmp_path: Path
) -> None:
    ours = {"name": "requests_per_second", "selector": {"matchLabels": {"name": "cart"}}}
    items = [
        _autoscaler("on-orders", {"name": orders.METRIC}, target="10"),
        _autoscaler("on-traffic", ours, target="1k"),
    ]
    manifest = tmp_path / "autoscalers.json"
    manifest.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    for name in ("on-orders", "on-traffic"):
        await both.kubectl("create", "deployment", name, "--image=none", "--namespace=shop")
    await both.kubectl("apply", f"--filename={manifest}")

    async def is_scaled() -> bool:
        desired = (await both.autoscaler("on-orders")).get("desiredReplicas")
        active = [(await both.scaling(name))[0] for name in ("on-orders", "on-traffic")]
        return desired == 3 and active == ["True", "True"]

    await wait.until(is_scaled, what="three for thirty orders", within=_WITHIN, pause=0.5)
    await both.other.aclose()

    async def is_told() -> bool:
        status, message = await both.scaling("on-orders")
        return status == "False" and "Service queues/orders" in message

    await wait.until(is_told, what="words about the other", within=_WITHIN, pause=0.5)
    _, message = await both.scaling("on-orders")
    print(message)
    assert "which is asked for metrics that TrafficMetrics does not have, cannot be reached" in message
    assert (await both.autoscaler("on-orders"))["desiredReplicas"] == 3
    assert (await both.scaling("on-traffic"))[0] == "True"
