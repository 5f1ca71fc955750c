"""What limits a latency is the same in JSON, in Tables and in the Tables of values for autoscalers."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from metrics_server.model import kinds, snapshot
from tests.metrics_server import in_process, meshes, reading, scaler

pytestmark = pytest.mark.asyncio
SMI = f"{reading.ROOT}/namespaces/shop"
EXTERNAL = f"{scaler.EXTERNAL}/namespaces/shop"
ANNOTATION = "metrics.smi-spec.io"
CART = snapshot.Peer(namespace="shop", workload="cart", kind="Deployment")


def served(
    *histograms: tuple[float, ...],
    quantile_values: tuple[float, ...] | None = None,
    profile: snapshot.Mesh = meshes.TOY,
    client: tuple[meshes.Row, ...] = (),
) -> in_process.Api:
    """Return the API of the Deployment `cart`: one pod for each histogram, with 100 requests each.

    A histogram has cumulative counts at the bounds 1, 10 and 100 ms and +Inf. `quantile_values`: the P99 that
    each pod computed itself. `client`: what the pod `web` sends to `cart`.
    """
    pods = [meshes.pod(f"p{number}") for number in range(len(histograms))]
    taken = meshes.moment(
        [*pods, meshes.pod("web")],
        peers=[CART, snapshot.Peer(namespace="shop", pod="web")],
        server=[(number, 1, 90.0, 10.0) for number in range(len(pods))],
        client=[(len(pods), 0, succeeded, failed) for _, _, succeeded, failed in client],
    )
    received = dataclasses.replace(taken.calls[kinds.Side.SERVER], buckets=np.array(histograms))
    sent = taken.calls[kinds.Side.CLIENT]
    if quantile_values is not None:
        received = dataclasses.replace(received, quantile_values=np.array(quantile_values)[:, None])
    if profile.timed_by_callees:
        sent = dataclasses.replace(sent, buckets=np.zeros_like(sent.buckets))
    taken = dataclasses.replace(
        taken,
        meshes=(profile,),
        calls={kinds.Side.CLIENT: sent, kinds.Side.SERVER: received},
        quantile_levels=() if quantile_values is None else (0.99,),
    )
    cart = meshes.ref("Deployment", "cart")
    owned = [meshes.owned(pod.pod, cart) for pod in pods]
    return in_process.api(
        taken,
        meshes.inventory(*owned, meshes.owned("web", None), meshes.owned("cart", None, kind="Deployment")),
    )


async def listed(api: in_process.Api, path: str = "deployments/cart") -> dict[str, str]:
    """Return the annotations of an item without their prefix, but that of its profile."""
    found = (await api.get(f"{SMI}/{path}"))["metadata"]["annotations"]
    return {
        name.removeprefix(f"{ANNOTATION}/"): text
        for name, text in found.items()
        if name != f"{ANNOTATION}/profile"
    }


async def printed(api: in_process.Api, percentile: str) -> set[str]:
    """Return how a percentile of the latency of `cart` is printed, in Tables of all groups."""
    (row,) = await api.table(f"{SMI}/deployments")
    metric = f"{percentile.lower()}_response_latency"
    values = [
        (await api.table(asked))[0]["Value"]
        for asked in (
            f"{scaler.SHOP}/deployments/cart/{metric}",
            f"{EXTERNAL}/{metric}?labelSelector=name%3Dcart",
        )
    ]
    return {row[percentile.upper()], *values}


async def test_a_latency_in_the_first_bucket_is_printed_as_less_than_its_bound() -> None:
    """Requests of 0.01 ms and of 0.99 ms are alike in this histogram."""
    api = served((95.0, 100.0, 100.0, 100.0))

    assert await listed(api) == {"clamped-below": "p50_response_latency=1m,p90_response_latency=1m"}
    assert await printed(api, "p50") == {"<1ms"}
    assert await printed(api, "p99") == {"8.2ms"}


async def test_the_value_in_json_is_that_of_prometheus() -> None:
    item = await served((100.0, 100.0, 100.0, 100.0)).get(f"{SMI}/deployments/cart")

    assert reading.figures(item)["p50_response_latency"] == 0.0005


async def test_a_latency_beyond_the_last_bound_is_printed_as_more_than_it() -> None:
    api = served((0.0, 0.0, 95.0, 100.0))

    assert await listed(api) == {"clamped": "p99_response_latency"}
    assert await printed(api, "p99") == {">100ms"}


async def test_in_a_sum_of_several_histograms_the_first_bound_that_all_have_is_the_limit() -> None:
    api = served((95.0, 100.0, 100.0, 100.0), (np.nan, 100.0, 100.0, 100.0))

    assert await printed(api, "p50") == {"<10ms"}


@pytest.mark.parametrize(
    ("computed", "text", "named"),
    [
        (0.0004, "~<1ms", {"approximate", "clamped-below"}),
        (0.004, "~4ms", {"approximate"}),
    ],
)
async def test_of_a_histogram_and_a_computed_quantile_the_higher_limit_is_shown(
    computed: float, text: str, named: set[str]
) -> None:
    api = served((100.0, 100.0, 100.0, 100.0), (0.0, 0.0, 0.0, 0.0), quantile_values=(np.nan, computed))

    assert await printed(api, "p99") == {text}
    assert {name for name, value in (await listed(api)).items() if "p99" in value} == named


async def test_a_computed_quantile_does_not_hide_that_a_histogram_ends_too_early() -> None:
    api = served((0.0, 0.0, 0.0, 100.0), (0.0, 0.0, 0.0, 0.0), quantile_values=(np.nan, 0.004))

    assert await printed(api, "p99") == {"~>100ms"}


async def test_requests_that_are_not_timed_are_named_with_their_share() -> None:
    api = served((0.0, 60.0, 60.0, 60.0))
    (row,) = await api.table(f"{SMI}/deployments")
    values = [
        (await api.table(asked))[0]["Not Timed"]
        for asked in (
            f"{scaler.SHOP}/deployments/cart/p99_response_latency",
            f"{EXTERNAL}/p99_response_latency?labelSelector=name%3Dcart",
            f"{scaler.SHOP}/deployments/cart/requests_per_second",
        )
    ]

    assert await listed(api) == {"latency-without": "40% of requests"}
    assert (row["Not Timed"], *values) == ("40% of requests", "40% of requests", "40% of requests", "")


async def test_an_edge_with_the_latency_of_its_callee_says_what_never_arrived_there() -> None:
    """The caller counted 200 requests. 100 of them arrived, and all of those are timed."""
    profile = dataclasses.replace(
        meshes.TOY,
        names_callers=True,
        timed_by_callees=True,
        without={kinds.Side.SERVER: ("refused requests",)},
    )
    api = served((0.0, 100.0, 100.0, 100.0), profile=profile, client=((0, 0, 100.0, 100.0),))

    found = await listed(api, "trafficedges/pod.web:deployment.cart")
    assert found == {"latency-without": "refused requests,50% of requests"}
