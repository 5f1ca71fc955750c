"""The values that an autoscaler reads over TLS from the whole server, which serves a recorded mesh."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from metrics_server.model import kinds
from tests.metrics_server import fake_prometheus, reading, recording, scaler

pytestmark = pytest.mark.asyncio(loop_scope="module")
OLDER = "/apis/custom.metrics.k8s.io/v1beta1"


async def test_pods_are_found_by_label_and_each_is_told(autoscaler: scaler.Autoscaler) -> None:
    reply = await autoscaler.get(f"{scaler.SHOP}/pods/%2A/requests_per_second?labelSelector=app%3Dcart")
    people = await scaler.traffic(autoscaler, "namespaces/shop/pods?labelSelector=app%3Dcart")
    assert {item["describedObject"]["name"] for item in reply.items} == set(people)
    assert len(people) == 2
    for item in reply.items:
        # On a slow machine the window ends after the recording and covers less time, in rounded seconds.
        counted = reading.counted(people[item["describedObject"]["name"]])
        assert scaler.number(item) * item["windowSeconds"] == pytest.approx(counted, rel=0.05)


async def test_every_measure_of_every_kind_is_what_people_read(autoscaler: scaler.Autoscaler) -> None:
    for kind in kinds.KINDS:
        within = "namespaces/shop/" if kind.namespaced else ""
        people = await scaler.traffic(autoscaler, f"{within}{kind.plural}")
        for metric in ("success_count", "failure_count", "p50_response_latency", "p99_response_latency"):
            expected = {
                name: figures[metric]
                for name, item in people.items()
                if metric in (figures := reading.figures(item))
            }
            reply = await autoscaler.get(f"{scaler.CUSTOM}/{within}{kind.qualified}/*/{metric}")
            if not expected:
                assert reply.refused(404).startswith(f"no {metric}")
                continue
            assert {item["describedObject"]["name"]: scaler.number(item) for item in reply.items} == expected


async def test_the_item_is_spelled_as_the_version_says(autoscaler: scaler.Autoscaler) -> None:
    reply = await autoscaler.get(
        f"{scaler.SHOP}/deployments.apps/cart/p99_response_latency?metricLabelSelector=window%3D1m"
    )
    (item,) = reply.items
    assert (reply.body["kind"], reply.body["apiVersion"]) == (
        "MetricValueList",
        "custom.metrics.k8s.io/v1beta2",
    )
    assert item == {
        "describedObject": {
            "kind": "Deployment",
            "namespace": "shop",
            "name": "cart",
            "apiVersion": "apps/v1",
        },
        "metric": {"name": "p99_response_latency", "selector": {"matchLabels": {"window": "1m"}}},
        "timestamp": item["timestamp"],
        "windowSeconds": 60,
        "value": item["value"],
    }
    (older,) = (await autoscaler.get(f"{OLDER}/namespaces/shop/deployments.apps/cart/success_rate")).items
    assert older == {
        "describedObject": {
            "kind": "Deployment",
            "namespace": "shop",
            "name": "cart",
            "apiVersion": "apps/v1",
        },
        "metricName": "success_rate",
        "timestamp": older["timestamp"],
        "window": 30,
        "value": older["value"],
        "selector": None,
    }


async def test_a_kind_may_be_named_with_its_group_or_without(autoscaler: scaler.Autoscaler) -> None:
    both = [
        await autoscaler.value(f"{scaler.SHOP}/{resource}/cart/requests_per_second")
        for resource in ("deployments.apps", "deployments")
    ]
    assert both[0] == both[1] > 0


async def test_a_namespace_is_asked_for_below_itself(autoscaler: scaler.Autoscaler) -> None:
    (item,) = (await autoscaler.get(f"{scaler.SHOP}/metrics/requests_per_second")).items
    assert item["describedObject"] == {"kind": "Namespace", "name": "shop", "apiVersion": "v1"}
    assert scaler.number(item) == await autoscaler.value(
        f"{scaler.CUSTOM}/namespaces/shop/requests_per_second"
    )


async def test_a_node_is_asked_for_in_both_forms(autoscaler: scaler.Autoscaler) -> None:
    everywhere = await autoscaler.values(f"{scaler.CUSTOM}/nodes/*/requests_per_second")
    for name, value in everywhere.items():
        for path in (f"{scaler.CUSTOM}/nodes", f"{scaler.SHOP}/nodes"):
            assert await autoscaler.value(f"{path}/{name}/requests_per_second") == value


async def test_what_is_idle_is_zero_and_its_latency_is_not_told(autoscaler: scaler.Autoscaler) -> None:
    idle = f"{scaler.SHOP}/deployments/wishlist"
    assert await autoscaler.value(f"{idle}/requests_per_second") == 0
    assert "no requests in the last 30s" in (await autoscaler.get(f"{idle}/p99_response_latency")).refused(
        404
    )
    assert "no requests in the last 30s" in (await autoscaler.get(f"{idle}/success_rate")).refused(404)
    pods = f"{scaler.SHOP}/pods/*/p99_response_latency?labelSelector=app%3Dwishlist"
    assert "no requests in the last " in (await autoscaler.get(pods)).refused(404)


async def test_any_percentile_lies_between_its_neighbours(autoscaler: scaler.Autoscaler) -> None:
    cart = f"{scaler.SHOP}/services/cart"
    p90, p95, p99 = [await autoscaler.value(f"{cart}/p{nn}_response_latency") for nn in (90, 95, 99)]
    assert p90 <= p95 <= p99


async def test_discovery_tells_each_measure_of_each_kind(autoscaler: scaler.Autoscaler) -> None:
    for path in (scaler.CUSTOM, OLDER):
        listed = {one["name"] for one in (await autoscaler.get(path)).body["resources"]}
        assert {f"{kind.qualified}/requests_per_second" for kind in kinds.KINDS} <= listed
        assert len(listed) == len(kinds.KINDS) * 8 + 1
    external = (await autoscaler.get(scaler.EXTERNAL)).body["resources"]
    assert {"requests_per_second", "p99_response_latency"} <= {one["name"] for one in external}
    assert len({one["kind"] for one in external}) == len(external) == 8


async def test_a_rate_alone_costs_no_buckets(autoscaler: scaler.Autoscaler) -> None:
    fake = autoscaler.api.fake
    fake.asked.clear()
    await autoscaler.value(f"{scaler.SHOP}/services/cart/requests_per_second?metricLabelSelector=window%3D4m")
    assert fake.asked
    assert not any("bucket" in query for query in fake.asked)
    await autoscaler.value(
        f"{scaler.SHOP}/services/cart/p99_response_latency?metricLabelSelector=window%3D4m"
    )
    assert any("bucket" in query for query in fake.asked)


async def test_a_latency_costs_the_buckets_of_those_who_tell_it(autoscaler: scaler.Autoscaler) -> None:
    fake = autoscaler.api.fake
    for question, told_by in (
        (f"{scaler.SHOP}/services/cart/p99_response_latency?metricLabelSelector=window%3D5m", "downstream"),
        (
            f"{scaler.EXTERNAL}/namespaces/shop/p99_response_latency?labelSelector=from%3Dfrontend,to%3Dcart,"
            "window%3D6m",
            "upstream",
        ),
    ):
        fake.asked.clear()
        assert await autoscaler.value(question) > 0
        (buckets,) = {query for query in fake.asked if "bucket" in query}
        assert [word for word in ("downstream", "upstream") if word in buckets] == [told_by]


async def test_the_latency_of_a_service_that_only_its_callers_know_is_told_by_them(tmp_path: Path) -> None:
    whole = recording.shop(taken=time.time())
    unscraped = [one for one in whole.series if not one.labels.get("pod", "").startswith("cart-")]
    fake = fake_prometheus.FakePrometheus(recording.Recording(unscraped))
    options = {"inventory": recording.inventory_file(), "refresh": 3600, "autoscaling": True}
    async with (
        fake_prometheus.running(fake) as prometheus,
        reading.served(prometheus, tmp_path, **options) as api,
    ):
        asker = scaler.Autoscaler(api)
        asked = f"{scaler.SHOP}/services/cart/p99_response_latency"
        named = (
            f"{scaler.EXTERNAL}/namespaces/shop/p99_response_latency?labelSelector=name%3Dcart,kind%3DService"
        )
        values = [await asker.value(question) for question in (asked, named)]
        people = reading.figures((await scaler.traffic(asker, "namespaces/shop/services"))["cart"])
        assert values == [people["p99_response_latency"]] * 2
