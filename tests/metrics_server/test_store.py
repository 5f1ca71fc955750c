from __future__ import annotations

import asyncio
import dataclasses
import gc
import weakref
from typing import Any

import pytest

from apiservice import selectors
from metrics_server import faults, inventory, measure, profile, snapshot, store, taking, words
from metrics_server.views import rows
from metrics_server.views.scaling import values
from tests.metrics_server import recording

(ENVOY,) = [mesh for mesh in profile.shipped() if mesh.name == "envoy"]
REFRESH = 5.0
Asked = tuple[str | None, float, frozenset[words.Side]]
BOTH, RATES = words.SIDES, frozenset[words.Side]()
RECEIVED = frozenset({words.Side.SERVER})


@dataclasses.dataclass(slots=True)
class Source:
    """Hands out a recorded snapshot when it is let; may be told to fail or to have nothing."""

    taken: snapshot.Snapshot
    clock: recording.Clock
    asked: list[Asked] = dataclasses.field(default_factory=list)
    open: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)
    began: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)
    failing: bool = False
    empty: bool = False

    async def take(
        self, namespace: str | None, *, window: float, latency: frozenset[words.Side]
    ) -> snapshot.Snapshot | None:
        self.asked.append((namespace, window, latency))
        self.began.set()
        await self.open.wait()
        if self.failing:
            raise faults.BackendDown("no")
        return None if self.empty else dataclasses.replace(self.taken, taken=self.clock(), window=window)


@dataclasses.dataclass(frozen=True, slots=True)
class Scene:
    source: Source
    store: store.Store
    clock: recording.Clock


@pytest.fixture
async def scene() -> Scene:
    clock = recording.Clock()
    taker = taking.Taker(
        recording.Backend(recording.shop(taken=clock())),
        mesh=ENVOY,
        watcher=recording.Deaf(),
        clock=clock,
        stale_after=90.0,
    )
    taken = await taker.take(None, window=30.0)
    assert taken is not None
    source = Source(taken, clock)
    source.open.set()
    moments = store.Store(source, things=inventory.Inventory, clock=clock, refresh=REFRESH)
    return Scene(source, moments, clock)


async def test_a_hundred_that_wait_are_one_fetch(scene: Scene) -> None:
    scene.source.open.clear()
    waiting = [asyncio.create_task(scene.store.moment(None, window=30.0)) for _ in range(100)]
    await asyncio.wait_for(scene.source.began.wait(), 5)
    scene.source.open.set()
    moments = await asyncio.gather(*waiting)
    assert len(set(map(id, moments))) == 1
    assert scene.source.asked == [(None, 30.0, BOTH)]


async def test_one_that_leaves_does_not_end_the_fetch_of_the_others(scene: Scene) -> None:
    scene.source.open.clear()
    leaving, staying = (asyncio.create_task(scene.store.moment(None, window=30.0)) for _ in range(2))
    await asyncio.wait_for(scene.source.began.wait(), 5)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    scene.source.open.set()
    assert await staying is not None
    assert len(scene.source.asked) == 1


async def test_when_all_leave_the_fetch_still_serves_the_next(scene: Scene) -> None:
    scene.source.open.clear()
    leaving = asyncio.create_task(scene.store.moment(None, window=30.0))
    await asyncio.wait_for(scene.source.began.wait(), 5)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    scene.source.open.set()
    assert await scene.store.moment(None, window=30.0) is not None
    assert len(scene.source.asked) == 1


async def test_a_fresh_moment_is_served_again_and_an_old_one_is_not(scene: Scene) -> None:
    first = await scene.store.moment(None, window=30.0)
    scene.clock.now += REFRESH - 0.1
    assert await scene.store.moment(None, window=30.0) is first
    scene.clock.now += 0.1
    assert await scene.store.moment(None, window=30.0) is not first
    assert len(scene.source.asked) == 2


async def test_a_namespace_is_answered_from_the_fresh_whole(scene: Scene) -> None:
    whole = await scene.store.moment(None, window=30.0)
    assert await scene.store.moment("shop", window=30.0) is whole
    assert await scene.store.moment("elsewhere", window=30.0) is whole
    assert scene.source.asked == [(None, 30.0, BOTH)]


async def test_the_whole_is_not_answered_from_a_namespace(scene: Scene) -> None:
    await scene.store.moment("shop", window=30.0)
    await scene.store.moment(None, window=30.0)
    assert scene.source.asked == [("shop", 30.0, BOTH), (None, 30.0, BOTH)]


async def test_another_window_is_another_moment(scene: Scene) -> None:
    short = await scene.store.moment(None, window=30.0)
    long = await scene.store.moment(None, window=300.0)
    assert short is not None
    assert long is not None
    assert (short.snapshot.window, long.snapshot.window) == (30.0, 300.0)
    assert await scene.store.moment(None, window=30.0) is short


