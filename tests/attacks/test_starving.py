"""A client that requests forty windows takes nothing from another, and gets the true reason for its own wait.

Fetches are counted, not timed: the fake Prometheus answers each when the test permits it.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import gc
import time
import weakref
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from apiservice.authn import authenticator
from apiservice.server import sockets
from metrics_server.aggregate import named_metrics
from metrics_server.api import request
from metrics_server.api.autoscaling import values
from metrics_server.model import faults, kinds, quantity
from metrics_server.query import promql
from metrics_server.server import access, server
from metrics_server.settings import settings
from metrics_server.store import fetch_queue
from metrics_server.store import moment as store_moment
from tests.metrics_server import fake_prometheus, reading, recording, storing
from tests.metrics_server.collect import test_collector

HOSTILE, GOOD = "eve", "ann"
AT_ONCE, EACH = fetch_queue.FetchLimits().at_once, fetch_queue.FetchLimits().each


class ByName:
    """The user of a request is the name in it."""

    async def authenticate(self, credentials: authenticator.Credentials) -> authenticator.User | None:
        name = authenticator.bearer(credentials.headers)
        return authenticator.User(name=name, groups=(authenticator.MASTERS,)) if name else None


class Slow(fake_prometheus.FakePrometheus):
    """Answers a query when the test permits it, and counts those that wait."""

    def __init__(self, holds: recording.Recording) -> None:
        super().__init__(holds)
        self.held: list[asyncio.Event] = []
        self.most = 0
        self.slow = False
        self.behaviour = self.slowly

    async def slowly(self, request: web.Request, query: str) -> web.StreamResponse:
        if self.slow and query not in (promql.PROBE, promql.NOW):
            self.held.append(passing := asyncio.Event())
            self.most = max(self.most, len(self.held))
            try:
                await passing.wait()
            finally:
                self.held.remove(passing)
        return await self.well(request, query)

    def let_pass(self) -> None:
        """Answer all waiting queries."""
        for one in self.held:
            one.set()


@dataclasses.dataclass(frozen=True, slots=True)
class Site:
    session: aiohttp.ClientSession
    url: str
    fake: Slow

    async def get(self, path: str, *, user: str) -> reading.Reply:
        reply = await reading.Api(self.session, self.url, self.fake).get(path, token=user)
        assert "Retry-After" not in reply.headers
        return reply

    async def held(self, count: int) -> None:
        """Wait until this many queries wait at Prometheus."""
        async with asyncio.timeout(20):
            while len(self.fake.held) < count:  # noqa: ASYNC110 - what is looked at is no event
                await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def site(folder: Path, **more: object) -> AsyncIterator[Site]:
    fake = Slow(test_collector.scraped(5, until=time.time()))
    async with fake_prometheus.running(fake):
        chosen = settings.load(prometheus=fake.url, state=folder, profile="envoy", **more)
        async with (
            access.granted(chosen) as admits,
            server.api(chosen, admits=dataclasses.replace(admits, authenticator=ByName())) as api,
            sockets.serve(api, host="127.0.0.1", port=0, tls=admits.tls) as bound,
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=reading._trusting(folder), limit=0)
            ) as session,
        ):
            yield Site(session, bound.url, fake)


async def test_forty_windows_of_one_client_delay_the_first_of_another_by_no_fetch(tmp_path: Path) -> None:
    async with site(tmp_path) as running:
        running.fake.slow = True
        hostile = [
            asyncio.create_task(running.get(f"trafficmetrics?window={31 + n}.{n:03}s", user=HOSTILE))
            for n in range(40)
        ]
        await running.held(2 * EACH)
        good = asyncio.create_task(running.get("trafficmetrics?window=30s", user=GOOD))
        await running.held(2 * EACH + 2)
        assert running.fake.most == 2 * (EACH + 1), "a fetch is two queries: counters and buckets"
        running.fake.slow = False
        running.fake.let_pass()
        assert (await good).names
        assert {(await task).status for task in hostile} == {200}, "all of them are answered in their turn"


async def test_forty_thousandths_of_a_second_are_one_fetch(tmp_path: Path) -> None:
    async with site(tmp_path) as running:
        await running.get("trafficmetrics", user=HOSTILE)
        running.fake.asked.clear()
        reply = await asyncio.gather(
            *(running.get(f"trafficmetrics?window=31.{n:03}s", user=HOSTILE) for n in range(1, 41))
        )
        assert {item["window"] for one in reply for item in one.items} == {"30s"}, "from scrape to scrape"
        assert len(running.fake.asked) == 2


async def test_who_waits_for_a_turn_in_vain_is_told_so_and_prometheus_is_not_blamed(tmp_path: Path) -> None:
    async with site(tmp_path, patience=2.0) as running:
        running.fake.slow = True
        hostile = [
            asyncio.create_task(running.get(f"trafficmetrics?window={31 + n}s", user=HOSTILE))
            for n in range(EACH + 64 + 5)
        ]
        messages = [(await task).refused(503) for task in hostile]
    full = [one for one in messages if "64 questions of this user wait for figures already" in one]
    late = [one for one in messages if one.startswith("Prometheus")]
    waited = [one for one in messages if "waited 2 s for its turn" in one]
    assert len(full) == 5
    assert len(late) >= EACH, "those were asked, and they alone"
    assert len(full) + len(late) + len(waited) == len(messages), set(messages)
    assert not any("not answer" in one for one in full + waited)


# The store, without a network


def waiting(scene: storing.Scene, user: str, *windows: float, **more: float) -> list[asyncio.Task[object]]:
    return [
        asyncio.create_task(scene.store.moment("shop", window=window, user=user, **more))  # type: ignore[arg-type]
        for window in windows
    ]


async def until_asked(scene: storing.Scene, count: int) -> None:
    async with asyncio.timeout(5):
        while len(scene.source.asked) < count:  # noqa: ASYNC110 - what is looked at is no event
            await asyncio.sleep(0)


async def test_who_wants_what_another_waits_for_does_not_wait_behind_all_of_theirs() -> None:
    scene = await storing.scene()
    scene.source.open.clear()
    tasks = waiting(scene, HOSTILE, *range(31, 71))
    await until_asked(scene, EACH)
    tasks += waiting(scene, GOOD, 70)
    await until_asked(scene, EACH + 1)
    assert scene.source.asked[-1][1] == 70
    scene.source.open.set()
    await asyncio.gather(*tasks)
    assert len(scene.source.asked) == 40


async def test_what_nobody_waits_for_any_more_is_not_fetched() -> None:
    scene = await storing.scene()
    scene.source.open.clear()
    tasks = waiting(scene, HOSTILE, *range(31, 71))
    await until_asked(scene, EACH)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    again = waiting(scene, HOSTILE, 70)
    scene.source.open.set()
    assert await again[0] is not None
    assert len(scene.source.asked) == EACH + 1


async def test_autoscalers_are_served_what_is_late_even_where_all_places_are_taken() -> None:
    scene = await storing.scene()
    first = await scene.store.moment("shop", window=30.0, lag=10.0, user="hpa")
    scene.clock.now += storing.REFRESH
    scene.source.open.clear()
    tasks = [task for user in "abc" for task in waiting(scene, user, *range(31, 99))]
    await until_asked(scene, AT_ONCE)
    assert await scene.store.moment("shop", window=30.0, lag=10.0, user="hpa") is first
    await until_asked(scene, AT_ONCE + 1)
    assert scene.source.asked[-1][1] == 30.0, "and the next one is under way"
    await _cancelled(tasks)
    await scene.store.close()


async def _cancelled(tasks: list[asyncio.Task[object]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_failure_holds_nothing_when_it_has_been_told() -> None:
    scene = await storing.scene()
    scene.source.failing = True
    gc.collect()
    gc.disable()
    try:
        reply: list[weakref.ref[BaseException]] = []
        for _ in range(3):
            try:
                await scene.store.moment("shop", window=30.0)
            except faults.BackendDown as fault:
                reply.append(weakref.ref(fault))
        await asyncio.sleep(0)
        assert [one() for one in reply] == [None] * 3
    finally:
        gc.enable()


# Memory that clients could fill by requests


async def test_moments_are_bounded_whatever_is_asked_for() -> None:
    scene = await storing.scene()
    for number in range(300):
        await scene.store.moment(f"n{number}", window=30.0, lag=10.0 if number % 2 else 0.0)
    assert len(scene.store._kept._moments) <= 256
    assert sum(moment.weight for _, moment in scene.store._kept._moments.items()) <= 128e6


async def test_namespaces_without_proxies_are_bounded_whatever_they_are_called() -> None:
    scene = await storing.scene()
    scene.source.empty = True
    for number in range(600):
        await scene.store.moment(f"n{number}", window=30.0, lag=10.0 * (number % 2))
    kept, demand = scene.store._kept, scene.store._demand
    assert all(len(one) <= 512 for one in (kept._empty_at, demand._asked_at, kept._wanted_until))
    assert not scene.store._fetching


async def test_what_is_made_of_a_moment_is_bounded_by_sort() -> None:
    scene = await storing.scene()
    moment = await scene.store.moment(None, window=30.0)
    assert moment is not None
    for sort in (store_moment.VIEWS, store_moment.PERCENTILES, store_moment.PAIRS, store_moment.RENDERED):
        for number in range(3 * sort.most):
            moment.once_and_again((sort.name, number), lambda _: [0], sort=sort)
        assert len(moment._made[sort]) == sort.most
    assert len(moment._again) <= 64


async def test_the_percentiles_that_can_be_asked_for_are_of_the_few_that_are_kept() -> None:
    scene = await storing.scene()
    moment = await scene.store.moment(None, window=30.0)
    assert moment is not None
    for hundredths in range(101, 9999, 400):
        wanted = named_metrics.SERVED.find(f"p{hundredths / 100:.2f}_response_latency")
        assert wanted is not None
        values.of_kind(moment, kinds.POD, wanted, kinds.Direction.FROM)
    assert len(moment._made[store_moment.PERCENTILES]) <= store_moment.PERCENTILES.most
    assert not moment._made.get(store_moment.VIEWS)


def test_there_are_218_windows_and_the_usual_ones_stay_as_they_are() -> None:
    grid = {request.on_grid(tenths / 10) for tenths in range(10, 36_001)}
    assert len(grid) == 218
    assert (min(grid), max(grid)) == (1.0, 3600.0)
    assert all(request.on_grid(window) == window for window in grid)
    for text in (
        "1s",
        "10s",
        "15s",
        "30s",
        "45s",
        "60s",
        "90s",
        "1m30s",
        "2m",
        "5m",
        "10m",
        "15m",
        "30m",
        "1h",
    ):
        assert request.seconds("window", text) == quantity.duration(text)


@pytest.mark.parametrize(
    ("asked", "used"),
    [
        ("1.001s", 2),
        ("31.001s", 32),
        ("119.5s", 120),
        ("121s", 130),
        ("9m51s", 600),
        ("10m1s", 660),
        ("59m59s", 3600),
    ],
)
def test_windows_between_are_rounded_up(asked: str, used: float) -> None:
    assert request.seconds("window", asked) == used
