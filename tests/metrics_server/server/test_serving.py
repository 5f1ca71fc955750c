"""The whole server over TLS on loopback, with a fake Prometheus that holds a recorded mesh."""

from __future__ import annotations

import re

import pytest

from metrics_server.model import kinds
from tests.metrics_server import reading

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_trafficmetrics_lists_the_workloads_of_a_namespace(api: reading.Api) -> None:
    reply = await api.get("namespaces/data/trafficmetrics")
    assert reply.names == ["job.report", "statefulset.db"]
    assert reply.body["kind"] == "TrafficMetricsList"
    assert reply.body["resource"] == {"namespace": "data"}
    (db,) = (item for item in reply.items if item["metadata"]["name"] == "statefulset.db")
    assert db["resource"] == {"kind": "StatefulSet", "namespace": "data", "name": "db"}
    assert db["edge"] == {"direction": "from", "side": "server", "resource": {}}
    assert db["metadata"]["labels"] == {"app": "db"}
    assert db["metadata"]["annotations"]["metrics.smi-spec.io/profile"] == "envoy"
    assert db["window"] == "30s"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", db["timestamp"])
    latencies = [f"{quantile}_response_latency" for quantile in ("p99", "p90", "p50")]
    assert list(reading.figures(db)) == [*latencies, "success_count", "failure_count"]
    assert reading.counted(db) > 0


async def test_an_item_is_got_by_its_name_as_it_stands_in_the_list(api: reading.Api) -> None:
    for item in (await api.get("trafficmetrics")).items:
        meta = item["metadata"]
        reply = await api.get(f"namespaces/{meta['namespace']}/trafficmetrics/{meta['name']}")
        assert reply.body == item


async def test_an_idle_workload_has_counts_of_zero_and_no_latency(api: reading.Api) -> None:
    reply = await api.get("namespaces/shop/trafficmetrics/deployment.wishlist")
    assert reading.figures(reply.body) == {"success_count": 0, "failure_count": 0}


async def test_a_machine_outside_kubernetes_is_listed(api: reading.Api) -> None:
    assert "externalworkload.billing-vm" in (await api.get("namespaces/shop/trafficmetrics")).names


@pytest.mark.parametrize("kind", kinds.KINDS, ids=lambda kind: kind.plural)
async def test_every_kind_is_listed_under_its_plural_and_by_field_selector(
    api: reading.Api, kind: kinds.Kind
) -> None:
    under_plural = await api.get(kind.plural)
    assert {item["resource"]["kind"] for item in under_plural.items} <= {kind.name}
    selected = await api.get(f"trafficmetrics?fieldSelector=resource.kind={kind.name}")
    prefixed = [f"{kind.singular}.{name}" for name in under_plural.names]
    assert sorted(selected.names) == sorted(prefixed)
    assert selected.body["resource"] == {"kind": kind.name}


async def test_namespaces_have_what_their_pods_have_together(api: reading.Api) -> None:
    pods = (await api.get("pods")).items
    machines = [
        item
        for item in (await api.get("trafficmetrics")).items
        if item["resource"]["kind"] == "ExternalWorkload"
    ]
    for namespace in (await api.get("namespaces")).items:
        name = namespace["metadata"]["name"]
        inside = [item for item in (*pods, *machines) if item["metadata"]["namespace"] == name]
        assert reading.counted(namespace) == pytest.approx(sum(map(reading.counted, inside)))


async def test_labels_select_the_described_objects(api: reading.Api) -> None:
    assert (await api.get("trafficmetrics?labelSelector=app%3Ddb")).names == ["statefulset.db"]
    assert (await api.get("pods?labelSelector=app%3Ddb")).names == ["db-0", "db-1"]


# Windows


@pytest.mark.parametrize("parameter", ["window=1m", "t=1m", "window=1m&t=1m", "window=60s"])
async def test_a_window_is_used_as_asked(api: reading.Api, parameter: str) -> None:
    reply = await api.get(f"namespaces/shop/trafficmetrics?{parameter}")
    assert {item["window"] for item in reply.items} == {"1m"}


async def test_a_window_too_short_for_two_scrapes_is_widened_and_the_item_says_so(api: reading.Api) -> None:
    reply = await api.get("namespaces/shop/trafficmetrics?window=1s")
    assert {item["window"] for item in reply.items} == {"10s"}


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("window=5x", "'5x' is not a duration; write one such as 30s, 5m or 1h30m"),
        ("t=", "'' is not a duration"),
        ("window=0s", "is outside 1s"),
        ("window=1000h", "is outside 1s"),
        ("window=30s&t=1m", "`window` and `t` mean the same and differ here"),
        ("fieldSelector=resource.kind=Gadget", "'Gadget' is not a served kind; served are Pod, Namespace"),
        ("fieldSelector=spec.x=1", "spec.x"),
        ("labelSelector=a%3D%3D%3D", "label"),
    ],
)
async def test_a_question_that_makes_no_sense_is_a_400_that_says_why(
    api: reading.Api, query: str, why: str
) -> None:
    assert why in (await api.get(f"namespaces/shop/trafficmetrics?{query}")).refused(400)
