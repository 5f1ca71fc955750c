"""Figures hold in set-ups of scraping that somebody else chose: they are the truth, or are not known."""

from __future__ import annotations

import asyncio
import dataclasses
import math
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from metrics_server.model import faults, kinds, snapshot
from tests.metrics_server.collect import setups

INTERVALS = (5.0, 10.0, 15.0, 20.0, 30.0, 60.0)


async def takes(
    setup: setups.Setup, *, window: float, reads: int = 12, every: float = 5.0
) -> list[snapshot.Snapshot]:
    """Return the snapshots of several reads by one collector."""
    taker = setup.collector()
    found = []
    for number in range(reads):
        setup.now = setups.NOW + every * number
        try:
            taken = await taker.take(None, window=window)
        except faults.Stale:
            slowest = max(scrape.interval for proxy in setup.proxies for scrape in proxy.scrapes)
            assert setup.lag + 4 * slowest > setups.STALE_AFTER
            continue
        assert taken is not None
        found.append(taken)
    return found


def check(taken: snapshot.Snapshot, proxy: setups.Proxy, *, now: float, lag: float) -> None:
    """Check that the rate of a proxy equals the truth, or is not known while it is young."""
    figures = setups.received(taken).get(proxy.name)
    slowest = max(scrape.interval * (1 + len(scrape.missed)) for scrape in proxy.scrapes)
    age = now - lag - (setups.NOW + max(proxy.born, proxy.restarted))
    begin, end = proxy.idle or (math.inf, -math.inf)
    is_evicted = begin <= now - lag - setups.NOW <= end + 4 * slowest + 1
    if figures is None or figures.rate is None:
        is_stale = lag + slowest > setups.STALE_AFTER
        assert is_stale or age < 4 * slowest + 1 or is_evicted, f"{proxy} is not known at {now}"
        return
    lost = 0.0
    assert figures.timestamp is not None
    assert figures.seconds is not None
    if not math.isinf(proxy.restarted):
        lost = proxy.rate * slowest  # what was counted after its last scrape before
    if proxy.idle is not None:
        lost += proxy.rate * slowest  # what was counted between its last scrape and the eviction
    truth = proxy.requests(figures.timestamp - figures.seconds, figures.timestamp)
    assert truth - lost - 1.5 <= (figures.total or 0.0) <= truth + 1.5, f"{proxy} at {now}: {figures}"


@pytest.mark.parametrize(("gateway", "others"), [(60.0, 15.0), (30.0, 10.0), (45.0, 5.0), (15.0, 60.0)])
async def test_proxies_that_are_scraped_at_different_intervals_have_right_rates_in_one_answer(
    gateway: float, others: float
) -> None:
    proxies = [
        setups.Proxy(
            name="gateway", rate=40, scrapes=[setups.Scrape(job="gateway", interval=gateway, phase=3.0)]
        ),
        *(
            setups.Proxy(
                name=f"cart-{n}", rate=10, scrapes=[setups.Scrape(job="pods", interval=others, phase=n)]
            )
            for n in range(3)
        ),
    ]
    setup = setups.Setup(proxies)
    for taken in await takes(setup, window=30.0, reads=30):
        found = setups.received(taken)
        assert {name: figures.rate for name, figures in found.items()} == {
            "gateway": 40.0,
            **{f"cart-{n}": 10.0 for n in range(3)},
        }
        assert found["gateway"].seconds == max(30.0, 2 * gateway)
        assert found["cart-0"].seconds == max(30.0, 2 * others)


SCRAPES = st.builds(
    setups.Scrape,
    job=st.sampled_from(["a", "b"]),
    interval=st.sampled_from(INTERVALS),
    phase=st.floats(0.0, 4.0).map(lambda value: round(value, 3)),
    missed=st.frozensets(st.integers(0, 200), max_size=3),
    shared=st.booleans(),
)


