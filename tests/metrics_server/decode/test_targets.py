"""The samples of a proxy show which part of the window is covered, and its scrape interval."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from metrics_server.decode import reporters, targets
from metrics_server.model import snapshot
from metrics_server.profiles import schema
from tests.metrics_server import recording, scraped

START = 1000.0
Sample = tuple[float, float]


def series(name: str, samples: Sequence[Sample], labels: Mapping[str, str]) -> dict[str, Any]:
    return {"metric": {"__name__": name, **labels}, "values": [[at, f"{value:g}"] for at, value in samples]}


def span(ages: Sequence[Sample], *, up: Sequence[Sample] = (), job: str = "mesh") -> snapshot.Span:
    return spans({job: ages}, up=up)


def spans(ages: Mapping[str, Sequence[Sample]], *, up: Sequence[Sample] = ()) -> snapshot.Span:
    """Return the span of one pod that several jobs scrape; `ages` are its samples by job."""
    reply = []
    for job, samples in ages.items():
        labels = {"job": job, "instance": "10.0.0.1:9901", "namespace": "shop", "pod": "cart-0"}
        reply += [series("up", up, labels), series(scraped.ENVOY.sign[0], samples, labels)]
    found = targets.find([one for one in reply if one["values"]], scraped.ENVOY)
    (only,) = found.spans(reporters.Identities(scraped.ENVOY), start=START).values()
    return only


def test_a_proxy_that_was_scraped_before_the_window_is_known_from_its_start() -> None:
    known = span([(980, 85), (995, 100), (1010, 115), (1025, 130)])
    assert known == snapshot.Span(since=START, until=1025, base=995)


def test_a_proxy_without_a_sample_before_is_known_from_the_start_if_its_target_was_scraped() -> None:
    known = span([(1010, 115)], up=[(995, 1), (1010, 1)])
    assert known == snapshot.Span(since=START, until=1010)


def test_a_proxy_that_began_inside_the_window_is_born_then() -> None:
    assert span([(1015, 4), (1025, 14)]) == snapshot.Span(since=1011, until=1025, born=True)


def test_a_proxy_that_was_there_and_not_scraped_is_known_from_its_first_scrape() -> None:
    assert span([(1015, 400), (1025, 410)]) == snapshot.Span(since=1015, until=1025)


def test_a_proxy_that_was_restarted_was_there_before() -> None:
    assert span([(995, 100), (1010, 2), (1025, 17)]) == snapshot.Span(since=START, until=1025, base=995)


def test_a_failed_scrape_before_the_window_tells_nothing() -> None:
    assert span([(1015, 400)], up=[(995, 0), (1015, 1)]) == snapshot.Span(since=1015, until=1015)


@pytest.mark.parametrize("jobs", [("one", "two"), ("two", "one")])
def test_of_two_scrapes_the_one_that_tells_more_counts(jobs: tuple[str, str]) -> None:
    ages = {jobs[0]: [(995, 100), (1010, 115)], jobs[1]: [(1020, 125)]}
    assert spans(ages) == snapshot.Span(since=START, until=1020, base=995)


def test_where_a_process_shows_no_proxy_whoever_counts_requests_is_one_and_tells_its_start_if_it_has_it() -> (
    None
):
    mesh = schema.read(
        "{name: toy, about: x, process: {metric: start, tells: start, shows_proxies: false}, views: "
        "[{side: server, requests: calls, appears: at start, outcome: [{is: success}]}]}",
        source="here",
    )

    def reported(name: str, instance: str, value: str) -> dict[str, Any]:
        return {
            "metric": {"__name__": name, "instance": instance},
            "values": [[995.0, value], [1000.0, value]],
        }

    found = targets.find(
        [
            *(reported("up", instance, "1") for instance in ("young", "untold", "database")),
            *(reported("calls", instance, "5") for instance in ("young", "untold")),
            reported("start", "young", "990"),
            reported("start", "database", "980"),
        ],
        mesh,
    )
    assert {key[1] for key in found.found} == {"young", "untold"}
    known = found.known
    assert dict(zip([key[1] for key in found.found], known.starts, strict=True)) == {
        "young": (990.0,),
        "untold": (),
    }


# All targets of an answer


def test_targets_tell_the_interval_and_the_newest_scrape() -> None:
    counters, _ = scraped.ask(*scraped.Proxy().itself(), *scraped.Proxy("b", instance="127.0.0.1:2").itself())
    found = targets.find(counters, scraped.ENVOY)
    assert (found.interval, found.newest, len(found.found)) == (5.0, 1000.0, 2)
    assert found.numbers == {("envoy", "127.0.0.1:1"): 0, ("envoy", "127.0.0.1:2"): 1}


def test_a_target_scraped_once_tells_no_interval() -> None:
    counters = recording.Recording(
        [recording.series("envoy_server_uptime", [(1000.0, 5.0)], **scraped.Proxy().labels)]
    ).ask("envoy_server_uptime[30s]", at=scraped.NOW)
    found = targets.find(counters, scraped.ENVOY)
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
    a = scraped.Proxy()
    counters = recording.Recording([recording.series("up", up, **a.labels), *a.itself()[1:]]).ask(
        '{pod="a"}[60s]', at=scraped.NOW
    )
    assert targets.find(counters, scraped.ENVOY).known.scraped.tolist() == [first]


def test_an_age_that_is_no_number_says_nothing() -> None:
    a = scraped.Proxy()
    series = recording.series("envoy_server_uptime", [(990.0, math.nan), (995.0, 5.0)], **a.labels)
    counters = recording.Recording([series]).ask('{pod="a"}[60s]', at=scraped.NOW)
    assert targets.find(counters, scraped.ENVOY).known.starts == ((990.0,),)


def test_a_profile_may_tell_the_start_instead_of_the_age() -> None:
    mesh = scraped.ENVOY.model_copy(
        update={"process": schema.Process(metric="began", tells="start", unit="ms")}
    )
    a = scraped.Proxy()
    series = recording.series("began", [(990.0, 800_000.0), (995.0, 800_000.0)], **a.labels)
    counters = recording.Recording([series]).ask('{pod="a"}[60s]', at=scraped.NOW)
    assert targets.find(counters, mesh).known.starts == ((800.0,),)
