"""Hand-made answers of Prometheus, and the snapshots they are."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from metrics_server import decoding, plan, profile, snapshot, targets, words
from tests.metrics_server import recording

(ENVOY,) = [mesh for mesh in profile.shipped() if mesh.name == "envoy"]
NOW, WINDOW = 1000.0, 30.0
TIMES = [965.0, 970.0, 975.0, 980.0, 985.0, 990.0, 995.0, 1000.0]
CART = "outbound|8080||cart.shop.svc.cluster.local"


@dataclasses.dataclass(frozen=True, slots=True)
class Proxy:
    """The series of one scrape target; every counter grows by its amount from scrape to scrape."""

    pod: str = "a"
    job: str = "envoy"
    instance: str = "127.0.0.1:1"
    namespace: str = "shop"
    begun: float = 0.0

    @property
    def labels(self) -> dict[str, str]:
        return {"job": self.job, "instance": self.instance, "namespace": self.namespace, "pod": self.pod}

    def series(self, name: str, values: list[float], **labels: str) -> recording.Series:
        return recording.series(
            name, zip(TIMES[-len(values) :], values, strict=True), **self.labels, **labels
        )

    def itself(self) -> list[recording.Series]:
        return [
            self.series(plan.UP, [1.0] * len(TIMES)),
            self.series("envoy_server_uptime", [t - self.begun for t in TIMES]),
        ]

    def growing(self, name: str, by: float, **labels: str) -> recording.Series:
        return self.series(name, [100 + by * step for step in range(len(TIMES))], **labels)

    def calls(self, by: float, *, code: str = "2", peer: str = CART) -> recording.Series:
        return self.growing(
            "envoy_cluster_upstream_rq_xx", by, envoy_cluster_name=peer, envoy_response_code_class=code
        )

    def receives(self, by: float, *, code: str = "2", listener: str = "inbound_8080") -> recording.Series:
        return self.growing(
            "envoy_http_downstream_rq_xx",
            by,
            envoy_http_conn_manager_prefix=listener,
            envoy_response_code_class=code,
        )

    def buckets(self, *counts: tuple[str, float], peer: str = CART) -> list[recording.Series]:
        return [
            self.growing("envoy_cluster_upstream_rq_time_bucket", by, envoy_cluster_name=peer, le=le)
            for le, by in counts
        ]


def ask(*series: recording.Series) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What Prometheus answers to the plan for the whole mesh."""
    asked = plan.make(ENVOY, scope=plan.Scope(), window=WINDOW, before=10.0)
    recorded = recording.Recording(series)
    assert asked.buckets is not None
    counters = [one for query in asked.counters for one in recorded.ask(query, at=NOW)]
    return counters, recorded.ask(asked.buckets, at=NOW)


def read(*series: recording.Series, mesh: profile.Profile = ENVOY) -> snapshot.Snapshot:
    counters, buckets = ask(*series)
    return decode(counters, buckets, mesh=mesh)


def decode(
    counters: list[dict[str, Any]], buckets: list[dict[str, Any]], *, mesh: profile.Profile = ENVOY
) -> snapshot.Snapshot:
    return decoding.read(
        counters, buckets, proxies=targets.find(counters, mesh), taken=NOW, window=WINDOW, interval=5.0
    )


def client(taken: snapshot.Snapshot) -> snapshot.Calls:
    return taken.calls[words.Side.CLIENT]


def server(taken: snapshot.Snapshot) -> snapshot.Calls:
    return taken.calls[words.Side.SERVER]


