"""The demo as pods, read by our server in the same cluster: true counts, the shape of the standalone demo."""

import asyncio
from collections.abc import AsyncIterator, Mapping

import pytest
import pytest_asyncio

from demo import faults, runner, shop, wait
from tests import serving
from tests.installed import demo as demos
from tests.installed import site as sites
from tests.truth import span

pytestmark = [pytest.mark.cluster, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(900)]
_RARE = ("Job", "data", "report", "Deployment", "shop", "catalog-v2", "to", "client")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def in_cluster(
    site: sites.Site, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[runner.Reach]:
    """The server keeps a snapshot only for a moment, so that each answer tells of now."""
    scratch = tmp_path_factory.mktemp("demo")
    async with demos.running(site, scratch=scratch, TRAFFIC_REFRESH="0.2") as running:
        yield running


@pytest.fixture
def told(site: sites.Site) -> demos.Api:
    return demos.Api(site)


async def test_steady_traffic_is_counted_on_every_edge_between_pods(
    in_cluster: runner.Reach, told: demos.Api
) -> None:
    await span.busy(in_cluster)
    async with span.idle_around(in_cluster) as over:
        await in_cluster.scenario("steady")
        await asyncio.sleep(20)  # the load's time, not a wait for a condition
    counted = await span.told_edges(told, in_cluster, window=over.window)
    truth = span.true_edges(await in_cluster.truth(since=over.begin, until=over.end))
    assert list(span.wrong(truth, counted)) == []
    assert sum(sum(counts) for counts in truth.values()) > 1000
    print(f"largest error: {span.largest_error(truth, counted):g} of {sum(map(sum, truth.values())):g}")


async def test_nine_failures_on_demand_are_nine(in_cluster: runner.Reach, told: demos.Api) -> None:
    async with span.idle_around(in_cluster) as over:
        await in_cluster.calls("/product/7", count=9, faults={"catalog-v1": 503, "catalog-v2": 503})
    counted = await span.told_edges(told, in_cluster, window=over.window)
    truth = span.true_edges(await in_cluster.truth(since=over.begin, until=over.end))
    assert list(span.wrong(truth, counted)) == []
    failures = [failed for (_, service), (_, failed) in counted.items() if service.startswith("catalog-v")]
    assert sum(failures) == 9


async def test_a_namespace_without_proxies_is_an_empty_list_and_an_unknown_one_is_not_found(
    in_cluster: runner.Reach, told: demos.Api
) -> None:
    assert await told.items("/namespaces/kube-system/trafficmetrics") == []
    assert await told.items("/namespaces/kube-system/trafficedges") == []
    with pytest.raises(faults.DemoError, match='namespaces "nowhere" not found'):
        await told.items("/namespaces/nowhere/trafficmetrics")


async def test_a_scenario_of_the_cluster_is_seen_in_the_api(
    in_cluster: runner.Reach, told: demos.Api
) -> None:
    await in_cluster.scenario("failing")

    async def seen() -> bool:
        items = await told.items("/namespaces/shop/trafficmetrics")
        counts = next(span.counts(item) for item in items if item["resource"]["name"] == "payments")
        return counts[1] > 0.4 * sum(counts) > 0

    try:
        await wait.until(seen, what="payments failing", within=120, pause=1.0)
    finally:
        await in_cluster.scenario("steady")


async def test_the_shape_is_that_of_the_standalone_demo(
    in_cluster: runner.Reach,
    told: demos.Api,
    mesh: runner.Mesh,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """One edge is rare, so both get time until it has been used."""
    folder = tmp_path_factory.mktemp("standalone")
    options = {"inventory": str(mesh.inventory)}
    seen: list[set[tuple[str, ...]]] = []
    async with serving.server(folder, prometheus=mesh.prometheus_url, options=options) as alone:

        async def same() -> bool:
            seen[:] = [await _shape(told), await _shape(alone)]
            return _RARE in seen[0] and seen[0] == seen[1]

        try:
            await wait.until(same, what="the same shape", within=300, pause=2.0)
        except faults.DemoError:
            assert seen[0] == seen[1]
    of_the_shop = {(w.kind, w.name.namespace, w.name.name) for w in shop.SHOP.workloads}
    assert {row[:3] for row in seen[0]} == of_the_shop
    assert _RARE in seen[0]


async def _shape(api: span.Api) -> set[tuple[str, ...]]:
    """Of all workloads and edges: who and, of an edge, with whom; not how much."""
    items = await api.items("/trafficmetrics", window="10m") + await api.items("/trafficedges", window="10m")
    return {
        (*_who(item["resource"]), *_who(edge["resource"]), edge["direction"], edge["side"])
        if (edge := item.get("edge"))
        else _who(item["resource"])
        for item in items
    }


def _who(resource: Mapping[str, str]) -> tuple[str, ...]:
    """Nothing of a caller that is not known."""
    return tuple(resource.get(key, "") for key in ("kind", "namespace", "name"))
