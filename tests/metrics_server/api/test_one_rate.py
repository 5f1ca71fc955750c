"""A figure has one rate: in JSON, in a Table and for an autoscaler."""

from __future__ import annotations

import pytest

from metrics_server.model import quantity, snapshot
from tests.metrics_server import in_process, meshes, reading, scaler

pytestmark = pytest.mark.asyncio
SMI = f"{reading.ROOT}/namespaces/shop"
EXTERNAL = f"{scaler.EXTERNAL}/namespaces/shop/requests_per_second?labelSelector="
BORN = meshes.span(985.0, 999.0, born=True)
SEEN = meshes.span(979.0, 999.0, missing=True)
LATE = meshes.span(969.0, 989.0, ended=True)
SHORT = meshes.span(992.0, 999.0, missing=True)


def served(span: snapshot.Span) -> in_process.Api:
    """Return the API of a Deployment of two pods: `p0` is observed for the whole window, `p1` for `span`."""
    pods = [meshes.pod("p0"), meshes.pod("p1")]
    taken = meshes.moment(
        pods,
        peers=[meshes.to("db")],
        server=[(0, -1, 60.0, 0.0), (1, -1, 140.0, 10.0)],
        client=[(1, 0, 30.0, 0.0)],
        spans=[meshes.WHOLE, span],
    )
    web = meshes.ref("Deployment", "web")
    owned = [meshes.owned(pod.pod, web) for pod in pods]
    return in_process.api(taken, meshes.inventory(*owned, meshes.owned("web", None, kind="Deployment")))


async def rates(api: in_process.Api, resource: str, name: str, *, external: str) -> list[float]:
    """Return the rate of received requests from five places.

    They are the JSON, the custom and the external metric, and the columns `RPS` and `In`.
    """
    item = await api.get(f"{SMI}/{resource}/{name}")
    (row,) = [row for row in await api.table(f"{SMI}/{resource}") if row["Name"] == name]
    path = f"{scaler.SHOP}/{resource}/{name}/requests_per_second"
    values = [(await api.get(asked))["items"][0] for asked in (path, f"{EXTERNAL}{external}")]
    assert row["Window"] == item["window"]
    assert {one.get("windowSeconds", one.get("window")) for one in values} == {
        round(quantity.duration(item["window"]))
    }
    return [
        reading.counted(item) / quantity.duration(item["window"]),
        *map(scaler.number, values),
        float(row["RPS"]),
        float(row["In"]),
    ]


@pytest.mark.parametrize(
    ("span", "seconds"), [(BORN, 14.0), (SEEN, 20.0), (LATE, 20.0), (meshes.WHOLE, 30.0)]
)
async def test_a_pod_has_one_rate_over_the_time_that_is_covered(span: snapshot.Span, seconds: float) -> None:
    found = await rates(served(span), "pods", "p1", external="name=p1,kind=Pod")

    assert found[:3] == pytest.approx([150.0 / seconds] * 3)
    assert found[3:] == pytest.approx([150.0 / seconds] * 2, abs=0.05)


@pytest.mark.parametrize(
    ("span", "rate"),
    [
        (BORN, (60.0 + 150.0) / 30.0),
        (SEEN, 60.0 / 30.0 + 150.0 / 20.0),
        (LATE, (60.0 + 150.0) / 30.0),
        (SHORT, (60.0 + 150.0) / 30.0),
    ],
)
async def test_a_workload_has_one_rate_that_adds_those_of_its_pods(span: snapshot.Span, rate: float) -> None:
    found = await rates(served(span), "deployments", "web", external="name=web,kind=Deployment")

    assert found[:3] == pytest.approx([rate] * 3, rel=1e-4)
    assert found[3:] == pytest.approx([rate] * 2, abs=0.05)


async def test_what_a_young_pod_sends_has_one_rate() -> None:
    api = served(BORN)
    (edge,) = [item for item in (await api.get(f"{SMI}/pods/p1/edges"))["items"] if item["edge"]["resource"]]
    (row,) = [row for row in await api.table(f"{SMI}/pods/p1/edges") if row["To"] == "service/db"]
    (pod,) = [row for row in await api.table(f"{SMI}/pods") if row["Name"] == "p1"]
    selector = "?metricLabelSelector=direction%3Dto"
    values = [
        (await api.get(asked))["items"][0]
        for asked in (
            f"{scaler.SHOP}/pods/p1/requests_per_second{selector}",
            f"{scaler.SHOP}/pods/p1/requests_per_second{selector},to%3Ddb",
            f"{EXTERNAL}from%3Dp1,from_kind%3DPod,to%3Ddb",
        )
    ]

    assert edge["window"] == "14s"
    assert list(map(scaler.number, values)) == pytest.approx([30.0 / 14.0] * 3)
    assert (row["RPS"], pod["Out"]) == ("2.1", "2.1")


async def test_a_pod_that_was_observed_for_too_short_a_time_has_no_rate() -> None:
    (row,) = [row for row in await served(SHORT).table(f"{SMI}/pods") if row["Name"] == "p1"]

    assert (row["RPS"], row["Success"], row["Window"]) == ("-", "93.33%", "30s")
