"""Hand-made answers of Prometheus, and the snapshots that the decoder makes of them."""

from __future__ import annotations

import math

import pytest

from metrics_server.decode import decoder, targets
from metrics_server.model import kinds, snapshot
from tests.metrics_server import recording, scraped


def test_calls_are_sorted_to_reporter_peer_and_outcome() -> None:
    a, b = scraped.Proxy("a"), scraped.Proxy("b", instance="127.0.0.1:2")
    taken = scraped.read(
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
        snapshot.Peer(namespace="shop", name="db", scope=snapshot.NameScope(snapshot.NO_MESH, False)),
    )
    calls = scraped.client(taken)
    assert (calls.reporter.tolist(), calls.peer.tolist()) == ([0, 1], [0, 1])
    assert (calls.success.tolist(), calls.failure.tolist()) == ([6 * (3 + 2), 6 * 7], [6, 0])
    assert len(scraped.server(taken)) == 0
    assert (taken.timestamp, taken.taken, taken.window) == (1000.0, scraped.NOW, scraped.WINDOW)
    assert [mesh.profile for mesh in taken.meshes] == ["envoy"]


def test_what_is_received_has_no_peer() -> None:
    a = scraped.Proxy()
    taken = scraped.read(*a.itself(), a.receives(2), a.receives(1, code="5"))
    calls = scraped.server(taken)
    assert (calls.reporter.tolist(), calls.peer.tolist()) == ([0], [-1])
    assert (calls.success.tolist(), calls.failure.tolist()) == ([12], [6])


@pytest.mark.parametrize("listener", ["admin", "metrics", "outbound_8080"])
def test_a_listener_that_is_not_the_workloads_own_does_not_count(listener: str) -> None:
    a = scraped.Proxy()
    assert len(scraped.server(scraped.read(*a.itself(), a.receives(2, listener=listener)))) == 0


def test_even_where_the_backend_hands_out_more_than_asked_only_what_matches_counts() -> None:
    a = scraped.Proxy()
    counters, _ = scraped.ask(*a.itself())
    counters += recording.Recording([a.receives(2, listener="admin"), a.calls(3, peer="local_app")]).ask(
        '{pod="a"}[60s]', at=scraped.NOW
    )
    taken = scraped.decode(counters, [])
    assert len(scraped.server(taken)) == len(scraped.client(taken)) == 0


def test_who_is_named_on_requests_alone_is_known_as_long_as_the_target_that_told_of_it() -> None:
    unnamed = scraped.Proxy("")
    reply = unnamed.growing(
        "envoy_cluster_upstream_rq_xx",
        3,
        external_workload="vm",
        envoy_cluster_name=scraped.CART,
        envoy_response_code_class="2",
    )
    taken = scraped.read(*unnamed.itself(), reply)
    (reporter,) = scraped.client(taken).reporter.tolist()
    assert taken.reporters[reporter].machine == "vm"
    assert taken.spans[reporter].seconds == scraped.WINDOW
    assert scraped.client(taken).success.tolist() == [18]


def test_several_listeners_of_one_proxy_add_up() -> None:
    a = scraped.Proxy()
    taken = scraped.read(*a.itself(), a.receives(2), a.receives(3, listener="inbound_9090"))
    assert scraped.server(taken).success.tolist() == [30]


def test_an_idle_proxy_is_a_row_of_zeros_without_latency() -> None:
    a = scraped.Proxy()
    taken = scraped.read(*a.itself(), a.receives(0))
    assert scraped.server(taken).success.tolist() == [0]
    assert not scraped.server(taken).buckets.any()


def test_a_proxy_without_traffic_series_is_still_a_reporter() -> None:
    assert [one.pod for one in scraped.read(*scraped.Proxy().itself()).reporters] == ["a"]


def test_a_target_that_is_no_proxy_is_none_and_its_series_do_not_count() -> None:
    a, other = scraped.Proxy(), scraped.Proxy("other", instance="127.0.0.1:9")
    taken = scraped.read(*a.itself(), other.itself()[0], other.calls(5))
    assert [one.pod for one in taken.reporters] == ["a"]
    assert len(scraped.client(taken)) == 0


def test_the_same_process_scraped_by_two_jobs_counts_once() -> None:
    one, two = scraped.Proxy(begun=500), scraped.Proxy(begun=502, job="other")
    taken = scraped.read(*one.itself(), *two.itself(), one.calls(3), two.calls(3))
    assert len(taken.reporters) == 1
    assert scraped.client(taken).success.tolist() == [18]


def test_two_processes_of_one_pod_both_count() -> None:
    one, two = scraped.Proxy(begun=500), scraped.Proxy(begun=502, job="other", instance="127.0.0.1:2")
    taken = scraped.read(*one.itself(), *two.itself(), one.calls(3), two.calls(2))
    assert scraped.client(taken).success.tolist() == [30]


def test_a_series_that_reports_no_number_is_not_known() -> None:
    a = scraped.Proxy()
    taken = scraped.read(*a.itself(), a.calls(math.nan), a.calls(1, code="5"))
    assert (scraped.client(taken).success.tolist(), scraped.client(taken).failure.tolist()) == ([0], [6])


def test_a_series_that_ended_before_the_window_is_no_row() -> None:
    a = scraped.Proxy()
    ended = recording.series(
        "envoy_cluster_upstream_rq_xx", [(965.0, 5.0)], envoy_cluster_name=scraped.CART, **a.labels
    )
    assert len(scraped.client(scraped.read(*a.itself(), ended))) == 0


def test_an_answer_without_anything_is_an_empty_snapshot() -> None:
    taken = scraped.decode([], [])
    assert (taken.reporters, taken.peers) == ((), ())
    assert all(len(taken.calls[side]) == 0 for side in kinds.Side)
    assert taken.timestamp == -math.inf


def test_whether_silence_means_nothing_or_not_known_is_the_profiles_word() -> None:
    (mesh,) = scraped.read(*scraped.Proxy().itself()).meshes
    reply = mesh.counted_from_start
    assert reply == {kinds.Side.CLIENT: False, kinds.Side.SERVER: True}


def test_silence_on_a_side_of_which_the_mesh_never_tells_means_not_known() -> None:
    mesh = scraped.ENVOY.model_copy(update={"views": scraped.ENVOY.views[:1]})
    counters, _ = scraped.ask(*scraped.Proxy().itself())
    proxies = targets.find(counters, mesh)
    (worth,) = decoder.read(
        counters, [], proxies=proxies, taken=scraped.NOW, window=30.0, interval=5.0
    ).meshes
    assert worth.counted_from_start == {kinds.Side.CLIENT: False, kinds.Side.SERVER: True}
