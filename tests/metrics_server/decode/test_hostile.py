"""Hostile input from a mesh, a Prometheus or a client causes a clear error and changes no other figure."""

from __future__ import annotations

import json
import time
import urllib.parse
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.dialects import moments
from tests.metrics_server import fake_prometheus, reading, recording

pytestmark = pytest.mark.asyncio(loop_scope="module")

ENVOY = moments.MESHES["envoy"]
SENT = "envoy_cluster_upstream_rq_xx"
TIMED = "envoy_cluster_upstream_rq_time_bucket"
CART = "outbound|80||cart.shop.svc.cluster.local"
NAMES = [
    'a"b',
    '{x="y"}',
    "back\\slash",
    "new\nline",
    ".*",
    "a|b",
    "x" * 65_536,
    "é☃",
    "%2F",
    "<script>",
    "\t\x01",
    "unknown",
]
WEB = moments.pod("shop", "web-1", app="web")


def called(name: str, code: str = "2") -> dict[str, str]:
    return {"envoy_cluster_name": name, "envoy_response_code_class": code}


def now(series: Sequence[recording.Series]) -> recording.Recording:
    """Return a recording of the series, moved so that it ends now."""
    return recording.Recording(series).moved(time.time() - moments.NOW)


def alive(target: moments.Target) -> list[recording.Series]:
    return target.itself(ENVOY)


def hostile() -> recording.Recording:
    """Return a recording of a normal pod that calls peers with hostile names, and of hostile pods.

    Each hostile name is also the name of a pod and of a namespace.
    """
    reply = [*alive(WEB), WEB.growing(SENT, 4, **called(CART))]
    for number, name in enumerate(NAMES):
        reply.append(WEB.growing(SENT, 1, **called(name)))
        for namespace, pod, place in (("shop", name, "pod"), (name, "p", "namespace")):
            one = moments.Target(
                {"namespace": namespace, "pod": pod, "app": name, "instance": f"{place}-{number}"}
            )
            reply += [*alive(one), one.growing(SENT, 1, **called(CART, code=name))]
    return now(reply)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[reading.Api]:
    async with (
        fake_prometheus.running(fake_prometheus.FakePrometheus(hostile())) as fake,
        reading.served(fake, tmp_path_factory.mktemp("state"), refresh=3600) as running,
    ):
        await running.get("trafficedges")
        yield running


def requests(item: dict[str, Any]) -> float:
    figures = reading.figures(item)
    return figures["success_count"] + figures["failure_count"]


async def test_whatever_names_there_are_every_request_is_counted(api: reading.Api) -> None:
    items = (await api.get("trafficedges")).items
    assert sum(map(requests, items)) == 6 * (4 + 3 * len(NAMES))
    (good,) = [item for item in items if item["metadata"]["name"] == "pod.web-1:service.cart"]
    assert requests(good) == 24


@pytest.mark.parametrize("accept", ["application/json", reading.TABLE])
@pytest.mark.parametrize("path", ["pods", "namespaces", "trafficmetrics", "trafficedges"])
async def test_every_list_can_be_read(api: reading.Api, path: str, accept: str) -> None:
    reply = await api.get(path, accept=accept)
    assert reply.status == 200
    assert len(reply.body["rows" if accept == reading.TABLE else "items"]) > len(NAMES)


@pytest.mark.parametrize("name", NAMES)
async def test_a_name_means_exactly_itself(api: reading.Api, name: str) -> None:
    quoted = urllib.parse.quote(name, safe="")
    of_namespace = (await api.get(f"namespaces/{quoted}/trafficmetrics")).items
    assert [item["metadata"]["namespace"] for item in of_namespace] == [name]
    pod = (await api.get(f"namespaces/shop/pods/{quoted}")).body
    assert pod["resource"]["name"] == name
    edges = (await api.get(f"namespaces/shop/pods/{quoted}/edges")).items
    assert [requests(edge) for edge in edges] == [6]


@pytest.mark.parametrize("name", NAMES)
async def test_what_is_asked_for_in_no_words_of_ours_is_refused(api: reading.Api, name: str) -> None:
    quoted = urllib.parse.quote(name, safe="")
    before = len(api.fake.asked)
    assert "window" in (await api.get(f"trafficmetrics?window={quoted}")).refused(400)
    (await api.get(quoted)).refused(404)
    if name != "unknown":
        assert "parse label" in (await api.get(f"pods?labelSelector=app%3D{quoted}")).refused(400)
    assert len(api.fake.asked) == before, "Prometheus is not bothered"


