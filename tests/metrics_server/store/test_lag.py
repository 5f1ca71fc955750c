"""A client that allows a lag gets the old moment while the next is fetched; no moment is fetched in vain."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import pytest

from apiservice.request import selectors
from metrics_server.aggregate import named_metrics
from metrics_server.api.autoscaling import values
from metrics_server.api.smi import rows
from metrics_server.model import faults, kinds
from metrics_server.store import store
from tests.metrics_server import storing

LAG = 10.0
RATES, RECEIVED = frozenset[kinds.Side](), frozenset({kinds.Side.SERVER})


@pytest.fixture
async def scene() -> storing.Scene:
    return await storing.scene()


async def patiently(
    scene: storing.Scene, namespace: str | None = "shop", *, latency: frozenset[kinds.Side] = storing.BOTH
) -> store.Moment | None:
    """Return the moment for a client that allows a lag, such as an autoscaler."""
    return await scene.store.moment(namespace, window=30.0, latency=latency, lag=LAG)


async def renewed(scene: storing.Scene) -> None:
    """Wait until the fetch that runs has ended."""
    asked = len(scene.source.asked)
    await scene.store.moment("shop", window=30.0)
    assert len(scene.source.asked) == asked


async def test_who_allows_a_lag_does_not_wait_while_the_next_moment_is_fetched(scene: storing.Scene) -> None:
    first = await patiently(scene)
    scene.clock.now += storing.REFRESH
    scene.source.open.clear()
    assert await patiently(scene) is first
    assert await patiently(scene) is first
    await asyncio.sleep(0)
    assert len(scene.source.asked) == 2, "one fetch for all who ask meanwhile"
    scene.source.open.set()
    await renewed(scene)
    assert await patiently(scene) is not first


async def test_beyond_the_lag_everybody_waits(scene: storing.Scene) -> None:
    first = await patiently(scene)
    scene.clock.now += storing.REFRESH + LAG
    assert await patiently(scene) is not first


async def test_who_allows_no_lag_is_not_served_what_is_late(scene: storing.Scene) -> None:
    first = await patiently(scene)
    scene.clock.now += storing.REFRESH
    assert await scene.store.moment("shop", window=30.0) is not first


async def test_what_is_late_is_kept_while_another_is_fetched(scene: storing.Scene) -> None:
    shop, data = await patiently(scene), await patiently(scene, "data")
    scene.clock.now += storing.REFRESH
    assert await patiently(scene) is shop
    assert await scene.store.moment("shop", window=30.0) is not shop
    scene.source.open.clear()
    assert await patiently(scene, "data") is data


async def test_what_was_made_of_a_moment_is_made_of_the_next_before_it_is_served(
    scene: storing.Scene,
) -> None:
    made: list[store.Moment] = []

    async def ask() -> store.Moment:
        await patiently(scene)
        moment = await scene.store.moment("shop", window=30.0)
        assert moment is not None
        return moment

    first = await ask()
    first.once_and_again("size", made.append)
    scene.clock.now += storing.REFRESH
    second = await ask()
    assert made == [first, second]
    second.once_and_again("size", made.append)
    assert made == [first, second]
    scene.clock.now += storing.REFRESH
    third = await ask()
    scene.clock.now += storing.REFRESH
    await ask()
    assert made == [first, second, third], "what nobody asks for any more is not made again"


async def test_what_cannot_be_renewed_is_not_served_on(scene: storing.Scene) -> None:
    await patiently(scene)
    scene.clock.now += storing.REFRESH
    scene.source.failing = True
    assert await patiently(scene) is not None, "nobody knows yet"
    with pytest.raises(faults.BackendDown):
        await scene.store.moment("shop", window=30.0)
    with pytest.raises(faults.BackendDown):
        await patiently(scene)


async def test_rates_are_answered_from_what_has_latencies_and_not_the_other_way_round(
    scene: storing.Scene,
) -> None:
    whole = await scene.store.moment("shop", window=30.0)
    assert await patiently(scene, latency=RATES) is whole
    rates = await patiently(scene, "data", latency=RATES)
    assert await patiently(scene, "data") is not rates
    assert scene.source.asked == [
        ("shop", 30.0, storing.BOTH),
        ("data", 30.0, RATES),
        ("data", 30.0, storing.BOTH),
    ]


async def test_latencies_of_one_side_are_no_answer_to_who_wants_both(scene: storing.Scene) -> None:
    received = await patiently(scene, latency=RECEIVED)
    assert await patiently(scene, latency=RECEIVED) is received
    assert await patiently(scene, latency=RATES) is received
    both = await patiently(scene)
    assert both is not received
    assert await patiently(scene, latency=RECEIVED) is received
    assert scene.source.asked == [("shop", 30.0, RECEIVED), ("shop", 30.0, storing.BOTH)]


async def test_what_is_renewed_for_who_wants_latencies_is_renewed_for_all(scene: storing.Scene) -> None:
    rates = await patiently(scene, latency=RATES)
    received = await patiently(scene, latency=RECEIVED)
    scene.source.asked.clear()
    scene.clock.now += storing.REFRESH
    assert await patiently(scene, latency=RATES) is rates
    assert await patiently(scene, latency=RECEIVED) is received
    await scene.store.moment("shop", window=30.0, latency=RECEIVED)
    assert scene.source.asked == [("shop", 30.0, RECEIVED)]


async def test_latencies_that_nobody_wants_any_more_are_not_renewed(scene: storing.Scene) -> None:
    for latency in (RATES, RECEIVED):
        await patiently(scene, latency=latency)
    for _ in range(10):
        scene.clock.now += storing.REFRESH + 2
        await patiently(scene, latency=RATES)
        await scene.store.moment("shop", window=30.0, latency=RATES)
    assert scene.source.asked[-1] == ("shop", 30.0, RATES)


async def test_many_namespaces_are_answered_from_the_whole_mesh(scene: storing.Scene) -> None:
    names = [f"n{number}" for number in range(20)]
    for name in names:
        assert await patiently(scene, name) is not None
    whole = ((None, 30.0, storing.BOTH),)
    assert scene.source.asked[-1:] == [*whole]
    assert len(scene.source.asked) < 10
    scene.source.asked.clear()
    scene.clock.now += storing.REFRESH
    for name in names:
        await patiently(scene, name)
    await asyncio.sleep(0)
    assert scene.source.asked == [*whole]


async def test_one_of_a_few_namespaces_is_fetched_alone_again(scene: storing.Scene) -> None:
    for number in range(20):
        await patiently(scene, f"n{number}")
    scene.clock.now += 61.0
    scene.source.asked.clear()
    await patiently(scene, "n1")
    assert scene.source.asked == [("n1", 30.0, storing.BOTH)]


async def test_a_moment_that_is_let_go_of_does_not_wait_for_the_garbage_collector(
    scene: storing.Scene,
) -> None:
    """The collector seldom runs; for a big mesh a few unused moments take more memory than all the rest."""
    gc.collect()
    gc.disable()
    try:
        moment = await patiently(scene)
        assert moment is not None
        rate = named_metrics.SERVED.find("requests_per_second")
        assert rate is not None
        rates = values.of_kind(moment, kinds.POD, rate, kinds.Direction.FROM)
        assert rates.select("shop", selectors.LabelSelector.parse("app=cart"))
        assert rows.received(moment, "", prefixed=True).within("shop")
        assert rows.edges(moment, "", None).within("shop")
        let_go: list[weakref.ref[Any]] = [weakref.ref(moment), weakref.ref(moment.owners)]
        del moment, rates
        scene.clock.now += storing.REFRESH + LAG
        await patiently(scene)
        assert [reference() for reference in let_go] == [None, None]
    finally:
        gc.enable()
