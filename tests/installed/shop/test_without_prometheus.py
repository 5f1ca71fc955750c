"""Prometheus is replaced and loses its data.

This must be the last module of this package: the connection from outside to this Prometheus ends with its
pod.
"""

import pytest

from demo import runner, wait
from demo.pods import identity, reach
from tests.installed import demo as demos
from tests.installed import reading
from tests.installed import site as sites
from tests.truth import span

pytestmark = [pytest.mark.cluster, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(900)]


async def test_without_prometheus_there_are_words_and_then_true_figures_again(
    in_cluster: runner.Reach, api: demos.Api, site: sites.Site
) -> None:
    quiet = f"--namespace={identity.NAMESPACE}"
    deployment = f"deployment/{identity.PROMETHEUS.name}"
    path = "/namespaces/shop/trafficmetrics"
    scraped = await _scraped(in_cluster)
    async with reading.reader(site, namespace="shop") as reader:
        await site.kubectl("scale", deployment, quiet, "--replicas=0")
        try:
            pods = f"--selector=app.kubernetes.io/name={identity.PROMETHEUS.name}"
            await site.kubectl("wait", "--for=delete", "pod", pods, quiet, "--timeout=60s")

            async def is_refused() -> bool:
                return (await reader.get(path)).status == 503

            await wait.until(is_refused, what="the end of the figures", within=10)
            refused = await reader.get(path)
            assert (refused.status, refused.message) == (503, "Prometheus cannot be reached")
            assert refused.seconds < 3.5
        finally:
            await site.kubectl("scale", deployment, quiet, "--replicas=1")
        await site.kubectl("rollout", "status", deployment, quiet, "--timeout=120s")

        async def is_told() -> bool:
            answer = await reader.get(path)
            return answer.status == 200 and b"deployment.gateway" in answer.body

        await wait.until(is_told, what="figures", within=60, pause=0.5)
    async with reach.Mesh(site.kubeconfig) as again:

        async def is_scraped() -> bool:
            """Every proxy is scraped: requests that were counted before its first sample have no known
            time.
            """
            return await _scraped(again) == scraped

        await wait.until(is_scraped, what="a scrape of every proxy", within=60, pause=0.5)
        async with span.idle_around(again) as over:
            await again.calls("/cart", count=200)
        counted = await span.told_edges(api, again, window=over.window)
        truth = span.true_edges(await again.truth(since=over.begin, until=over.end))
    assert list(span.wrong(truth, counted)) == []
    assert sum(sum(counts) for counts in truth.values()) >= 400


async def _scraped(mesh: runner.Reach) -> float:
    """How many proxies answered their last scrape."""
    (row,) = await span.query(mesh, 'count(up{job="envoy-stats"} == 1) or vector(0)')
    return float(row["value"][1])
