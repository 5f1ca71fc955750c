"""The server refuses unknown resources with a helpful message; an empty list is not an error."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from metrics_server.model import kinds
from tests.metrics_server import fake_prometheus, reading, recording

pytestmark = pytest.mark.asyncio(loop_scope="module")


# Resources that do not exist


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("namespaces/shop/trafficmetrics/deployment.crat", "did you mean deployment.cart"),
        ("namespaces/shop/deployments/crat", "did you mean cart"),
        ("namespaces/shop/deployments/zzzzzzzzzz", "Deployments with a scraped proxy"),
        ("namespaces/shop/deployments/crat/edges", "did you mean cart"),
        ("namespaces/shop/trafficedges/deployment.cart:x", "not found"),
        ("namespaces/shpo/trafficmetrics", 'namespaces "shpo" not found: did you mean shop?'),
        ("namespaces/shpo/trafficmetrics/deployment.cart", "did you mean shop"),
        ("namespaces/shop/jobs/report", "no jobs here have a scraped proxy"),
    ],
)
async def test_what_is_not_there_is_a_404_with_near_names(api: reading.Api, path: str, why: str) -> None:
    assert why.lower() in (await api.get(path)).refused(404).lower()


async def test_a_wrong_token_is_a_401(api: reading.Api) -> None:
    assert (await api.get("trafficmetrics", token="wrong")).refused(401)


UNSCRAPED = """
{kind: List, items: [
  {kind: Namespace, metadata: {name: quiet}},
  {kind: Deployment, metadata: {name: still, namespace: quiet}},
  {kind: Pod, metadata: {name: silent, namespace: shop}}]}
"""


async def test_a_namespace_that_exists_without_proxies_is_an_empty_list(
    api: reading.Api, tmp_path: Path
) -> None:
    written = tmp_path / "things.yaml"
    written.write_text(UNSCRAPED, encoding="utf-8")
    async with reading.served(api.fake, tmp_path, inventory=written) as quiet:
        assert (await quiet.get("namespaces/quiet/trafficmetrics")).items == []
        assert (await quiet.get("namespaces/quiet/trafficedges")).items == []
        assert "none of its proxies is scraped" in (
            await quiet.get("namespaces/quiet/deployments/still")
        ).refused(404)
        assert "none of its proxies is scraped" in (await quiet.get("namespaces/shop/pods/silent")).refused(
            404
        )
        assert "not found" in (await quiet.get("namespaces/nowhere/trafficmetrics")).refused(404)


async def test_without_an_inventory_every_list_still_answers(api: reading.Api, tmp_path: Path) -> None:
    async with reading.served(api.fake, tmp_path) as bare:
        assert "deployment.cart" in (await bare.get("namespaces/shop/trafficmetrics")).names
        for kind in kinds.KINDS:
            assert (await bare.get(kind.plural)).status == 200


# When Prometheus cannot answer


async def test_who_reads_what_prometheus_knows_in_part_is_warned(api: reading.Api, tmp_path: Path) -> None:
    async with reading.served(api.fake, tmp_path, inventory=recording.inventory_file()) as partial:
        api.fake.warnings = ["a store did not answer"]
        try:
            for path in ("trafficmetrics", "namespaces/shop/trafficmetrics/deployment.cart", "pods"):
                reply = await partial.get(path)
                assert "traffic may be missing" in reply.headers["Warning"]
                assert "store" not in reply.headers["Warning"]
        finally:
            api.fake.warnings = []


async def test_every_trouble_of_the_backend_is_a_503_without_retry_after(
    api: reading.Api, tmp_path: Path
) -> None:
    async with (
        fake_prometheus.running(fake_prometheus.FakePrometheus()) as fake,
        reading.served(fake, tmp_path) as troubled,
    ):
        reply = await troubled.get("trafficmetrics")
        assert "holds no recent metric of a known mesh" in reply.refused(503)
        fake.behaviour = fake_prometheus.fixed("<html>", status=502)
        strange = await troubled.get("trafficmetrics")
        assert strange.refused(503) == "The proxy before Prometheus gets no answer from it"
        fake.behaviour, fake.holds = fake.well, recording.shop(taken=time.time() - 200)
        stale = await troubled.get("trafficmetrics?window=10m")
        assert "s old; figures older than 90 s are not served" in stale.refused(503)
        fake.holds = recording.shop(taken=time.time())
        assert (await troubled.get("trafficmetrics")).items
    for answer in (reply, strange, stale):
        assert "Retry-After" not in answer.headers
        assert fake.url not in answer.refused(503)
