"""Many viewers at once cause one request to the API; after a failure the last good graph stays."""

import concurrent.futures
import contextlib
import datetime as dt
from collections.abc import Iterator

import pytest

from dashboard.client import api, faults
from dashboard.web import feed, state
from tests.fakes import traffic_api

_QUESTION = state.GraphRequest()


class _Clock:
    def __init__(self) -> None:
        self.now = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)

    def __call__(self) -> dt.datetime:
        return self.now

    def uptime(self) -> float:
        return self.now.timestamp()

    def pass_seconds(self, seconds: float) -> None:
        self.now += dt.timedelta(seconds=seconds)


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def source(client: api.TrafficApi, clock: _Clock) -> Iterator[feed.Feed]:
    with contextlib.closing(feed.Feed(client, now=clock, uptime=clock.uptime)) as opened:
        yield opened


def test_a_reading_costs_two_requests_and_serves_until_it_is_too_old(
    source: feed.Feed, fake: traffic_api.FakeTrafficApi, clock: _Clock
) -> None:
    source.read(_QUESTION, max_age=5)
    clock.pass_seconds(4.9)
    source.read(_QUESTION, max_age=5)
    assert fake.requests.total() == 2
    clock.pass_seconds(0.1)
    source.read(_QUESTION, max_age=5)
    assert fake.requests.total() == 4


def test_many_browsers_at_once_cost_one_reading(source: feed.Feed, fake: traffic_api.FakeTrafficApi) -> None:
    with concurrent.futures.ThreadPoolExecutor(12) as browsers:
        readings = list(browsers.map(lambda _: source.read(_QUESTION, max_age=5), range(48)))
    assert fake.requests.total() == 2
    assert all(reading is readings[0] for reading in readings)


def test_different_questions_are_asked_separately(
    source: feed.Feed, fake: traffic_api.FakeTrafficApi
) -> None:
    source.read(_QUESTION, max_age=5)
    source.read(state.GraphRequest(window="5m"), max_age=5)
    assert fake.requests.total() == 4


def test_chosen_namespaces_are_read_one_by_one_and_make_the_same_graph(source: feed.Feed) -> None:
    everywhere = source.read(_QUESTION, max_age=5).graph
    chosen = source.read(state.GraphRequest(namespaces=("data", "shop")), max_age=5).graph
    assert chosen == everywhere


def test_one_namespace_shows_its_neighbours_too(source: feed.Feed) -> None:
    graph = source.read(state.GraphRequest(namespaces=("data",)), max_age=5).graph
    assert graph is not None
    assert "Deployment/shop/cart>StatefulSet/data/db" in graph.edges
    assert "Deployment/shop/payments" in graph.nodes
    assert "Deployment/shop/frontend" not in graph.nodes


def test_a_failure_keeps_the_last_good_graph_and_says_since_when(
    source: feed.Feed, fake: traffic_api.FakeTrafficApi, clock: _Clock
) -> None:
    good = source.read(_QUESTION, max_age=5)
    fake.mode = "unavailable"
    clock.pass_seconds(10)
    stale = source.read(_QUESTION, max_age=5)
    assert isinstance(stale.fault, faults.Failed)
    assert stale.graph is good.graph
    assert stale.succeeded_at == good.requested_at
    fake.mode = "well"
    clock.pass_seconds(10)
    assert source.read(_QUESTION, max_age=5).fault is None


def test_a_failing_api_is_not_asked_more_often_than_a_good_one(
    source: feed.Feed, fake: traffic_api.FakeTrafficApi
) -> None:
    fake.mode = "unavailable"
    for _ in range(5):
        assert source.read(_QUESTION, max_age=5).graph is None
    assert fake.requests.total() == 2


def test_while_the_api_hangs_others_get_the_last_reading_at_once(
    source: feed.Feed, fake: traffic_api.FakeTrafficApi, clock: _Clock
) -> None:
    good = source.read(_QUESTION, max_age=5)
    fake.mode = "hanging"
    clock.pass_seconds(10)
    with concurrent.futures.ThreadPoolExecutor(1) as browser:
        waiting = browser.submit(source.read, _QUESTION, max_age=5)
        fake.arrived(4)
        assert source.read(_QUESTION, max_age=5) is good
        fake.release()
        assert waiting.result(10).fault is None


def test_namespaces_that_were_seen_can_be_chosen(source: feed.Feed) -> None:
    assert source.namespaces == []
    source.read(_QUESTION, max_age=5)
    assert source.namespaces == ["data", "shop"]
