"""The samples of a proxy show which part of the window is covered, and its scrape interval."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from metrics_server.decode import targets, windows
from metrics_server.model import snapshot
from metrics_server.profiles import loading, schema
from tests.metrics_server import recording, scraped

START = 1000.0
Sample = tuple[float, float]


def series(name: str, samples: Sequence[Sample], labels: Mapping[str, str]) -> dict[str, Any]:
    return {"metric": {"__name__": name, **labels}, "values": [[at, f"{value:g}"] for at, value in samples]}


def span(ages: Sequence[Sample], *, up: Sequence[Sample] = (), job: str = "mesh") -> snapshot.Span:
    """Return the span of a pod whose job another pod shares, which is scraped every 15 s."""
    labels = {"job": job, "instance": "10.0.0.1:9901", "namespace": "shop", "pod": "cart-0"}
    other = {**labels, "instance": "10.0.0.2:9901", "pod": "cart-1"}
    reply = [series("up", up, labels), series(scraped.ENVOY.sign[0], ages, labels)]
    reply.append(series(scraped.ENVOY.sign[0], [(at, at) for at in EVERY_15], other))
    found = targets.find([one for one in reply if one["values"]], scraped.ENVOY)
    return windows.of(found, window=30.0).spans[0]


EVERY_15 = [START + 15 * step - 5 for step in range(-1, 3)]
"""The last of them is 1025."""
KNOWN: Any = {"window": 30.0, "interval": 15.0}


def test_a_window_ends_with_the_newest_scrape_of_its_target_and_begins_with_another() -> None:
    known = span([(980, 85), (995, 100), (1010, 115), (1025, 130)])
    assert known == snapshot.Span(since=995, until=1025, **KNOWN)


def test_a_target_without_an_age_before_is_known_since_then_if_it_was_scraped() -> None:
    known = span([(1010, 115), (1025, 130)], up=[(995, 1), (1010, 1), (1025, 1)])
    assert known == snapshot.Span(since=995, until=1025, **KNOWN)


def test_a_process_that_began_inside_the_window_is_born_then() -> None:
    assert span([(1010, 4), (1025, 19)]) == snapshot.Span(since=1006, until=1025, born=True, **KNOWN)


def test_a_process_that_was_there_and_not_scraped_is_known_from_its_first_scrape() -> None:
    assert span([(1010, 400), (1025, 415)]) == snapshot.Span(since=1010, until=1025, missing=True, **KNOWN)


def test_a_process_that_was_restarted_was_there_before() -> None:
    known = span([(995, 100), (1010, 2), (1025, 17)])
    assert known == snapshot.Span(since=995, until=1025, **KNOWN)


def test_a_failed_scrape_before_the_window_is_no_scrape() -> None:
    known = span([(1010, 400), (1025, 415)], up=[(995, 0), (1010, 1), (1025, 1)])
    assert known == snapshot.Span(since=1010, until=1025, missing=True, **KNOWN)


def test_a_missed_scrape_lengthens_the_window_instead_of_its_rate() -> None:
    known = span([(980, 85), (1010, 115), (1025, 130)])
    assert (known.since, known.until, known.alone) == (980, 1025, 45)


def test_a_target_whose_scrapes_have_ended_has_the_window_of_the_others() -> None:
    ages = [(965, 70), (980, 85), (995, 100)]
    known = span(ages, up=[(at, 1) for at, _ in ages])
    assert known == snapshot.Span(since=995, until=995, ended=True, **KNOWN)
    assert math.isnan(known.alone)
    assert known.in_sum == 30.0


def test_a_target_without_up_may_have_missed_a_scrape_before_it_has_ended() -> None:
    assert not span([(965, 70), (980, 85), (995, 100)]).ended
    assert span([(950, 55), (965, 70), (980, 85)]).ended


def test_a_target_that_missed_its_last_scrape_has_not_ended() -> None:
    ages = [(980, 85), (995, 100), (1010, 115)]
    known = span(ages, up=[*((at, 1) for at, _ in ages), (1025, 0)])
    assert known == snapshot.Span(since=980, until=1010, **KNOWN)


def test_samples_with_times_of_their_own_end_the_window_whenever_the_target_was_scraped() -> None:
    labels = {"job": "late", "instance": "10.0.0.1:9901", "namespace": "shop", "pod": "cart-0"}
    late = [(at - 41.0, at) for at in EVERY_15]
    reply = [series("up", [(at, 1) for at in EVERY_15], labels), series(scraped.ENVOY.sign[0], late, labels)]
    (known,) = windows.of(targets.find(reply, scraped.ENVOY), window=30.0).spans
    assert known == snapshot.Span(since=954, until=984, **KNOWN)


def test_where_a_process_shows_no_proxy_whoever_counts_requests_is_one_and_tells_its_start_if_it_has_it() -> (
    None
):
    mesh = loading.read(
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
    assert dict(zip([key[1] for key in found.found], found.starts, strict=True)) == {
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
    assert found.first_scrapes().tolist() == [1000.0], "its age shows it"


@pytest.mark.parametrize(
    ("up", "first"),
    [
        ([(965.0, 1.0), (970.0, 0.0), (975.0, 1.0)], 965.0),
        ([(965.0, 0.0), (970.0, 0.0), (975.0, 1.0), (980.0, 1.0)], 975.0),
        ([(975.0, 0.0)], np.inf),
        ([], 965.0),
    ],
)
def test_a_target_is_known_since_its_first_scrape_that_succeeded(
    up: list[tuple[float, float]], first: float
) -> None:
    a = scraped.Proxy()
    counters = recording.Recording([recording.series("up", up, **a.labels), *a.itself()[1:]]).ask(
        '{pod="a"}[60s]', at=scraped.NOW
    )
    assert targets.find(counters, scraped.ENVOY).first_scrapes().tolist() == [first]


def test_an_age_that_is_no_number_says_nothing() -> None:
    a = scraped.Proxy()
    series = recording.series("envoy_server_uptime", [(990.0, math.nan), (995.0, 5.0)], **a.labels)
    counters = recording.Recording([series]).ask('{pod="a"}[60s]', at=scraped.NOW)
    assert targets.find(counters, scraped.ENVOY).starts == ((990.0,),)


def test_a_profile_may_tell_the_start_instead_of_the_age() -> None:
    mesh = scraped.ENVOY.model_copy(
        update={"process": schema.Process(metric="began", tells="start", unit="ms")}
    )
    a = scraped.Proxy()
    series = recording.series("began", [(990.0, 800_000.0), (995.0, 800_000.0)], **a.labels)
    counters = recording.Recording([series]).ask('{pod="a"}[60s]', at=scraped.NOW)
    assert targets.find(counters, mesh).starts == ((800.0,),)