def test_calls_are_sorted_to_reporter_peer_and_outcome() -> None:
    a, b = Proxy("a"), Proxy("b", instance="127.0.0.1:2")
    taken = read(
        *a.itself(),
        *b.itself(),
        a.calls(3),
        a.calls(1, code="5"),
        a.calls(2, code="4"),
        b.calls(7, peer="db"),
    )
    assert [one.pod for one in taken.reporters] == ["a", "b"]
    assert taken.peers == (
        snapshot.Peer(namespace="shop", service="cart"),
        snapshot.Peer(namespace="shop", name="db"),
    )
    calls = client(taken)
    assert (calls.reporter.tolist(), calls.peer.tolist()) == ([0, 1], [0, 1])
    assert (calls.success.tolist(), calls.failure.tolist()) == ([6 * (3 + 2), 6 * 7], [6, 0])
    assert len(server(taken)) == 0
    assert (taken.timestamp, taken.taken, taken.window) == (1000.0, NOW, WINDOW)
    assert [mesh.profile for mesh in taken.meshes] == ["envoy"]


def test_what_is_received_has_no_peer() -> None:
    a = Proxy()
    taken = read(*a.itself(), a.receives(2), a.receives(1, code="5"))
    calls = server(taken)
    assert (calls.reporter.tolist(), calls.peer.tolist()) == ([0], [-1])
    assert (calls.success.tolist(), calls.failure.tolist()) == ([12], [6])


@pytest.mark.parametrize("listener", ["admin", "metrics", "outbound_8080"])
def test_a_listener_that_is_not_the_workloads_own_does_not_count(listener: str) -> None:
    a = Proxy()
    assert len(server(read(*a.itself(), a.receives(2, listener=listener)))) == 0


def test_even_where_the_backend_hands_out_more_than_asked_only_what_matches_counts() -> None:
    a = Proxy()
    counters, _ = ask(*a.itself())
    counters += recording.Recording([a.receives(2, listener="admin"), a.calls(3, peer="local_app")]).ask(
        '{pod="a"}[60s]', at=NOW
    )
    taken = decode(counters, [])
    assert len(server(taken)) == len(client(taken)) == 0


def test_who_is_named_on_requests_alone_is_known_as_long_as_the_target_that_told_of_it() -> None:
    unnamed = Proxy("")
    told = unnamed.growing(
        "envoy_cluster_upstream_rq_xx",
        3,
        external_workload="vm",
        envoy_cluster_name=CART,
        envoy_response_code_class="2",
    )
    taken = read(*unnamed.itself(), told)
    (reporter,) = client(taken).reporter.tolist()
    assert taken.reporters[reporter].machine == "vm"
    assert taken.spans[reporter].seconds == WINDOW
    assert client(taken).success.tolist() == [18]


def test_several_listeners_of_one_proxy_add_up() -> None:
    a = Proxy()
    taken = read(*a.itself(), a.receives(2), a.receives(3, listener="inbound_9090"))
    assert server(taken).success.tolist() == [30]


def test_an_idle_proxy_is_a_row_of_zeros_without_latency() -> None:
    a = Proxy()
    taken = read(*a.itself(), a.receives(0))
    assert server(taken).success.tolist() == [0]
    assert not server(taken).buckets.any()


def test_a_proxy_without_traffic_series_is_still_a_reporter() -> None:
    assert [one.pod for one in read(*Proxy().itself()).reporters] == ["a"]


def test_a_target_that_is_no_proxy_is_none_and_its_series_do_not_count() -> None:
    a, other = Proxy(), Proxy("other", instance="127.0.0.1:9")
    taken = read(*a.itself(), other.itself()[0], other.calls(5))
    assert [one.pod for one in taken.reporters] == ["a"]
    assert len(client(taken)) == 0


def test_the_same_process_scraped_by_two_jobs_counts_once() -> None:
    one, two = Proxy(begun=500), Proxy(begun=502, job="other")
    taken = read(*one.itself(), *two.itself(), one.calls(3), two.calls(3))
    assert len(taken.reporters) == 1
    assert client(taken).success.tolist() == [18]


def test_two_processes_of_one_pod_both_count() -> None:
    one, two = Proxy(begun=500), Proxy(begun=502, job="other", instance="127.0.0.1:2")
    taken = read(*one.itself(), *two.itself(), one.calls(3), two.calls(2))
    assert client(taken).success.tolist() == [30]


