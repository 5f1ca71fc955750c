"""Many requests at once cause one fetch, which is served while it is fresh."""

from __future__ import annotations

import asyncio

import pytest

from metrics_server.inventory import objects
from metrics_server.model import faults, kinds
from metrics_server.store import store
from tests.metrics_server import recording, storing


@pytest.fixture
async def scene() -> storing.Scene:
    return await storing.scene()


async def test_a_hundred_that_wait_are_one_fetch(scene: storing.Scene) -> None:
    scene.source.open.clear()
    waiting = [asyncio.create_task(scene.store.moment(None, window=30.0)) for _ in range(100)]
    await asyncio.wait_for(scene.source.began.wait(), 5)
    scene.source.open.set()
    moments = await asyncio.gather(*waiting)
    assert len(set(map(id, moments))) == 1
    assert scene.source.asked == [(None, 30.0, storing.BOTH)]


async def test_one_that_leaves_does_not_end_the_fetch_of_the_others(scene: storing.Scene) -> None:
    scene.source.open.clear()
    leaving, staying = (asyncio.create_task(scene.store.moment(None, window=30.0)) for _ in range(2))
    await asyncio.wait_for(scene.source.began.wait(), 5)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    scene.source.open.set()
    assert await staying is not None
    assert len(scene.source.asked) == 1


async def test_when_all_leave_the_fetch_still_serves_the_next(scene: storing.Scene) -> None:
    scene.source.open.clear()
    leaving = asyncio.create_task(scene.store.moment(None, window=30.0))
    await asyncio.wait_for(scene.source.began.wait(), 5)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    scene.source.open.set()
    assert await scene.store.moment(None, window=30.0) is not None
    assert len(scene.source.asked) == 1


async def test_a_fresh_moment_is_served_again_and_an_old_one_is_not(scene: storing.Scene) -> None:
    first = await scene.store.moment(None, window=30.0)
    scene.clock.now += storing.REFRESH - 0.1
    assert await scene.store.moment(None, window=30.0) is first
    scene.clock.now += 0.1
    assert await scene.store.moment(None, window=30.0) is not first
    assert len(scene.source.asked) == 2


async def test_a_namespace_is_answered_from_the_fresh_whole(scene: storing.Scene) -> None:
    whole = await scene.store.moment(None, window=30.0)
    assert await scene.store.moment("shop", window=30.0) is whole
    assert await scene.store.moment("elsewhere", window=30.0) is whole
    assert scene.source.asked == [(None, 30.0, storing.BOTH)]


async def test_the_whole_is_not_answered_from_a_namespace(scene: storing.Scene) -> None:
    await scene.store.moment("shop", window=30.0)
    await scene.store.moment(None, window=30.0)
    assert scene.source.asked == [("shop", 30.0, storing.BOTH), (None, 30.0, storing.BOTH)]


async def test_another_window_is_another_moment(scene: storing.Scene) -> None:
    short = await scene.store.moment(None, window=30.0)
    long = await scene.store.moment(None, window=300.0)
    assert short is not None
    assert long is not None
    assert (short.snapshot.window, long.snapshot.window) == (30.0, 300.0)
    assert await scene.store.moment(None, window=30.0) is short


async def test_a_failure_is_told_to_all_who_wait_and_not_remembered(scene: storing.Scene) -> None:
    scene.source.failing = True
    reply = await asyncio.gather(
        *(scene.store.moment(None, window=30.0) for _ in range(3)), return_exceptions=True
    )
    assert [type(one) for one in reply] == [faults.BackendDown] * 3
    assert len(scene.source.asked) == 1
    scene.source.failing = False
    assert await scene.store.moment(None, window=30.0) is not None


async def test_a_failure_that_nobody_waits_for_is_no_unseen_error(scene: storing.Scene) -> None:
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


async def test_that_a_namespace_has_no_proxy_is_remembered_as_long_as_a_moment(scene: storing.Scene) -> None:
    scene.source.empty = True
    assert await scene.store.moment("idle", window=30.0) is None
    assert await scene.store.moment("idle", window=30.0) is None
    assert len(scene.source.asked) == 1
    scene.clock.now += storing.REFRESH
    scene.source.empty = False
    assert await scene.store.moment("idle", window=30.0) is not None


async def test_closing_ends_what_is_under_way(scene: storing.Scene) -> None:
    scene.source.open.clear()
    waiting = asyncio.create_task(scene.store.moment(None, window=30.0))
    await asyncio.wait_for(scene.source.began.wait(), 5)
    await scene.store.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await scene.store.close()


async def test_what_is_made_of_a_moment_is_made_once(scene: storing.Scene) -> None:
    moment = await scene.store.moment(None, window=30.0)
    assert moment is not None
    made = moment.once("key", lambda: [1])
    assert moment.once("key", lambda: [2]) is made
    assert moment.once("other", lambda: [3]) == [3]


async def test_a_moment_is_rolled_up_with_what_exists_when_it_is_taken(scene: storing.Scene) -> None:
    inventories = [objects.Inventory(), recording.shop_inventory()]
    moments = store.Store(
        scene.source, inventory=lambda: inventories[0], clock=scene.clock, refresh=storing.REFRESH
    )
    service = kinds.Ref("Service", "data", "db")
    before = await moments.moment(None, window=30.0)
    inventories.pop(0)
    scene.clock.now += storing.REFRESH
    after = await moments.moment(None, window=30.0)
    assert before is not None
    assert after is not None
    assert [service in moment.owners.peers("") for moment in (before, after)] == [True, False]
    assert service in moments.inventory.objects
