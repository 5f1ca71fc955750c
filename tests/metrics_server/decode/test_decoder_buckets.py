"""Latency buckets are in the row of their calls; an unknown bucket is not guessed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.metrics_server import recording, scraped


def test_buckets_stand_beside_their_row_in_seconds() -> None:
    a = scraped.Proxy()
    taken = scraped.read(*a.itself(), a.calls(4), *a.buckets(("0.5", 1), ("250", 3), ("+Inf", 4)))
    assert taken.bounds.tolist() == pytest.approx([0.0005, 0.25, math.inf])
    assert scraped.client(taken).buckets.tolist() == [[6, 18, 24]]


def test_one_bound_spelled_in_two_ways_is_one_bound() -> None:
    a, b = scraped.Proxy(), scraped.Proxy("b", instance="127.0.0.1:2")
    taken = scraped.read(
        *a.itself(), *b.itself(), a.calls(4), b.calls(4), *a.buckets(("1", 1), ("+Inf", 2)),
        *b.buckets(("1.0", 3), ("+Inf", 4)),
    )  # fmt: skip
    assert taken.bounds.tolist() == pytest.approx([0.001, math.inf])
    assert scraped.client(taken).buckets.tolist() == [[6, 12], [18, 24]]


def test_one_row_with_both_spellings_adds_them() -> None:
    a = scraped.Proxy()
    taken = scraped.read(*a.itself(), a.calls(4), *a.buckets(("1", 1), ("1.0", 3), ("+Inf", 4)))
    assert scraped.client(taken).buckets.tolist() == [[24, 24]]


def test_a_bound_that_a_row_does_not_have_is_not_known_there() -> None:
    a, b = scraped.Proxy(), scraped.Proxy("b", instance="127.0.0.1:2")
    taken = scraped.read(
        *a.itself(), *b.itself(), a.calls(4), b.calls(4), *a.buckets(("1", 1), ("5", 2), ("+Inf", 2)),
        *b.buckets(("5", 3), ("+Inf", 4)),
    )  # fmt: skip
    np.testing.assert_array_equal(scraped.client(taken).buckets, [[6, 12, 12], [math.nan, 18, 24]])


def test_a_row_without_buckets_has_none_beside_one_that_has() -> None:
    a, b = scraped.Proxy(), scraped.Proxy("b", instance="127.0.0.1:2")
    taken = scraped.read(*a.itself(), *b.itself(), a.calls(4), b.calls(4), *b.buckets(("5", 3), ("+Inf", 4)))
    assert scraped.client(taken).buckets.tolist() == [[0, 0], [18, 24]]


@pytest.mark.parametrize("bad", ["NaN", "Inf", "-Inf"])
def test_a_bucket_that_is_no_number_is_not_known(bad: str) -> None:
    a = scraped.Proxy()
    counters, buckets = scraped.ask(*a.itself(), a.calls(4), *a.buckets(("1", 1), ("5", 2), ("+Inf", 2)))
    buckets[0]["value"][1] = bad
    np.testing.assert_array_equal(
        scraped.client(scraped.decode(counters, buckets)).buckets, [[math.nan, 12, 12]]
    )


def test_a_bound_that_is_no_number_is_left_out() -> None:
    a = scraped.Proxy()
    counters, buckets = scraped.ask(*a.itself(), a.calls(4), *a.buckets(("1", 1), ("+Inf", 2)))
    for one in buckets:
        one["metric"]["le"] = {"1": "wide"}.get(one["metric"]["le"], one["metric"]["le"])
    taken = scraped.decode(counters, buckets)
    assert taken.bounds.tolist() == [math.inf]
    assert scraped.client(taken).buckets.tolist() == [[12]]


def test_buckets_of_what_does_not_count_are_left_out() -> None:
    a, stranger = scraped.Proxy(), scraped.Proxy("stranger", instance="127.0.0.1:9")
    counters, _ = scraped.ask(*a.itself(), a.calls(4))
    stray = recording.Recording(
        [*a.buckets(("+Inf", 1), peer="local_app"), *stranger.buckets(("+Inf", 1)), a.receives(1)]
    ).ask('{pod!=""}', at=scraped.NOW)
    asked = {"instance", "namespace", "pod", "envoy_cluster_name", "envoy_http_conn_manager_prefix", "le"}
    for one in stray:
        one["metric"] = {label: value for label, value in one["metric"].items() if label in asked}
    taken = scraped.decode(counters, stray)
    assert taken.bounds.tolist() in ([], [math.inf])
    assert not scraped.client(taken).buckets.any()
