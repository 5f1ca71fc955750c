from __future__ import annotations

import asyncio
import dataclasses
import re
from collections.abc import Sequence

import pytest

from metrics_server.collect import collector
from metrics_server.decode import counters
from metrics_server.model import faults, kinds, snapshot
from metrics_server.profiles import loading
from tests.metrics_server import recording

(ENVOY,) = [mesh for mesh in loading.shipped() if mesh.name == "envoy"]
NOW = 1_000_000.0


def scraped(interval: float, *, until: float = NOW, namespace: str = "shop") -> recording.Recording:
    """Return an hour of samples of one proxy: one request per second, a scrape every `interval` seconds."""
    times = [until - interval * step for step in range(int(3600 / interval), -1, -1)]
    target = {"job": "j", "instance": "127.0.0.1:1", "namespace": namespace, "pod": "a"}
    return recording.Recording(
        [
            recording.series("up", [(t, 1) for t in times], **target),
            recording.series("envoy_server_uptime", [(t, t - NOW + 200_000) for t in times], **target),
            recording.series(
                "envoy_http_downstream_rq_xx",
                [(t, t - NOW + 200_000) for t in times],
                envoy_http_conn_manager_prefix="inbound_8080",
                envoy_response_code_class="2",
                **target,
            ),
        ]
    )


@dataclasses.dataclass(slots=True)
class Scene:
    """A collector that reads a recording, with a clock that a test may move."""

    backend: recording.Backend
    clock: recording.Clock = dataclasses.field(default_factory=lambda: recording.Clock(NOW))
    taker: collector.Collector = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        self.taker = collector.Collector(
            self.backend, mesh=ENVOY, watcher=recording.Deaf(), clock=self.clock, stale_after=90.0
        )

    async def take(self, namespace: str | None = None, *, window: float = 30.0) -> snapshot.Snapshot:
        taken = await self.taker.take(namespace, window=window)
        assert taken is not None
        return taken


def scene(of: recording.Recording) -> Scene:
    return Scene(recording.Backend(of))


def served(taken: snapshot.Snapshot) -> float:
    return float(taken.calls[kinds.Side.SERVER].success.sum())


@pytest.mark.parametrize("interval", [1, 5, 15])
async def test_a_window_that_spans_two_scrapes_is_used_as_asked(interval: float) -> None:
    taken = await scene(scraped(interval)).take()
    assert (taken.window, taken.interval, served(taken)) == (30.0, interval, 30.0)
    assert (taken.taken, taken.timestamp) == (NOW, NOW)


@pytest.mark.parametrize("interval", [20, 30, 60, 120, 300])
async def test_a_window_is_widened_to_span_two_scrapes(interval: float) -> None:
    taken = await scene(scraped(interval)).take()
    assert (taken.window, taken.interval, served(taken)) == (2 * interval, interval, 2 * interval)


async def test_the_first_snapshot_of_a_usual_mesh_takes_one_round() -> None:
    looking = scene(scraped(15))
    await looking.take()
    assert len(looking.backend.asked) == 3, "counters, buckets, and the number of targets"


async def test_the_second_time_no_more_is_asked_than_needed() -> None:
    looking = scene(scraped(5))
    await looking.take()
    assert looking.backend.ranges == [60.0]
    looking.backend.asked.clear()
    await looking.take()
    assert looking.backend.ranges == [40.0]


@pytest.mark.parametrize(("interval", "lengths"), [(15, ["33s"]), (5, ["33s", "20s"]), (1, ["33s", "20s"])])
async def test_buckets_are_summed_over_the_window_and_not_over_the_time_that_was_assumed(
    interval: float, lengths: list[str]
) -> None:
    looking = scene(scraped(interval))
    await looking.take(window=20.0)
    summed = [query for query in looking.backend.asked if "_bucket" in query]
    assert [re.findall(r"\[(\w+)\]", query)[0] for query in summed] == lengths


async def test_a_slow_scrape_is_learned_once() -> None:
    looking = scene(scraped(60))
    await looking.take()
    assert len(looking.backend.ranges) > 1
    looking.backend.asked.clear()
    taken = await looking.take()
    assert looking.backend.ranges == [240.0]
    assert taken.window == 120.0


async def test_a_long_window_is_not_widened() -> None:
    assert (await scene(scraped(60)).take(window=300)).window == 300.0


