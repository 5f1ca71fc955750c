"""The demo as pods, read by our server in the same cluster: true counts, and the edges of the standalone
demo.
"""

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from demo import faults, runner, shop, wait
from demo.pods import identity
from tests import serving
from tests.installed import demo as demos
from tests.installed import looking, manifests, reading
from tests.installed import site as sites
from tests.truth import span

pytestmark = [pytest.mark.cluster, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(900)]
_RARE = ("Job", "data", "report", "Deployment", "shop", "catalog-v2", "to", "client")


async def test_steady_traffic_is_counted_on_every_edge_between_pods(
    in_cluster: runner.Reach, api: demos.Api
) -> None:
    await span.busy(in_cluster)
    async with span.idle_around(in_cluster) as over:
        await in_cluster.scenario("steady")
        await asyncio.sleep(20)  # the duration of the load, not a wait for a condition
    counted = await span.told_edges(api, in_cluster, window=over.window)
    truth = span.true_edges(await in_cluster.truth(since=over.begin, until=over.end))
    assert list(span.wrong(truth, counted)) == []
    assert sum(sum(counts) for counts in truth.values()) > 1000
    print(f"largest error: {span.largest_error(truth, counted):g} of {sum(map(sum, truth.values())):g}")


async def test_nine_failures_on_demand_are_nine(in_cluster: runner.Reach, api: demos.Api) -> None:
    async with span.idle_around(in_cluster) as over:
        await in_cluster.calls("/product/7", count=9, faults={"catalog-v1": 503, "catalog-v2": 503})
    counted = await span.told_edges(api, in_cluster, window=over.window)
    truth = span.true_edges(await in_cluster.truth(since=over.begin, until=over.end))
    assert list(span.wrong(truth, counted)) == []
    failures = [failed for (_, service), (_, failed) in counted.items() if service.startswith("catalog-v")]
    assert sum(failures) == 9


async def test_a_namespace_without_proxies_is_an_empty_list_and_an_unknown_one_is_not_found(
    in_cluster: runner.Reach, api: demos.Api
) -> None:
    assert await api.items("/namespaces/kube-system/trafficmetrics") == []
    assert await api.items("/namespaces/kube-system/trafficedges") == []
    with pytest.raises(faults.DemoError, match='namespaces "nowhere" not found'):
        await api.items("/namespaces/nowhere/trafficmetrics")


async def test_a_scenario_of_the_cluster_is_seen_in_the_api(in_cluster: runner.Reach, api: demos.Api) -> None:
    await in_cluster.scenario("failing")

    async def seen() -> bool:
        items = await api.items("/namespaces/shop/trafficmetrics")
        counts = next(span.counts(item) for item in items if item["resource"]["name"] == "payments")
        return counts[1] > 0.4 * sum(counts) > 0

    try:
        await wait.until(seen, what="payments failing", within=120, pause=1.0)
    finally:
        await in_cluster.scenario("steady")


async def test_the_shape_is_that_of_the_standalone_demo(
    in_cluster: runner.Reach,
    api: demos.Api,
    mesh: runner.Mesh,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """One edge is rare, so both demos get the time to use it."""
    folder = tmp_path_factory.mktemp("standalone")
    options = {"inventory": str(mesh.inventory)}
    seen: list[set[tuple[str, ...]]] = []
    async with serving.server(folder, prometheus=mesh.prometheus_url, options=options) as alone:

        async def same() -> bool:
            seen[:] = [await _shape(api), await _shape(alone)]
            return _RARE in seen[0] and seen[0] == seen[1]

        try:
            await wait.until(same, what="the same shape", within=300, pause=2.0)
        except faults.DemoError:
            assert seen[0] == seen[1]
    of_the_shop = {(w.kind, w.name.namespace, w.name.name) for w in shop.SHOP.workloads}
    assert {row[:3] for row in seen[0]} == of_the_shop
    assert _RARE in seen[0]


async def _shape(api: span.Api) -> set[tuple[str, ...]]:
    """Return all workloads and edges by name, without figures."""
    items = await api.items("/trafficmetrics", window="10m") + await api.items("/trafficedges", window="10m")
    return {
        (*_who(item["resource"]), *_who(edge["resource"]), edge["direction"], edge["side"])
        if (edge := item.get("edge"))
        else _who(item["resource"])
        for item in items
    }


def _who(resource: Mapping[str, str]) -> tuple[str, ...]:
    """Return nothing for an unknown caller."""
    return tuple(resource.get(key, "") for key in ("kind", "namespace", "name"))


async def test_the_dashboard_behind_its_service_draws_what_its_viewer_may_read(
    in_cluster: runner.Reach, api: demos.Api, site: sites.Site, tmp_path: Path
) -> None:
    """The viewer is the account of `make cluster-demo`."""
    account = ("create", "token", "visitor", f"--namespace={identity.NAMESPACE}")
    token = (await site.kubectl(*account)).strip()
    drawn: set[looking.Edge] = set()
    listed: set[looking.Edge] = set()
    async with looking.page(site, scratch=tmp_path) as page:
        assert await page.sign_in("made-up") == 401
        assert await page.sign_in(token) == 303

        async def same() -> bool:
            nonlocal drawn, listed
            drawn = {edge for edge in await page.edges() if all(map(_is_somebody, edge))}
            listed = await _edges(api)
            return len(drawn) > 8 and drawn == listed

        try:
            await wait.until(same, what="the same edges", within=60, pause=1.0)
        except faults.DemoError:
            assert drawn == listed
    assert ("Deployment/shop/frontend", "Deployment/shop/cart") in drawn


async def _edges(api: demos.Api) -> set[looking.Edge]:
    """Both ends of every edge between known workloads, the caller first."""
    edges = set()
    for item in await api.items("/trafficedges"):
        own, other = ("/".join(_who(end)) for end in (item["resource"], item["edge"]["resource"]))
        edges.add((own, other) if item["edge"]["direction"] == "to" else (other, own))
    return {edge for edge in edges if all(map(_is_somebody, edge))}


def _is_somebody(end: str) -> bool:
    return end != "//" and not end.startswith(("Outside/", "Unknown/"))


async def test_who_read_what_is_in_the_log_of_the_pod(in_cluster: runner.Reach, site: sites.Site) -> None:
    await site.kubectl(
        *("create", "rolebinding", "ann", "--clusterrole=view", "--user=ann", "--namespace=shop")
    )
    path = "/namespaces/shop/trafficmetrics"

    async def has_read() -> bool:
        try:
            await site.kubectl("get", "--raw", reading.GROUP + path, "--as=ann")
        except faults.DemoError:
            return False
        return True

    async with reading.reader(site, namespace="shop") as reader:
        await wait.until(has_read, what="the role of ann", within=30)
        answer = await reader.get(path)
    log = await site.kubectl("logs", "deployment/trafficmetrics", f"--namespace={manifests.NAMESPACE}")
    what = "verb=list resource=trafficmetrics.metrics.smi-spec.io namespace=shop"
    for user, status, audit in (
        ("ann", 200, "[0-9a-f-]{36}"),
        ("system:serviceaccount:shop:reader", answer.status, re.escape(answer.audit)),
    ):
        line = rf" user={user} {what} status={status} ms=\S+ audit={audit}$"
        assert re.search(line, log, re.MULTILINE), line