@pytest.mark.alone  # the whole answer must be read before the window has passed
async def test_ten_thousand_peers_of_one_proxy_are_an_edge_each(tmp_path: Path) -> None:
    count = 10_000
    reply = [WEB.growing(SENT, 1, **called(f"outbound|80||s{n}.far.svc.cluster.local")) for n in range(count)]
    holds = now([*alive(WEB), *reply])
    async with (
        fake_prometheus.running(fake_prometheus.FakePrometheus(holds)) as fake,
        reading.served(fake, tmp_path) as running,
    ):
        items = (await running.get("trafficedges")).items
    assert len({item["metadata"]["name"] for item in items}) == count
    assert {requests(item) for item in items} == {6}


# Values that are not numbers


def told_as(values: Sequence[str]) -> recording.Series:
    """Return the series of the calls to db, with these texts as sample values."""
    times = moments.TIMES[-len(values) :]
    labels = WEB.reported(SENT, [1], **called("outbound|80||db.shop.svc.cluster.local")).labels
    return recording.Series(labels, list(zip(times, values, strict=True)))


async def reply(folder: Path, *series: recording.Series) -> reading.Reply:
    """Return the reply for the edges of web, which calls cart, if the mesh also has these series."""
    holds = now([*alive(WEB), WEB.growing(SENT, 4, **called(CART)), *series])
    async with (
        fake_prometheus.running(fake_prometheus.FakePrometheus(holds)) as fake,
        reading.served(fake, folder) as running,
    ):
        return await running.get("trafficedges")


@pytest.mark.parametrize(
    ("values", "count"),
    [
        (["1", "NaN", "3", "NaN", "5", "6"], 6),
        (["1", "2", "3", "4", "5", "+Inf", "+Inf", "+Inf"], 3),
        (["1", "2", "-Inf", "4", "5", "6"], 6),
        (["NaN"] * 8, None),
        (["+Inf"] * 8, None),
    ],
)
async def test_a_sample_that_is_no_number_is_none_and_those_beside_it_count(
    values: list[str], count: float | None, tmp_path: Path
) -> None:
    edges = {item["metadata"]["name"]: item for item in (await reply(tmp_path, told_as(values))).items}
    assert requests(edges.pop("pod.web-1:service.cart")) == 24
    assert [requests(edge) for edge in edges.values()] == ([] if count is None else [count])


async def test_words_where_a_number_should_be_are_an_error_that_says_so(
    tmp_path: Path,
) -> None:
    answer = await reply(tmp_path, told_as(["1", "two", "3"]))
    assert answer.refused(503).startswith("Prometheus' answer is not valid: ")


@pytest.mark.parametrize(
    "result",
    [
        '[{"metric":{}}]',
        '[{"value":[1,"1"]}]',
        '[{"metric":{"__name__":"envoy_server_uptime"},"values":[[1]]}]',
        "[1]",
        '[{"metric":[],"values":[[1,"1"]]}]',
    ],
)
async def test_an_answer_of_another_form_is_an_error_that_says_so(result: str, tmp_path: Path) -> None:
    data = {"resultType": "matrix", "result": json.loads(result)}
    misled = fake_prometheus.FakePrometheus()
    misled.behaviour = fake_prometheus.fixed(json.dumps({"status": "success", "data": data}))
    async with (
        fake_prometheus.running(misled) as fake,
        reading.served(fake, tmp_path, profile="envoy") as running,
    ):
        answer = await running.get("trafficedges")
    assert "Prometheus" in answer.refused(503)


@pytest.mark.parametrize("bound", ["five", "", "NaN", "5.00", "1e400"])
async def test_a_bound_that_is_none_or_spelled_otherwise_leaves_the_figures_of_the_others(
    bound: str, tmp_path: Path
) -> None:
    buckets = [
        WEB.growing(TIMED, by, **called(CART), le=le) for le, by in (("5", 2), ("+Inf", 2), (bound, 0))
    ]
    (edge,) = (await reply(tmp_path, *buckets)).items
    assert requests(edge) == 24
    assert reading.figures(edge)["p99_response_latency"] == pytest.approx(4.95e-3, rel=0.01)


async def test_of_two_profiles_that_claim_the_same_series_one_counts(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(
        f"""
name: own
about: The words of Envoy, read by another file
process: {{metric: envoy_server_uptime, tells: age}}
views:
  - side: client
    requests: {SENT}
    appears: with first request
    outcome: [{{is: success}}]
    peer: {{label: envoy_cluster_name, patterns: ['.*[|](?P<service>cart)[.](?P<namespace>shop)[.].*']}}
""",
        encoding="utf-8",
    )
    holds = now(
        [*alive(WEB), WEB.growing(SENT, 4, **called(CART)), WEB.growing(SENT, 1, **called(CART, "5"))]
    )
    async with (
        fake_prometheus.running(fake_prometheus.FakePrometheus(holds)) as fake,
        reading.served(fake, tmp_path, profile=f"envoy,{own}") as running,
    ):
        (edge,) = (await running.get("trafficedges")).items
    assert requests(edge) == 30
    assert edge["metadata"]["annotations"]["metrics.smi-spec.io/profile"] == "own"
