"""Over which part of the window each proxy is known, read off the samples of its scrapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from metrics_server import identities, profile, snapshot, targets

(ENVOY,) = [mesh for mesh in profile.shipped() if mesh.name == "envoy"]
START = 1000.0
Sample = tuple[float, float]


def series(name: str, samples: Sequence[Sample], labels: Mapping[str, str]) -> dict[str, Any]:
    return {"metric": {"__name__": name, **labels}, "values": [[at, f"{value:g}"] for at, value in samples]}


def span(ages: Sequence[Sample], *, up: Sequence[Sample] = (), job: str = "mesh") -> snapshot.Span:
    return spans({job: ages}, up=up)


def spans(ages: Mapping[str, Sequence[Sample]], *, up: Sequence[Sample] = ()) -> snapshot.Span:
    """Of one pod that some jobs scrape."""
    told = []
    for job, samples in ages.items():
        labels = {"job": job, "instance": "10.0.0.1:9901", "namespace": "shop", "pod": "cart-0"}
        told += [series("up", up, labels), series(ENVOY.sign[0], samples, labels)]
    found = targets.find([one for one in told if one["values"]], ENVOY)
    (only,) = found.spans(identities.Identities(ENVOY), start=START).values()
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
    mesh = profile.read(
        "{name: toy, about: x, process: {metric: start, tells: start, shows_proxies: false}, views: "
        "[{side: server, requests: calls, appears: at start, outcome: [{is: success}]}]}",
        source="here",
    )

    def told(name: str, instance: str, value: str) -> dict[str, Any]:
        return {
            "metric": {"__name__": name, "instance": instance},
            "values": [[995.0, value], [1000.0, value]],
        }

    found = targets.find(
        [
            *(told("up", instance, "1") for instance in ("young", "untold", "database")),
            *(told("calls", instance, "5") for instance in ("young", "untold")),
            told("start", "young", "990"),
            told("start", "database", "980"),
        ],
        mesh,
    )
    assert {key[1] for key in found.found} == {"young", "untold"}
    known = found.known
    assert dict(zip([key[1] for key in found.found], known.starts, strict=True)) == {
        "young": (990.0,),
        "untold": (),
    }