def test_a_series_that_reports_no_number_is_not_known() -> None:
    a = Proxy()
    taken = read(*a.itself(), a.calls(math.nan), a.calls(1, code="5"))
    assert (client(taken).success.tolist(), client(taken).failure.tolist()) == ([0], [6])


def test_a_series_that_ended_before_the_window_is_no_row() -> None:
    a = Proxy()
    ended = recording.series(
        "envoy_cluster_upstream_rq_xx", [(965.0, 5.0)], envoy_cluster_name=CART, **a.labels
    )
    assert len(client(read(*a.itself(), ended))) == 0


# Buckets


def test_buckets_stand_beside_their_row_in_seconds() -> None:
    a = Proxy()
    taken = read(*a.itself(), a.calls(4), *a.buckets(("0.5", 1), ("250", 3), ("+Inf", 4)))
    assert taken.bounds.tolist() == pytest.approx([0.0005, 0.25, math.inf])
    assert client(taken).buckets.tolist() == [[6, 18, 24]]


def test_one_bound_spelled_in_two_ways_is_one_bound() -> None:
    a, b = Proxy(), Proxy("b", instance="127.0.0.1:2")
    taken = read(
        *a.itself(), *b.itself(), a.calls(4), b.calls(4), *a.buckets(("1", 1), ("+Inf", 2)),
        *b.buckets(("1.0", 3), ("+Inf", 4)),
    )  # fmt: skip
    assert taken.bounds.tolist() == pytest.approx([0.001, math.inf])
    assert client(taken).buckets.tolist() == [[6, 12], [18, 24]]


def test_one_row_with_both_spellings_adds_them() -> None:
    a = Proxy()
    taken = read(*a.itself(), a.calls(4), *a.buckets(("1", 1), ("1.0", 3), ("+Inf", 4)))
    assert client(taken).buckets.tolist() == [[24, 24]]


def test_a_bound_that_a_row_does_not_have_is_not_known_there() -> None:
    a, b = Proxy(), Proxy("b", instance="127.0.0.1:2")
    taken = read(
        *a.itself(), *b.itself(), a.calls(4), b.calls(4), *a.buckets(("1", 1), ("5", 2), ("+Inf", 2)),
        *b.buckets(("5", 3), ("+Inf", 4)),
    )  # fmt: skip
    np.testing.assert_array_equal(client(taken).buckets, [[6, 12, 12], [math.nan, 18, 24]])


def test_a_row_without_buckets_has_none_beside_one_that_has() -> None:
    a, b = Proxy(), Proxy("b", instance="127.0.0.1:2")
    taken = read(*a.itself(), *b.itself(), a.calls(4), b.calls(4), *b.buckets(("5", 3), ("+Inf", 4)))
    assert client(taken).buckets.tolist() == [[0, 0], [18, 24]]


@pytest.mark.parametrize("bad", ["NaN", "Inf", "-Inf"])
def test_a_bucket_that_is_no_number_is_not_known(bad: str) -> None:
    a = Proxy()
    counters, buckets = ask(*a.itself(), a.calls(4), *a.buckets(("1", 1), ("5", 2), ("+Inf", 2)))
    buckets[0]["value"][1] = bad
    np.testing.assert_array_equal(client(decode(counters, buckets)).buckets, [[math.nan, 12, 12]])


def test_a_bound_that_is_no_number_is_left_out() -> None:
    a = Proxy()
    counters, buckets = ask(*a.itself(), a.calls(4), *a.buckets(("1", 1), ("+Inf", 2)))
    for one in buckets:
        one["metric"]["le"] = {"1": "wide"}.get(one["metric"]["le"], one["metric"]["le"])
    taken = decode(counters, buckets)
    assert taken.bounds.tolist() == [math.inf]
    assert client(taken).buckets.tolist() == [[12]]