async def test_a_failure_is_told_to_all_who_wait_and_not_remembered(scene: Scene) -> None:
    scene.source.failing = True
    told = await asyncio.gather(
        *(scene.store.moment(None, window=30.0) for _ in range(3)), return_exceptions=True
    )
    assert [type(one) for one in told] == [faults.BackendDown] * 3
    assert len(scene.source.asked) == 1
    scene.source.failing = False
    assert await scene.store.moment(None, window=30.0) is not None


async def test_a_failure_that_nobody_waits_for_is_no_unseen_error(scene: Scene) -> None:
    scene.source.open.clear()
    scene.source.failing = True
    leaving = asyncio.create_task(scene.store.moment(None, window=30.0))
    await asyncio.wait_for(scene.source.began.wait(), 5)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    scene.source.open.set()
    scene.source.failing = True
    with pytest.raises(faults.BackendDown):
        await scene.store.moment(None, window=30.0)


async def test_that_a_namespace_has_no_proxy_is_remembered_as_long_as_a_moment(scene: Scene) -> None:
    scene.source.empty = True
    assert await scene.store.moment("idle", window=30.0) is None
    assert await scene.store.moment("idle", window=30.0) is None
    assert len(scene.source.asked) == 1
    scene.clock.now += REFRESH
    scene.source.empty = False
    assert await scene.store.moment("idle", window=30.0) is not None


async def test_closing_ends_what_is_under_way(scene: Scene) -> None:
    scene.source.open.clear()
    waiting = asyncio.create_task(scene.store.moment(None, window=30.0))
    await asyncio.wait_for(scene.source.began.wait(), 5)
    await scene.store.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await scene.store.close()


async def test_what_is_made_of_a_moment_is_made_once(scene: Scene) -> None:
    moment = await scene.store.moment(None, window=30.0)
    assert moment is not None
    made = moment.once("key", lambda: [1])
    assert moment.once("key", lambda: [2]) is made
    assert moment.once("other", lambda: [3]) == [3]


async def test_a_moment_is_rolled_up_with_what_exists_when_it_is_taken(scene: Scene) -> None:
    things = [inventory.Inventory(), recording.shop_inventory()]
    moments = store.Store(scene.source, things=lambda: things[0], clock=scene.clock, refresh=REFRESH)
    service = words.Ref("Service", "data", "db")
    before = await moments.moment(None, window=30.0)
    things.pop(0)
    scene.clock.now += REFRESH
    after = await moments.moment(None, window=30.0)
    assert before is not None
    assert after is not None
    assert [service in moment.owners.peers("") for moment in (before, after)] == [True, False]
    assert service in moments.things.things


LAG = 10.0


async def patiently(
    scene: Scene, namespace: str | None = "shop", *, latency: frozenset[words.Side] = BOTH
) -> store.Moment | None:
    """As an autoscaler asks."""
    return await scene.store.moment(namespace, window=30.0, latency=latency, lag=LAG)


async def renewed(scene: Scene) -> None:
    """Until what is fetched is there."""
    asked = len(scene.source.asked)
    await scene.store.moment("shop", window=30.0)
    assert len(scene.source.asked) == asked


async def test_who_allows_a_lag_does_not_wait_while_the_next_moment_is_fetched(scene: Scene) -> None:
    first = await patiently(scene)
    scene.clock.now += REFRESH
    scene.source.open.clear()
    assert await patiently(scene) is first
    assert await patiently(scene) is first
    await asyncio.sleep(0)
    assert len(scene.source.asked) == 2, "one fetch for all who ask meanwhile"
    scene.source.open.set()
    await renewed(scene)
    assert await patiently(scene) is not first


async def test_beyond_the_lag_everybody_waits(scene: Scene) -> None:
    first = await patiently(scene)
    scene.clock.now += REFRESH + LAG
    assert await patiently(scene) is not first


async def test_who_allows_no_lag_is_not_served_what_is_late(scene: Scene) -> None:
    first = await patiently(scene)
    scene.clock.now += REFRESH
    assert await scene.store.moment("shop", window=30.0) is not first


async def test_what_is_late_is_kept_while_another_is_fetched(scene: Scene) -> None:
    shop, data = await patiently(scene), await patiently(scene, "data")
    scene.clock.now += REFRESH
    assert await patiently(scene) is shop
    assert await scene.store.moment("shop", window=30.0) is not shop
    scene.source.open.clear()
    assert await patiently(scene, "data") is data