async def test_a_scrape_that_becomes_slower_is_learned_again() -> None:
    looking = scene(scraped(5))
    assert (await looking.take()).interval == 5
    looking.backend.recording = scraped(30)
    taken = await looking.take()
    assert (taken.window, taken.interval) == (60.0, 30.0)


async def test_the_scrapes_of_a_moment_ago_are_served_with_their_own_time() -> None:
    looking = scene(scraped(15))
    looking.clock.now += 12
    taken = await looking.take()
    assert (taken.taken, taken.timestamp) == (NOW + 12, NOW)


@pytest.mark.parametrize("interval", [5.0, 15.0])
@pytest.mark.parametrize("lag", [5.0, 20.0, 40.0, 60.0])
async def test_samples_that_arrive_late_change_nothing_but_their_age(interval: float, lag: float) -> None:
    looking = scene(scraped(interval))
    for step in range(3):
        looking.clock.now = NOW + lag + step
        taken = await looking.take()
        assert (served(taken), taken.spans[0].alone) == (30.0, 30.0)
        assert taken.timestamp == NOW


def without_newest(count: int) -> recording.Recording:
    """Return samples of a proxy whose counters lack so many of the newest scrapes."""
    return recording.Recording(
        [
            recording.Series(one.labels, one.samples[:-count])
            if "downstream" in one.labels["__name__"]
            else one
            for one in scraped(5).series
        ]
    )


@pytest.mark.parametrize("window", [10.0, 30.0])
@pytest.mark.parametrize("late", [1, 2])
async def test_counters_that_arrive_after_the_age_of_their_process_do_not_lower_its_rate(
    window: float, late: int
) -> None:
    """Several shards of a remote write bring the series of one scrape at different times."""
    taken = await scene(without_newest(late)).take(window=window)
    assert (served(taken), taken.spans[0].alone) == (window, window)
    assert taken.spans[0].until == NOW - 5 * late


async def test_counters_that_lack_more_scrapes_have_ended() -> None:
    taken = await scene(without_newest(3)).take()
    assert (served(taken), taken.spans[0].alone, taken.spans[0].until) == (15.0, 30.0, NOW)


async def test_an_answer_that_did_not_reach_far_enough_is_not_used_because_another_has_shown_it() -> None:
    arrived = asyncio.Event()

    class Slow(recording.Backend):
        """Holds back the answer to the first plan until another snapshot was taken."""

        async def ask(self, queries: Sequence[str], *, at: float | None) -> list[recording.Answer]:
            first = not self.asked
            answers = await super().ask(queries, at=at)
            if first:
                await arrived.wait()
            return answers

    looking = Scene(Slow(scraped(5)))
    looking.clock.now += 60.0
    first = asyncio.create_task(looking.take())
    await asyncio.sleep(0)
    assert served(await looking.take()) == 30.0
    arrived.set()
    assert served(await first) == 30.0


@pytest.mark.parametrize("age", [95.0, 250.0])
@pytest.mark.parametrize("window", [30.0, 600.0])
async def test_a_newest_scrape_older_than_the_limit_is_refused_with_its_age(
    window: float, age: float
) -> None:
    looking = scene(scraped(5))
    looking.clock.now += age
    with pytest.raises(faults.Stale, match=f"are {age:.0f} s old; figures older than 90 s are not"):
        await looking.take(window=window)


async def test_a_prometheus_without_the_mesh_is_told_by_the_metric_that_is_missing() -> None:
    looking = scene(scraped(5).without("envoy_server_uptime"))
    with pytest.raises(faults.NoMesh, match=r"'envoy_server_uptime' of profile 'envoy'"):
        await looking.take()
    with pytest.raises(faults.NoMesh, match="envoy_server_uptime"):
        await looking.take("shop")


async def test_a_namespace_is_asked_for_by_the_label_that_its_targets_carry() -> None:
    moved = scraped(5)
    renamed = recording.Recording(
        [
            recording.Series(
                {{"namespace": "kubernetes_namespace"}.get(k, k): v for k, v in one.labels.items()},
                one.samples,
            )
            for one in moved.series
        ]
    )
    looking = scene(renamed)
    taken = await looking.take("shop")
    assert taken.reporters[0].namespace == "shop"
    assert any('kubernetes_namespace="shop"' in query for query in looking.backend.asked)
    assert not any('{namespace="shop"' in query for query in looking.backend.asked)


