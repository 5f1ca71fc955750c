import itertools
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo import placement, shop, truth


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cart_to_db(where: placement.Placement) -> truth.Edge:
    return truth.Edge(where.pods_of(shop.CART)[0], shop.DB, shop.DB)


def edges(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    return list(report["edges"])


def test_an_edge_counts_its_requests_by_code(clock: Clock, cart_to_db: truth.Edge) -> None:
    book = truth.Truth(clock=clock)
    for code in (200, 200, 503):
        book.sent(cart_to_db, code=code, seconds=0.1, peer="db-0")
    (edge,) = edges(book.report())
    assert edge["counts"] == {"200": 2, "503": 1}
    assert edge["to"] == {"namespace": "data", "name": "db"}
    assert edge["pods"] == {"db-0": 3}


def test_a_span_has_its_first_moment_and_not_its_last(clock: Clock, cart_to_db: truth.Edge) -> None:
    book = truth.Truth(clock=clock)
    for clock.now in (1.0, 2.0, 3.0):
        book.sent(cart_to_db, code=200, seconds=clock.now)
    (edge,) = edges(book.report(since=1.0, until=3.0))
    assert edge["counts"] == {"200": 2}


def test_neighbouring_spans_share_no_request_and_lose_none(clock: Clock, cart_to_db: truth.Edge) -> None:
    book = truth.Truth(clock=clock)
    for clock.now in range(10):
        book.sent(cart_to_db, code=200, seconds=0.1)
    spans = itertools.pairwise((0.0, 3.0, 7.0, 10.0))
    counts = [edges(book.report(since=a, until=b))[0]["counts"] for a, b in spans]
    assert counts == [{"200": 3}, {"200": 4}, {"200": 3}]


def test_an_edge_without_requests_in_the_span_is_left_out(clock: Clock, cart_to_db: truth.Edge) -> None:
    book = truth.Truth(clock=clock)
    book.sent(cart_to_db, code=200, seconds=0.1)
    assert edges(book.report(since=clock.now + 1)) == []


def test_counts_since_the_start_outlive_the_single_requests(clock: Clock, cart_to_db: truth.Edge) -> None:
    book = truth.Truth(clock=clock, keep=60.0)
    for _ in range(5):
        book.sent(cart_to_db, code=200, seconds=0.1)
    clock.now += 61.0
    book.sent(cart_to_db, code=503, seconds=0.2)
    (edge,) = edges(book.report())
    assert edge["counts"] == {"200": 5, "503": 1}
    assert edge["latency"] == {"p50": 0.2, "p90": 0.2, "p99": 0.2}


def test_the_two_choices_of_a_split_are_two_edges(clock: Clock, where: placement.Placement) -> None:
    book = truth.Truth(clock=clock)
    caller = where.pods_of(shop.FRONTEND)[0]
    for chosen in (shop.CATALOG_V1, shop.CATALOG_V2):
        book.sent(truth.Edge(caller, shop.CATALOG, chosen), code=200, seconds=0.1)
    assert [edge["chosen"] for edge in edges(book.report())] == [
        {"namespace": "shop", "name": "catalog-v1"},
        {"namespace": "shop", "name": "catalog-v2"},
    ]


def test_the_outside_is_a_caller_without_a_pod(clock: Clock) -> None:
    book = truth.Truth(clock=clock)
    book.sent(truth.Edge(None, shop.GATEWAY, shop.GATEWAY), code=200, seconds=0.1)
    (edge,) = edges(book.report())
    assert edge["from"] == {"kind": "outside", "namespace": "", "name": "outside", "pod": ""}


def test_what_was_received_is_told_by_pod(clock: Clock, where: placement.Placement) -> None:
    book = truth.Truth(clock=clock)
    book.received(where.pods_of(shop.DB)[1], code=200, seconds=0.1)
    (row,) = book.report()["received"]
    assert row["by"] == {"kind": "StatefulSet", "namespace": "data", "name": "db", "pod": "db-1"}


def test_no_samples_have_no_quantiles() -> None:
    assert truth.latency([]) == {}


def test_quantiles_lie_between_the_nearest_ranks() -> None:
    assert truth.quantile([1.0, 2.0, 3.0, 4.0], 0.5) == 2.5
    assert truth.quantile([1.0, 2.0, 3.0, 4.0, 5.0], 0.9) == pytest.approx(4.6)
    assert truth.quantile([7.0], 0.99) == 7.0


@given(st.lists(st.floats(min_value=0, max_value=1e6), min_size=1))
def test_quantiles_are_ordered_and_within_the_samples(samples: list[float]) -> None:
    ordered = sorted(samples)
    found = [truth.quantile(ordered, q) for q in (0.0, 0.5, 0.9, 0.99, 1.0)]
    assert found == sorted(found)
    assert (found[0], found[-1]) == (ordered[0], ordered[-1])


def test_ledgers_of_several_places_make_one_truth(where: placement.Placement, clock: Clock) -> None:
    callers = [where.pods_of(shop.CART)[0], where.pods_of(shop.FRONTEND)[0]]
    books = [truth.Truth(clock=clock) for _ in callers]
    for book, pod in zip(books, callers, strict=True):
        book.sent(truth.Edge(pod, shop.DB, shop.DB), code=200, seconds=0.1)
        book.received(pod, code=200, seconds=0.2)
    whole = truth.together([book.report() for book in books])
    assert [row["from"]["pod"] for row in whole["edges"]] == sorted(pod.name for pod in callers)
    assert {row["by"]["pod"] for row in whole["received"]} == {pod.name for pod in callers}