async def test_what_was_made_of_a_moment_is_made_of_the_next_before_it_is_served(scene: Scene) -> None:
    made: list[store.Moment] = []

    async def ask() -> store.Moment:
        await patiently(scene)
        moment = await scene.store.moment("shop", window=30.0)
        assert moment is not None
        return moment

    first = await ask()
    first.once_and_again("size", made.append)
    scene.clock.now += REFRESH
    second = await ask()
    assert made == [first, second]
    second.once_and_again("size", made.append)
    assert made == [first, second]
    scene.clock.now += REFRESH
    third = await ask()
    scene.clock.now += REFRESH
    await ask()
    assert made == [first, second, third], "what nobody asks for any more is not made again"


async def test_what_cannot_be_renewed_is_not_served_on(scene: Scene) -> None:
    await patiently(scene)
    scene.clock.now += REFRESH
    scene.source.failing = True
    assert await patiently(scene) is not None, "nobody knows yet"
    with pytest.raises(faults.BackendDown):
        await scene.store.moment("shop", window=30.0)
    with pytest.raises(faults.BackendDown):
        await patiently(scene)


async def test_rates_are_answered_from_what_has_latencies_and_not_the_other_way_round(scene: Scene) -> None:
    whole = await scene.store.moment("shop", window=30.0)
    assert await patiently(scene, latency=RATES) is whole
    rates = await patiently(scene, "data", latency=RATES)
    assert await patiently(scene, "data") is not rates
    assert scene.source.asked == [("shop", 30.0, BOTH), ("data", 30.0, RATES), ("data", 30.0, BOTH)]


async def test_latencies_of_one_side_are_no_answer_to_who_wants_both(scene: Scene) -> None:
    received = await patiently(scene, latency=RECEIVED)
    assert await patiently(scene, latency=RECEIVED) is received
    assert await patiently(scene, latency=RATES) is received
    both = await patiently(scene)
    assert both is not received
    assert await patiently(scene, latency=RECEIVED) is received
    assert scene.source.asked == [("shop", 30.0, RECEIVED), ("shop", 30.0, BOTH)]


async def test_what_is_renewed_for_who_wants_latencies_is_renewed_for_all(scene: Scene) -> None:
    rates = await patiently(scene, latency=RATES)
    received = await patiently(scene, latency=RECEIVED)
    scene.source.asked.clear()
    scene.clock.now += REFRESH
    assert await patiently(scene, latency=RATES) is rates
    assert await patiently(scene, latency=RECEIVED) is received
    await scene.store.moment("shop", window=30.0, latency=RECEIVED)
    assert scene.source.asked == [("shop", 30.0, RECEIVED)]


async def test_latencies_that_nobody_wants_any_more_are_not_renewed(scene: Scene) -> None:
    for latency in (RATES, RECEIVED):
        await patiently(scene, latency=latency)
    for _ in range(10):
        scene.clock.now += REFRESH + 2
        await patiently(scene, latency=RATES)
        await scene.store.moment("shop", window=30.0, latency=RATES)
    assert scene.source.asked[-1] == ("shop", 30.0, RATES)


async def test_many_namespaces_are_answered_from_the_whole_mesh(scene: Scene) -> None:
    names = [f"n{number}" for number in range(20)]
    for name in names:
        assert await patiently(scene, name) is not None
    whole = ((None, 30.0, BOTH),)
    assert scene.source.asked[-1:] == [*whole]
    assert len(scene.source.asked) < 10
    scene.source.asked.clear()
    scene.clock.now += REFRESH
    for name in names:
        await patiently(scene, name)
    await asyncio.sleep(0)
    assert scene.source.asked == [*whole]


async def test_one_of_a_few_namespaces_is_fetched_alone_again(scene: Scene) -> None:
    for number in range(20):
        await patiently(scene, f"n{number}")
    scene.clock.now += 61.0
    scene.source.asked.clear()
    await patiently(scene, "n1")
    assert scene.source.asked == [("n1", 30.0, BOTH)]


async def test_a_moment_that_is_let_go_of_does_not_wait_for_the_garbage_collector(scene: Scene) -> None:
    """Which seldom comes; of a big mesh, some that wait are more memory than all else."""
    gc.collect()
    gc.disable()
    try:
        moment = await patiently(scene)
        assert moment is not None
        rate = measure.find("requests_per_second")
        assert rate is not None
        rates = values.of_kind(moment, words.POD, rate, words.Direction.FROM)
        assert rates.select("shop", selectors.LabelSelector.parse("app=cart"))
        assert rows.received(moment, "", prefixed=True).within("shop")
        assert rows.edges(moment, "", None).within("shop")
        let_go: list[weakref.ref[Any]] = [weakref.ref(moment), weakref.ref(moment.owners)]
        del moment, rates
        scene.clock.now += REFRESH + LAG
        await patiently(scene)
        assert [reference() for reference in let_go] == [None, None]
    finally:
        gc.enable()
