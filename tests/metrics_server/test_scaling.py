"""What an autoscaler reads, from the whole server over TLS in front of a recorded mesh."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from metrics_server import quantity, words
from tests.metrics_server import fake_prometheus, reading, recording

pytestmark = pytest.mark.asyncio(loop_scope="module")

CUSTOM = "/apis/custom.metrics.k8s.io/v1beta2"
OLDER = "/apis/custom.metrics.k8s.io/v1beta1"
EXTERNAL = "/apis/external.metrics.k8s.io/v1beta1"
SHOP = f"{CUSTOM}/namespaces/shop"
RATE = f"{EXTERNAL}/namespaces/shop/requests_per_second?labelSelector="
PODS = f"{SHOP}/pods/*/requests_per_second?metricLabelSelector="
HPA = "application/vnd.kubernetes.protobuf, */*"
"""What the horizontal pod autoscaler accepts."""
Told = reading.Told


@dataclasses.dataclass(frozen=True, slots=True)
class Autoscaler:
    """Asks as one does."""

    api: reading.Api

    async def get(self, path: str) -> Told:
        headers = {"Accept": HPA, "Authorization": f"Bearer {reading.TOKEN}"}
        async with self.api.session.get(f"{self.api.url}{path}", headers=headers) as response:
            return Told(response.status, await response.json(content_type=None), dict(response.headers))

    async def values(self, path: str) -> dict[str, float]:
        """Values by the name of what they describe."""
        told = await self.get(path)
        return {item["describedObject"]["name"]: number(item) for item in told.items}

    async def value(self, path: str) -> float:
        """The one value."""
        (item,) = (await self.get(path)).items
        return number(item)


def number(item: dict[str, Any]) -> float:
    return float(quantity.parse(item["value"]))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def autoscaler(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Autoscaler]:
    fake = fake_prometheus.FakePrometheus(recording.shop(taken=time.time()))
    state = tmp_path_factory.mktemp("state")
    options = {"inventory": recording.inventory_file(), "refresh": 3600, "autoscaling": True}
    async with (
        fake_prometheus.running(fake) as prometheus,
        reading.served(prometheus, state, **options) as api,
    ):
        await api.get("trafficmetrics")
        yield Autoscaler(api)


async def traffic(autoscaler: Autoscaler, path: str) -> dict[str, dict[str, Any]]:
    """What people read, by name."""
    told = await autoscaler.api.get(path)
    return {item["metadata"]["name"]: item for item in told.items}


async def test_pods_are_found_by_label_and_each_is_told(autoscaler: Autoscaler) -> None:
    told = await autoscaler.get(f"{SHOP}/pods/%2A/requests_per_second?labelSelector=app%3Dcart")
    people = await traffic(autoscaler, "namespaces/shop/pods?labelSelector=app%3Dcart")
    assert {item["describedObject"]["name"] for item in told.items} == set(people)
    assert len(people) == 2
    for item in told.items:
        # A slow machine asks after the recording ended; the seconds, which are whole ones, then are fewer.
        counted = reading.counted(people[item["describedObject"]["name"]])
        assert number(item) * item["windowSeconds"] == pytest.approx(counted, rel=0.05)


async def test_every_measure_of_every_kind_is_what_people_read(autoscaler: Autoscaler) -> None:
    for kind in words.KINDS:
        within = "namespaces/shop/" if kind.namespaced else ""
        people = await traffic(autoscaler, f"{within}{kind.plural}")
        for metric in ("success_count", "failure_count", "p50_response_latency", "p99_response_latency"):
            expected = {
                name: figures[metric]
                for name, item in people.items()
                if metric in (figures := reading.figures(item))
            }
            told = await autoscaler.get(f"{CUSTOM}/{within}{kind.qualified}/*/{metric}")
            if not expected:
                assert told.refused(404).startswith(f"no {metric}")
                continue
            assert {item["describedObject"]["name"]: number(item) for item in told.items} == expected


async def test_the_item_is_spelled_as_the_version_says(autoscaler: Autoscaler) -> None:
    told = await autoscaler.get(
        f"{SHOP}/deployments.apps/cart/p99_response_latency?metricLabelSelector=window%3D1m"
    )
    (item,) = told.items
    assert (told.body["kind"], told.body["apiVersion"]) == (
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


async def test_a_kind_may_be_named_with_its_group_or_without(autoscaler: Autoscaler) -> None:
    both = [
        await autoscaler.value(f"{SHOP}/{resource}/cart/requests_per_second")
        for resource in ("deployments.apps", "deployments")
    ]
    assert both[0] == both[1] > 0


async def test_a_namespace_is_asked_for_below_itself(autoscaler: Autoscaler) -> None:
    (item,) = (await autoscaler.get(f"{SHOP}/metrics/requests_per_second")).items
    assert item["describedObject"] == {"kind": "Namespace", "name": "shop", "apiVersion": "v1"}
    assert number(item) == await autoscaler.value(f"{CUSTOM}/namespaces/shop/requests_per_second")


async def test_a_node_is_asked_for_in_both_forms(autoscaler: Autoscaler) -> None:
    everywhere = await autoscaler.values(f"{CUSTOM}/nodes/*/requests_per_second")
    for name, value in everywhere.items():
        for path in (f"{CUSTOM}/nodes", f"{SHOP}/nodes"):
            assert await autoscaler.value(f"{path}/{name}/requests_per_second") == value


async def test_what_is_idle_is_zero_and_its_latency_is_not_told(autoscaler: Autoscaler) -> None:
    idle = f"{SHOP}/deployments/wishlist"
    assert await autoscaler.value(f"{idle}/requests_per_second") == 0
    assert "no requests in the last 30s" in (await autoscaler.get(f"{idle}/p99_response_latency")).refused(
        404
    )
    assert "no requests in the last 30s" in (await autoscaler.get(f"{idle}/success_rate")).refused(404)
    pods = f"{SHOP}/pods/*/p99_response_latency?labelSelector=app%3Dwishlist"
    assert "no requests in the last " in (await autoscaler.get(pods)).refused(404)


async def test_any_percentile_lies_between_its_neighbours(autoscaler: Autoscaler) -> None:
    cart = f"{SHOP}/services/cart"
    p90, p95, p99 = [await autoscaler.value(f"{cart}/p{nn}_response_latency") for nn in (90, 95, 99)]
    assert p90 <= p95 <= p99


async def test_one_edge_is_one_item_and_what_people_read(autoscaler: Autoscaler) -> None:
    told = await autoscaler.get(
        f"{EXTERNAL}/namespaces/shop/success_count?labelSelector=from%3Dfrontend,to%3Dcart"
    )
    (item,) = told.items
    edges = await traffic(autoscaler, "namespaces/shop/trafficedges")
    edge = edges["deployment.frontend:deployment.cart"]
    assert number(item) == reading.figures(edge)["success_count"] > 0
    assert item == {
        "apiVersion": "external.metrics.k8s.io/v1beta1",
        "kind": "SuccessCount",
        "metricName": "success_count",
        "metricLabels": {"from": "frontend", "to": "cart"},
        "timestamp": edge["timestamp"],
        "window": 30,
        "value": item["value"],
    }


async def test_the_edges_to_a_workload_are_all_that_its_callers_saw(autoscaler: Autoscaler) -> None:
    edges = await traffic(autoscaler, "trafficedges")
    to_cart = [name for name in edges if name.endswith(":deployment.cart")]
    ask = f"{EXTERNAL}/namespaces/shop/success_count?labelSelector="
    total = await autoscaler.value(f"{ask}name%3Dcart,side%3Dclient")
    assert total == pytest.approx(sum(reading.figures(edges[name])["success_count"] for name in to_cart))
    parts = [name.split(":")[0].split(".")[1] for name in to_cart]
    assert total == pytest.approx(
        sum([await autoscaler.value(f"{ask}from%3D{one},to%3Dcart") for one in parts])
    )


async def test_an_object_with_a_caller_is_that_edge(autoscaler: Autoscaler) -> None:
    edge = await autoscaler.value(
        f"{EXTERNAL}/namespaces/shop/requests_per_second?labelSelector=from%3Dfrontend,to%3Dcart"
    )
    asked = f"{SHOP}/deployments/cart/requests_per_second?metricLabelSelector=from%3Dfrontend"
    assert await autoscaler.value(asked) == edge
    sent = f"{SHOP}/deployments/frontend/requests_per_second?metricLabelSelector=direction%3Dto,to%3Dcart"
    assert await autoscaler.value(sent) == edge


async def test_what_is_sent_is_the_sum_of_the_edges_that_leave(autoscaler: Autoscaler) -> None:
    edges = await traffic(autoscaler, "trafficedges")
    leaving = [item for name, item in edges.items() if name.startswith("deployment.frontend:")]
    asked = f"{SHOP}/deployments/frontend/success_count?metricLabelSelector=direction%3Dto"
    expected = sum(reading.figures(item)["success_count"] for item in leaving)
    assert await autoscaler.value(asked) == pytest.approx(expected)
    external = f"{EXTERNAL}/namespaces/shop/success_count?labelSelector=name%3Dfrontend,direction%3Dto"
    assert await autoscaler.value(external) == pytest.approx(expected)


async def test_an_edge_that_nobody_uses_is_zero(autoscaler: Autoscaler) -> None:
    ask = f"{EXTERNAL}/namespaces/shop"
    assert await autoscaler.value(f"{ask}/requests_per_second?labelSelector=from%3Dcart,to%3Dfrontend") == 0
    latency = await autoscaler.get(f"{ask}/p99_response_latency?labelSelector=from%3Dcart,to%3Dfrontend")
    assert "no requests in the last 30s" in latency.refused(404)


async def test_an_end_may_be_in_another_namespace_and_one_is_here(autoscaler: Autoscaler) -> None:
    edge = "requests_per_second?labelSelector=from%3Dcart,to%3Ddb,to_namespace%3Ddata"
    assert await autoscaler.value(f"{EXTERNAL}/namespaces/shop/{edge}") > 0
    from_there = "requests_per_second?labelSelector=from%3Dcart,from_namespace%3Dshop,to%3Ddb"
    assert await autoscaler.value(f"{EXTERNAL}/namespaces/data/{from_there}") > 0
    whole = await autoscaler.value(
        f"{EXTERNAL}/namespaces/shop/requests_per_second?labelSelector=kind%3DNamespace"
    )
    assert whole == await autoscaler.value(f"{SHOP}/metrics/requests_per_second")


@pytest.mark.parametrize(
    ("path", "status", "words_of_it"),
    [
        (f"{SHOP}/pods/*/requests_per_secnd", 404, "did you mean requests_per_second?"),
        (f"{SHOP}/deployments/crat/requests_per_second", 404, "did you mean cart?"),
        (f"{SHOP}/nodes/nowhere/requests_per_second", 404, "nodes with a scraped proxy: node-a"),
        (f"{SHOP}/ingresses.networking.k8s.io/i/requests_per_second", 404, "there are metrics of pods"),
        (f"{SHOP}/pods/*/requests_per_second?labelSelector=app%3Dnone", 404, "none of the selected pods"),
        (f"{CUSTOM}/namespaces/shpo/pods/*/requests_per_second", 404, "did you mean shop?"),
        (f"{PODS}color%3Dred", 400, "'color' means nothing here"),
        (f"{PODS}window%3D1x", 400, "not a duration"),
        (f"{PODS}window%3D2h", 400, "outside 1s to 1h"),
        (f"{PODS}window", 400, "can only be one value"),
        (f"{PODS}from%3Dcart", 400, "need the name of one"),
        (f"{SHOP}/services/cart/requests_per_second?metricLabelSelector=direction%3Dup", 400, "to or from"),
        (f"{EXTERNAL}/namespaces/shop/requests_per_second", 400, "say whose traffic is meant"),
        (f"{EXTERNAL}/namespaces/shop/requests", 404, "could not find the metric requests for external"),
        (f"{RATE}name%3Dcrat", 404, "did you mean cart?"),
        (f"{RATE}from%3Dcarx,to%3Dcart", 404, "did you mean cart?"),
        (f"{RATE}kind%3DDeployment", 400, "need name=NAME"),
        (f"{RATE}name%3Dcart,to%3Ddb", 400, "the same end"),
        (f"{RATE}from%3Dfrontend,to%3Dcart,side%3Dserver", 400,
         "seen at the caller only"),
        (f"{RATE}name%3Ddb,namespace%3Ddata", 403,
         "has an end in it"),
        (f"{RATE}name%3Dnode-a,kind%3DNode", 403,
         "has an end in it"),
    ],
)  # fmt: skip
async def test_what_cannot_be_answered_is_refused_in_words(
    autoscaler: Autoscaler, path: str, status: int, words_of_it: str
) -> None:
    told = await autoscaler.get(path)
    assert words_of_it in told.refused(status)
    assert "Retry-After" not in told.headers


async def test_discovery_tells_each_measure_of_each_kind(autoscaler: Autoscaler) -> None:
    for path in (CUSTOM, OLDER):
        listed = {one["name"] for one in (await autoscaler.get(path)).body["resources"]}
        assert {f"{kind.qualified}/requests_per_second" for kind in words.KINDS} <= listed
        assert len(listed) == len(words.KINDS) * 8 + 1
    external = (await autoscaler.get(EXTERNAL)).body["resources"]
    assert {"requests_per_second", "p99_response_latency"} <= {one["name"] for one in external}
    assert len({one["kind"] for one in external}) == len(external) == 8


async def test_incomplete_figures_are_refused_because_they_would_be_obeyed(autoscaler: Autoscaler) -> None:
    fake = autoscaler.api.fake
    fake.warnings = ["a store is away"]
    try:
        told = await autoscaler.get(
            f"{SHOP}/services/cart/requests_per_second?metricLabelSelector=window%3D2m"
        )
    finally:
        fake.warnings = []
    assert "incomplete" in told.refused(503)


async def test_without_prometheus_the_autoscaler_is_told_and_holds(autoscaler: Autoscaler) -> None:
    fake = autoscaler.api.fake
    fake.behaviour = fake_prometheus.fixed("<html>", status=502, content_type="text/html")
    try:
        told = await autoscaler.get(
            f"{SHOP}/services/cart/requests_per_second?metricLabelSelector=window%3D3m"
        )
    finally:
        fake.behaviour = fake.well
    assert "Prometheus" in told.refused(503)
    assert "Retry-After" not in told.headers


async def test_a_rate_alone_costs_no_buckets(autoscaler: Autoscaler) -> None:
    fake = autoscaler.api.fake
    fake.asked.clear()
    await autoscaler.value(f"{SHOP}/services/cart/requests_per_second?metricLabelSelector=window%3D4m")
    assert fake.asked
    assert not any("bucket" in query for query in fake.asked)
    await autoscaler.value(f"{SHOP}/services/cart/p99_response_latency?metricLabelSelector=window%3D4m")
    assert any("bucket" in query for query in fake.asked)


async def test_a_latency_costs_the_buckets_of_those_who_tell_it(autoscaler: Autoscaler) -> None:
    fake = autoscaler.api.fake
    for question, told_by in (
        (f"{SHOP}/services/cart/p99_response_latency?metricLabelSelector=window%3D5m", "downstream"),
        (
            f"{EXTERNAL}/namespaces/shop/p99_response_latency?labelSelector=from%3Dfrontend,to%3Dcart,"
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
        asker = Autoscaler(api)
        asked = f"{SHOP}/services/cart/p99_response_latency"
        named = f"{EXTERNAL}/namespaces/shop/p99_response_latency?labelSelector=name%3Dcart,kind%3DService"
        values = [await asker.value(question) for question in (asked, named)]
        people = reading.figures((await traffic(asker, "namespaces/shop/services"))["cart"])
        assert values == [people["p99_response_latency"]] * 2
