"""The whole server distinguishes subsets of a service by the called workload, which Istio reports."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.metrics_server import fake_prometheus, reading, recording

pytestmark = pytest.mark.asyncio(loop_scope="module")


REVIEWS = """
{kind: List, items: [
  {kind: Service, metadata: {name: reviews, namespace: shop}, spec: {selector: {app: reviews}}},
  {kind: Deployment, metadata: {name: reviews-v1, namespace: shop}},
  {kind: Deployment, metadata: {name: reviews-v2, namespace: shop}},
  {kind: Pod, metadata: {name: reviews-v1-x, namespace: shop, labels: {app: reviews, version: v1},
    ownerReferences: [{kind: Deployment, name: reviews-v1, controller: true}]}},
  {kind: Pod, metadata: {name: reviews-v2-x, namespace: shop, labels: {app: reviews, version: v2},
    ownerReferences: [{kind: Deployment, name: reviews-v2, controller: true}]}},
  {apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: reviews, namespace: shop},
    spec: {host: reviews, subsets: [{name: old, labels: {version: v1}}, {name: new, labels: {version: v2}}]}},
  {apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: reviews, namespace: shop},
    spec: {hosts: [reviews], http: [{route: [
      {destination: {host: reviews, subset: old}, weight: 80},
      {destination: {host: reviews.shop.svc.cluster.local, subset: new}, weight: 20}]}]}}]}
"""
REQUESTS = {"reviews-v1": 30, "reviews-v2": 10}


def told_by_istio(requests: dict[str, int]) -> recording.Recording:
    """Return the series of a caller that calls workloads of one service, and of the proxies of both versions.

    `requests` are the requests to each workload in the window.
    """
    now = time.time()
    times = [now - 60 + 5 * number for number in range(13)]
    found = []
    for pod in ("web-x", "reviews-v1-x", "reviews-v2-x"):
        target = {"namespace": "shop", "pod": pod, "job": "istio", "instance": pod}
        found += [
            recording.series("up", [(at, 1) for at in times], **target),
            recording.series("envoy_server_uptime", [(at, at - now + 9000) for at in times], **target),
        ]
    target = {"namespace": "shop", "pod": "web-x", "job": "istio", "instance": "web-x"}
    for workload, count in requests.items():
        counted = [(at, 100 + count * (place >= 9)) for place, at in enumerate(times)]
        labels = {
            "reporter": "source",
            "response_code": "200",
            "destination_workload": workload,
            "destination_workload_namespace": "shop" if workload != "unknown" else "unknown",
            "destination_service_name": "reviews",
            "destination_service_namespace": "shop",
        }
        found.append(recording.series("istio_requests_total", counted, **target, **labels))
    return recording.Recording(found)


@pytest.mark.parametrize(
    ("requests", "shares"),
    [
        (REQUESTS, [0.25, 0.75]),
        ({**REQUESTS, "unknown": 0}, [0.25, 0.75]),
        pytest.param({**REQUESTS, "unknown": 1}, [None, None], id="one that reached no pod"),
    ],
)
async def test_subsets_are_told_apart_by_the_workload_that_was_called(
    requests: dict[str, int], shares: list[float | None], tmp_path: Path
) -> None:
    things = tmp_path / "things.yaml"
    things.write_text(REVIEWS, encoding="utf-8")
    async with (
        fake_prometheus.running(fake_prometheus.FakePrometheus(told_by_istio(requests))) as fake,
        reading.served(fake, tmp_path, inventory=things, splits="istio", profile="istio") as running,
    ):
        reply = await running.get("namespaces/shop/trafficsplits")
        assert reply.names == [f"virtualservice.reviews:reviews@{subset}" for subset in ("new", "old")]
        assert [item["backend"]["weight"] for item in reply.items] == [20, 80]
        assert [reading.figures(item).get("request_share") for item in reply.items] == shares
        if None not in shares:
            assert [reading.counted(item) for item in reply.items] == [10, 30]
