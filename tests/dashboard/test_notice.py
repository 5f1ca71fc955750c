"""An empty or stale page says why it is so, and what to do."""

import datetime as dt

import pytest

from dashboard.client import faults
from dashboard.graph import build, model
from dashboard.web import feed, notice, state
from tests.dashboard import golden_lists

_EMPTY = build.build([], [])
_USUAL = state.State()


def _reading(graph: model.Graph | None, fault: faults.Fault | None = None) -> feed.Reading:
    return feed.Reading(
        graph=graph,
        fault=fault,
        requested_at=golden_lists.NOON + dt.timedelta(seconds=10),
        succeeded_at=golden_lists.NOON if graph else None,
    )


def _about(reading: feed.Reading, seen: state.State = _USUAL) -> notice.Notice:
    said = notice.about(reading, seen)
    assert said is not None
    return said


def test_a_fresh_graph_with_traffic_needs_no_words() -> None:
    assert notice.about(_reading(golden_lists.graph()), _USUAL) is None


@pytest.mark.parametrize(
    ("fault", "title"),
    [
        (faults.Unreachable("No route."), "The API cannot be reached"),
        (faults.Denied("No rights."), "The API refuses the request"),
        (faults.NotServed("Nobody there."), "The TrafficMetrics API is not available"),
        (faults.Unconfigured("No context."), "The dashboard's configuration has a mistake"),
        (faults.Failed("Prometheus is down."), "The API returned an error"),
    ],
)
def test_every_fault_has_a_title_and_keeps_its_own_words(fault: faults.Fault, title: str) -> None:
    said = _about(_reading(None, fault))
    assert (said.title, said.text, said.covers, said.fault) == (title, str(fault), True, True)


def test_a_stale_graph_stays_and_says_since_when_and_why() -> None:
    said = _about(_reading(golden_lists.graph(), faults.Failed("Prometheus is down.")))
    assert said.title == "Stale since 12:00:00 UTC"
    assert said.text == "The API returned an error: Prometheus is down."
    assert not said.covers


def test_an_empty_mesh_offers_a_wider_window_and_where_to_look() -> None:
    said = _about(_reading(_EMPTY))
    assert said.title == "No traffic in the last 30s"
    assert "scrapes the proxies of the mesh" in said.text
    assert (said.widen, said.clear) == (True, False)


def test_a_filter_that_hides_everything_is_named_and_can_be_cleared() -> None:
    said = _about(_reading(_EMPTY), state.State(namespaces=("nowhere",)))
    assert said.title == "No traffic in nowhere"
    assert said.clear


def test_the_widest_window_cannot_be_widened() -> None:
    assert not _about(_reading(_EMPTY), state.State(window="15m")).widen
    assert notice.wider(state.State(window="15m")) == "15m"
    assert notice.wider(_USUAL) == "1m"


def test_an_idle_mesh_is_shown_beneath_its_notice() -> None:
    said = _about(_reading(golden_lists.idle_graph()))
    assert (said.title, said.covers) == ("No requests in the last 30s", False)


@pytest.mark.parametrize(("used", "words"), [(30.0, "30s"), (60.0, "1m (30s requested)"), (0.0, "30s")])
def test_a_window_the_server_widened_is_said(used: float, words: str) -> None:
    assert notice.window_text(_USUAL, used) == words