async def test_a_mesh_whose_targets_tell_no_namespace_is_asked_for_whole() -> None:
    bare = recording.Recording(
        [
            recording.Series({k: v for k, v in one.labels.items() if k != "namespace"}, one.samples)
            for one in scraped(5).series
        ]
    )
    looking = scene(bare)
    taken = await looking.take("shop")
    assert taken.reporters[0].namespace == ""
    assert not any("shop" in query for query in looking.backend.asked)


async def test_a_namespace_has_the_same_figures_asked_for_alone_and_in_the_whole() -> None:
    alone = await scene(recording.shop(taken=NOW)).take("data")
    whole = await scene(recording.shop(taken=NOW)).take()
    assert served_in(alone, "data") == served_in(whole, "data") > 0
    assert called_in(alone, "data") == called_in(whole, "data")
    assert called_in(alone, "data")


def served_in(taken: snapshot.Snapshot, namespace: str) -> float:
    calls = taken.calls[kinds.Side.SERVER]
    return sum(
        float(success + failure)
        for reporter, success, failure in zip(calls.reporter, calls.success, calls.failure, strict=True)
        if taken.reporters[reporter].namespace == namespace
    )


def called_in(taken: snapshot.Snapshot, namespace: str) -> dict[tuple[str, str], tuple[float, float]]:
    """Return successes and failures of calls into a namespace, by calling pod and called service."""
    calls = taken.calls[kinds.Side.CLIENT]
    return {
        (taken.reporters[reporter].pod, taken.peers[peer].service): (float(success), float(failure))
        for reporter, peer, success, failure in zip(
            calls.reporter, calls.peer, calls.success, calls.failure, strict=True
        )
        if taken.peers[peer].namespace == namespace
    }


async def test_what_the_backend_cannot_do_is_passed_on() -> None:
    class Down:
        async def ask(self, queries: object, *, at: float) -> list[recording.Answer]:
            raise faults.BackendDown("no")

    taker = collector.Collector(
        Down(), mesh=ENVOY, watcher=recording.Deaf(), clock=recording.Clock(), stale_after=90.0
    )
    for namespace in (None, "shop"):
        with pytest.raises(faults.BackendDown):
            await taker.take(namespace, window=30.0)


def in_cluster(of: recording.Recording, cluster: str) -> recording.Recording:
    """Return the same recording with targets that have the label `cluster`."""
    return recording.Recording(
        [recording.Series({**one.labels, "cluster": cluster}, one.samples) for one in of.series]
    )


async def test_two_clusters_are_refused_and_never_added() -> None:
    eu, us = (in_cluster(scraped(5), cluster) for cluster in ("eu", "us"))
    looking = scene(recording.Recording([*eu.series, *us.series]))
    for namespace in (None, "shop"):
        with pytest.raises(faults.SeveralClusters, match=r"2 clusters \(label cluster: eu, us\)"):
            await looking.take(namespace)
    looking.backend.recording = eu
    assert served(await looking.take()) == 30.0


async def test_a_snapshot_knows_that_the_backend_warned() -> None:
    of = scene(scraped(5))
    assert not (await of.take()).partial
    of.backend.warnings = ("a store did not answer",)
    assert (await of.take()).partial
    assert (await of.take("shop")).partial


async def test_counts_of_the_recorded_mesh_are_finite_and_add_up() -> None:
    taken = await scene(recording.shop(taken=NOW)).take()
    assert taken.interval == 5.0
    for side in kinds.Side:
        calls = taken.calls[side]
        total: counters.Floats = calls.success + calls.failure
        assert len(calls) > 5
        assert (total >= 0).all()
        assert total.sum() > 100


async def test_a_mesh_that_counts_connections_and_no_requests_says_so() -> None:
    (istio,) = [mesh for mesh in loading.shipped() if mesh.name == "istio"]
    times = [(NOW - 15.0 * step, float(step)) for step in range(4, -1, -1)]
    opened = recording.series("istio_tcp_connections_opened_total", times, job="ztunnel", instance="z")
    backend = recording.Backend(recording.Recording([opened]))
    taker = collector.Collector(
        backend, mesh=istio, watcher=recording.Deaf(), clock=recording.Clock(NOW), stale_after=90.0
    )
    with pytest.raises(faults.NoMesh, match="ambient mode without waypoints"):
        await taker.take(None, window=30.0)