def test_buckets_of_what_does_not_count_are_left_out() -> None:
    a, stranger = Proxy(), Proxy("stranger", instance="127.0.0.1:9")
    counters, _ = ask(*a.itself(), a.calls(4))
    stray = recording.Recording(
        [*a.buckets(("+Inf", 1), peer="local_app"), *stranger.buckets(("+Inf", 1)), a.receives(1)]
    ).ask('{pod!=""}', at=NOW)
    for one in stray:
        del one["metric"]["__name__"]
    taken = decode(counters, stray)
    assert taken.bounds.tolist() in ([], [math.inf])
    assert not client(taken).buckets.any()


def test_an_answer_without_anything_is_an_empty_snapshot() -> None:
    taken = decode([], [])
    assert (taken.reporters, taken.peers) == ((), ())
    assert all(len(taken.calls[side]) == 0 for side in words.Side)
    assert taken.timestamp == -math.inf


def test_whether_silence_means_nothing_or_not_known_is_the_profiles_word() -> None:
    (mesh,) = read(*Proxy().itself()).meshes
    told = mesh.told_from_start
    assert told == {words.Side.CLIENT: False, words.Side.SERVER: True}


def test_silence_on_a_side_of_which_the_mesh_never_tells_means_not_known() -> None:
    mesh = ENVOY.model_copy(update={"views": ENVOY.views[:1]})
    counters, _ = ask(*Proxy().itself())
    proxies = targets.find(counters, mesh)
    (worth,) = decoding.read(counters, [], proxies=proxies, taken=NOW, window=30.0, interval=5.0).meshes
    assert worth.told_from_start == {words.Side.CLIENT: False, words.Side.SERVER: True}


# Targets


def test_targets_tell_the_interval_and_the_newest_scrape() -> None:
    counters, _ = ask(*Proxy().itself(), *Proxy("b", instance="127.0.0.1:2").itself())
    found = targets.find(counters, ENVOY)
    assert (found.interval, found.newest, len(found.found)) == (5.0, 1000.0, 2)
    assert found.numbers == {("envoy", "127.0.0.1:1"): 0, ("envoy", "127.0.0.1:2"): 1}


def test_a_target_scraped_once_tells_no_interval() -> None:
    counters = recording.Recording(
        [recording.series("envoy_server_uptime", [(1000.0, 5.0)], **Proxy().labels)]
    ).ask("envoy_server_uptime[30s]", at=NOW)
    found = targets.find(counters, ENVOY)
    assert (found.interval, found.newest) == (None, 1000.0)
    assert not np.isfinite(found.known.scraped).any()


@pytest.mark.parametrize(
    ("up", "first"),
    [
        ([(965.0, 1.0), (970.0, 0.0), (975.0, 1.0)], 965.0),
        ([(965.0, 0.0), (970.0, 0.0), (975.0, 1.0), (980.0, 1.0)], 975.0),
        ([(975.0, 0.0)], np.inf),
        ([], np.inf),
    ],
)
def test_a_target_is_known_since_its_first_scrape_that_succeeded(
    up: list[tuple[float, float]], first: float
) -> None:
    a = Proxy()
    counters = recording.Recording([recording.series("up", up, **a.labels), *a.itself()[1:]]).ask(
        '{pod="a"}[60s]', at=NOW
    )
    assert targets.find(counters, ENVOY).known.scraped.tolist() == [first]


def test_an_age_that_is_no_number_says_nothing() -> None:
    a = Proxy()
    series = recording.series("envoy_server_uptime", [(990.0, math.nan), (995.0, 5.0)], **a.labels)
    counters = recording.Recording([series]).ask('{pod="a"}[60s]', at=NOW)
    assert targets.find(counters, ENVOY).known.starts == ((990.0,),)


def test_a_profile_may_tell_the_start_instead_of_the_age() -> None:
    mesh = ENVOY.model_copy(update={"process": profile.Process(metric="began", tells="start", unit="ms")})
    a = Proxy()
    series = recording.series("began", [(990.0, 800_000.0), (995.0, 800_000.0)], **a.labels)
    counters = recording.Recording([series]).ask('{pod="a"}[60s]', at=NOW)
    assert targets.find(counters, mesh).known.starts == ((800.0,),)