@st.composite
def proxies(draw: st.DrawFn, *, shared: bool = True) -> list[setups.Proxy]:
    shared_interval = draw(st.sampled_from(INTERVALS))
    found = []
    for number in range(draw(st.integers(1, 4))):
        scrape: Any = draw(SCRAPES if shared else SCRAPES.filter(lambda one: not one.shared))
        job = "federate" if scrape.shared else scrape.job
        interval = shared_interval if scrape.shared else scrape.interval
        one = setups.Scrape(
            job=job,
            interval=interval,
            phase=0.0 if scrape.shared else scrape.phase,
            missed=frozenset() if scrape.shared else scrape.missed,
            shared=scrape.shared,
        )
        scrapes = [one]
        born = draw(st.sampled_from([-math.inf, -300.0, -40.0, -3.0, 20.0])) if number else -math.inf
        restarted = draw(st.sampled_from([-math.inf, -50.0, 9.1])) if born < -100 else -math.inf
        idle = None
        if math.isinf(born) and math.isinf(restarted) and draw(st.booleans()):
            begin = draw(st.floats(-350.0, 20.0))
            # Long enough for scrapes that show that the counter is gone.
            idle = (begin, begin + (4 + len(one.missed)) * one.interval + draw(st.floats(0.0, 30.0)))
        if not one.shared and draw(st.booleans()):
            scrapes.append(setups.Scrape(job="again", interval=one.interval, phase=1.0, port=15020))
        found.append(
            setups.Proxy(
                name=f"pod-{number}",
                rate=draw(st.integers(1, 50)),
                scrapes=scrapes,
                born=born,
                restarted=restarted,
                idle=idle,
            )
        )
    return found


@settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)
@given(
    proxies(),
    st.sampled_from([0.0, 1.0, 5.0, 20.0, 40.0]),
    st.sampled_from([0.0, -20.0, 40.0, 86400.0]),
    st.sampled_from([10.0, 30.0, 60.0]),
)
def test_in_any_setup_a_rate_is_the_truth_or_not_known(
    found: list[setups.Proxy], lag: float, ahead: float, window: float
) -> None:
    setup = setups.Setup(found, lag=lag, ahead=ahead)
    for taken in asyncio.run(takes(setup, window=window, reads=8, every=7.0)):
        for proxy in found:
            if proxy.born < taken.taken - setups.NOW - lag:
                check(taken, proxy, now=taken.taken, lag=lag)


@settings(
    deadline=None,
    max_examples=20,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)
@given(proxies(shared=False), st.lists(st.sampled_from(["", "eu", "us"]), min_size=4, max_size=4))
def test_in_any_setup_the_targets_of_several_clusters_are_refused_and_those_of_one_are_not(
    found: list[setups.Proxy], clusters: list[str]
) -> None:
    running = [
        dataclasses.replace(
            one, scrapes=[dataclasses.replace(scrape, missed=frozenset()) for scrape in one.scrapes]
        )
        for one in found
        if one.born < -100
    ]
    placed = [dataclasses.replace(one, cluster=name) for one, name in zip(running, clusters, strict=False)]
    taking = takes(setups.Setup(placed), window=30.0, reads=3)
    if len({one.cluster for one in placed}) == 1:
        assert asyncio.run(taking)
        return
    with pytest.raises(faults.SeveralClusters, match="Choose one with"):
        asyncio.run(taking)


def test_the_rate_of_a_sum_is_the_sum_of_the_rates() -> None:
    found = [
        setups.Proxy(name=f"pod-{n}", rate=10, scrapes=[setups.Scrape(job="a", interval=interval, phase=n)])
        for n, interval in enumerate(INTERVALS)
    ]
    setup = setups.Setup(found)
    for taken in asyncio.run(takes(setup, window=30.0)):
        (namespace,) = setups.received(taken, kinds.NAMESPACE).values()
        assert namespace.rate == pytest.approx(60.0, rel=0.003)
