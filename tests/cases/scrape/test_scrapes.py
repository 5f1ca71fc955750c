"""Rates are those of the pods, however they are scraped, however late samples are and whatever the clocks."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import pytest_asyncio

from metrics_server.model import kinds, snapshot
from tests import marks
from tests.cases.scrape import databases, judging, playing, pods, reading

_STORIES = ("mixed intervals", "written late", "shared target", *playing.LAGS)
_LATE: Mapping[str, float] = {**playing.LAGS, "written late": playing.WRITTEN_LATE}
"""Seconds by which samples are late, by case."""
_ROUNDED = 1.0
"""Seconds: times of objects are in whole seconds."""
_MILLISECOND = 0.001
"""Seconds: databases round the time of an evaluation."""
_SHIPPED = 2.0
"""Seconds from a scrape until it can be read, with a refresh and a rounded time."""

_NOT_YET = 3
"""Reads that may be answered as before a store was away."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
@marks.needs("dialect", "prometheus")
async def played(tmp_path_factory: pytest.TempPathFactory, other_subnet: str) -> playing.Played:
    """Everything that was read."""
    return await playing.play(tmp_path_factory.mktemp("scrapes"), subnet=other_subnet)


def _close(played: playing.Played, case: str) -> float:
    """Return the share by which a rate may differ."""
    return judging.CLOSE + played.stories[case].jitter / reading.WINDOW


@pytest.mark.parametrize("case", _STORIES)
def test_each_read_has_the_rates_of_the_pods(played: playing.Played, case: str) -> None:
    faults = [
        f"read {number}: {fault}"
        for number, read in enumerate(played.stories[case].steady)
        for fault in judging.wrong(read, share=_close(played, case))
    ]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("case", _STORIES)
def test_figures_are_as_old_as_the_newest_scrape(played: playing.Played, case: str) -> None:
    late = _LATE.get(case, 0.0)
    for read in played.stories[case].steady:
        newest = max(read.newest.values())
        assert read.begun - late - databases.EVERY - _SHIPPED <= newest <= read.ended - late + _ROUNDED


@pytest.mark.parametrize("case", _STORIES)
def test_a_restart_loses_what_was_not_scraped_and_adds_nothing(played: playing.Played, case: str) -> None:
    close = _close(played, case)
    for read in played.stories[case].restarted:
        assert read.json["cart"] <= pods.RATES["cart"] * (1 + close), read
        others = {name: rate for name, rate in pods.RATES.items() if name != "cart"}
        assert not [
            *judging.off(read.json, others, share=close),
            *judging.off(read.table, others, share=close),
        ], read
    assert not judging.wrong(played.stories[case].restarted[-1], share=close)


def test_while_a_store_is_away_people_are_warned_and_autoscalers_refused(played: playing.Played) -> None:
    """The complete figures of a moment ago may be read once more, while newer ones are fetched."""
    away, close = played.lost.away, _close(played, "mixed intervals")
    first = next(number for number, read in enumerate(away) if read.warned)
    assert first <= _NOT_YET
    assert all(read.warned for read in away[first:])
    assert not [fault for read in away[:first] for fault in judging.off(read.json, pods.RATES, share=close)]
    for metric, right in judging.AUTOSCALED.items():
        first = next(number for number, read in enumerate(away) if metric in read.refused)
        assert first <= _NOT_YET
        assert all(metric in read.refused for read in away[first:])
        assert all(read.autoscaled[metric] == pytest.approx(right, rel=close) for read in away[:first])
    assert not judging.wrong(played.lost.back, share=close)
    assert not played.lost.back.warned


def test_two_clusters_are_refused_with_the_remedy(played: playing.Played) -> None:
    assert set(played.clusters.refused) == {"people", *reading.AUTOSCALED}
    for message in played.clusters.refused.values():
        assert "2 clusters (label cluster: eu, us)" in message
        assert """--prometheus-selector 'cluster="eu"'""" in message


@pytest.mark.parametrize("skew", playing.SKEWS)
def test_a_wrong_clock_changes_nothing(played: playing.Played, skew: float) -> None:
    steady = {name: rate for name, rate in pods.RATES.items() if name != "cart"}
    for one in played.clocks[skew]:
        rates = _rates(one.snapshot)
        assert not [*judging.off(rates, steady, share=_close(played, "mixed intervals"))], rates
        assert one.begun - _ROUNDED <= one.snapshot.taken <= one.ended + _ROUNDED
        assert -_MILLISECOND <= one.snapshot.taken - one.snapshot.timestamp <= databases.EVERY + _SHIPPED


def _rates(taken: snapshot.Snapshot) -> Mapping[str, float]:
    """Return the requests per second that each workload received."""
    calls, rates = taken.calls[kinds.Side.SERVER], dict.fromkeys(pods.RATES, 0.0)
    for reporter, total in zip(calls.reporter, calls.total, strict=True):
        workload = taken.reporters[reporter].pod.rpartition("-")[0]
        rates[workload] += float(total) / taken.spans[reporter].alone
    return rates
