"""A latency that clearly leaves requests out says which part of them; one at a steady load never does."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from metrics_server.aggregate import rollup, timing
from metrics_server.model import kinds, snapshot
from tests.metrics_server import meshes, scraped

FLUSH = 5.0
"""Seconds between two merges of Envoy's histograms."""
Samples = Sequence[tuple[float, float]]


def rate(samples: Samples, *, at: float, window: float) -> float:
    """Return what Prometheus' `rate` of a counter without resets returns, see `extrapolatedRate` in
    promql/functions.go; 0 where it has no result.
    """
    inside = [sample for sample in samples if at - window < sample[0] <= at]
    if len(inside) < 2:
        return 0.0
    (first, least), (last, most) = inside[0], inside[-1]
    sampled = last - first
    average = sampled / (len(inside) - 1)
    to_start, to_end = first - (at - window), at - last
    if to_start >= average * 1.1:
        to_start = average / 2
    if most > least and least >= 0:
        to_start = min(to_start, sampled * least / (most - least))
    if to_end >= average * 1.1:
        to_end = average / 2
    return (most - least) * (sampled + to_start + to_end) / sampled / window


def scrapes(*, interval: float, until: float, phase: float) -> list[float]:
    """Return the times of scrapes, each up to 20 ms early or late."""
    chance = random.Random(int(phase * 1000))
    count = int((until - phase) / interval)
    return [phase + number * interval + chance.uniform(-0.02, 0.02) for number in range(count)]


def observed(
    counter: Callable[[float], float],
    histogram: Callable[[float], float],
    *,
    times: Sequence[float],
    at: float,
    window: float,
    interval: float,
) -> rollup.Figures:
    """Return the figures of a pod whose counter and histogram have these values at each time."""
    widened = max(window, 2 * interval)
    until = max(time for time in times if time <= at)
    since = min(
        (time for time in times if until - time >= 1.9 * interval),
        key=lambda time: abs(until - widened - time),
    )
    range_ = max(window, 2.1 * interval)
    timed = rate([(time, histogram(time)) for time in times], at=at, window=range_) * window
    counted = counter(until) - counter(since)
    span = snapshot.Span(since=since, until=until, window=widened, interval=interval)
    taken = meshes.moment([meshes.pod("cart")], server=[(0, -1, counted, 0.0)], spans=[span])
    calls = dataclasses.replace(
        taken.calls[kinds.Side.SERVER], buckets=np.array([[0.0, timed, timed, timed]])
    )
    taken = dataclasses.replace(
        taken,
        window=widened,
        scaled=window,
        interval=interval,
        calls={**taken.calls, kinds.Side.SERVER: calls},
    )
    return meshes.seen(taken).received("Pod")[meshes.ref("Pod", "cart")].figures


@pytest.mark.parametrize("interval", [1.0, 5.0, 10.0, 15.0, 30.0, 60.0])
@pytest.mark.parametrize("window", [30.0, 60.0, 300.0])
@pytest.mark.parametrize("per_second", [0.2, 1.0, 40.0])
def test_a_steady_load_is_never_marked(interval: float, window: float, per_second: float) -> None:
    """Histograms lag behind counters by up to one merge, and the lag differs from scrape to scrape."""

    def counter(time: float) -> float:
        return math.floor(time * per_second)

    def histogram(time: float) -> float:
        return counter(time // FLUSH * FLUSH)

    for phase in (0.0, 0.01, 1.3, 2.5, 4.99):
        times = scrapes(interval=interval, until=1200.0, phase=phase)
        for at in np.arange(1000.11, 1000.0 + 2 * interval, interval / 4):
            figures = observed(
                counter, histogram, times=times, at=float(at), window=window, interval=interval
            )
            assert figures.untimed is None, (phase, at, figures)


@pytest.mark.parametrize("interval", [5.0, 15.0, 60.0])
def test_first_requests_that_the_rate_of_a_histogram_does_not_see_are_said_to_be_missing(
    interval: float,
) -> None:
    """Failures have a series of their own in many meshes; the first sample of it is all of them at once."""
    newest = 1000.0
    times = [newest - 10 * interval + number * interval for number in range(11)]
    steady = 11.0 / max(30.0, 2 * interval)

    def fast(time: float) -> float:
        return steady * time

    def all_of_them(time: float) -> float:
        return fast(time) + (9.0 if time >= newest else 0.0)

    figures = observed(all_of_them, fast, times=times, at=newest + 1, window=30.0, interval=interval)

    assert figures.latency[2] is not None
    assert figures.untimed == pytest.approx(9 / 20, abs=0.01)


def test_a_histogram_that_is_counted_twice_is_no_fault() -> None:
    assert _figures(counted=[100.0], timed=[200.0]).untimed is None


@pytest.mark.parametrize(
    ("counted", "timed", "share"),
    [
        (100.0, 100.0, None),
        (100.0, 81.0, None),
        (100.0, 75.0, 0.25),
        (100.0, 1.0, 0.99),
        (4.0, 2.0, None),
        (5.0, 2.0, 0.6),
    ],
)
def test_only_a_part_that_is_no_matter_of_chance_is_missing(
    counted: float, timed: float, share: float | None
) -> None:
    assert _figures(counted=[counted], timed=[timed]).untimed == (
        None if share is None else pytest.approx(share)
    )


@pytest.mark.parametrize(
    ("timed", "initial", "share"),
    [
        pytest.param(980.0, 20.0, 0.02, id="the histogram is split like the counter"),
        pytest.param(991.0, 20.0, None, id="the histogram is not split"),
        pytest.param(1000.0, 20.0, None, id="nothing is missing"),
        pytest.param(990.0, 9.0, None, id="less than 1 %"),
        pytest.param(300.0, 20.0, 0.7, id="more is missing than the first requests"),
        pytest.param(1300.0, 20.0, None, id="the histogram counts twice"),
    ],
)
def test_the_first_requests_of_a_series_are_missing_even_if_they_are_few(
    timed: float, initial: float, share: float | None
) -> None:
    requests = timing.Timing(counted=1000.0, timed=timed, initial=initial, margin=0.2)
    assert requests.untimed == (None if share is None else pytest.approx(share))


@pytest.mark.parametrize(("timed", "share"), [((2, 18, 20), 21 / 141), ((2, 18, 23.5), None)])
def test_first_failures_are_known_from_the_samples_of_counters(
    timed: tuple[float, float, float], share: float | None
) -> None:
    """The counter of failures appears at 995 s with 21 of 141; a histogram of Envoy may have them or not."""
    proxy = scraped.Proxy()
    taken = scraped.read(
        *proxy.itself(),
        proxy.calls(20.0),
        proxy.series(
            "envoy_cluster_upstream_rq_xx",
            [21.0, 21.0],
            envoy_cluster_name=scraped.CART,
            envoy_response_code_class="5",
        ),
        *proxy.buckets(*zip(("1", "10", "+Inf"), timed, strict=True)),
    )
    ((_, figures),) = meshes.seen(taken).edges().items()

    assert figures.total == 141.0
    assert figures.latency[2] is not None
    assert figures.untimed == (None if share is None else pytest.approx(share))


def test_pods_without_a_histogram_are_missing_in_the_latency_of_their_deployment() -> None:
    assert _figures(counted=[60.0, 60.0, 60.0], timed=[60.0, 60.0, 0.0]).untimed == pytest.approx(1 / 3)


def test_without_a_latency_nothing_is_missing_in_it() -> None:
    figures = _figures(counted=[60.0], timed=[0.0])
    assert figures.latency == (None, None, None)
    assert figures.untimed is None


@pytest.mark.parametrize(
    "span",
    [
        meshes.span(985.0, 999.0, born=True),
        meshes.span(979.0, 999.0, missing=True),
        meshes.span(969.0, 989.0, ended=True),
        meshes.span(999.0, 999.0, missing=True),
    ],
)
def test_a_pod_that_was_observed_for_a_part_of_the_window_is_compared_over_the_window(
    span: snapshot.Span,
) -> None:
    """`rate` divides the increase by the whole window, whenever the series began."""
    assert _figures(counted=[60.0], timed=[60.0], span=span).untimed is None


def test_quantiles_that_a_proxy_computed_are_of_all_its_requests() -> None:
    taken = _moment([60.0, 60.0], [60.0, 0.0])
    calls = dataclasses.replace(taken.calls[kinds.Side.SERVER], quantile_values=np.array([[np.nan], [0.002]]))
    taken = dataclasses.replace(
        taken, quantile_levels=(0.99,), calls={**taken.calls, kinds.Side.SERVER: calls}
    )
    assert _of_web(taken).untimed is None


def _figures(
    *, counted: Sequence[float], timed: Sequence[float], span: snapshot.Span = meshes.WHOLE
) -> rollup.Figures:
    return _of_web(_moment(counted, timed, span=span))


def _moment(
    counted: Sequence[float], timed: Sequence[float], *, span: snapshot.Span = meshes.WHOLE
) -> snapshot.Snapshot:
    """Return a moment of pods of which so many requests were counted and so many timed."""
    taken = meshes.moment(
        [meshes.pod(f"p{number}") for number in range(len(counted))],
        server=[(number, -1, count, 0.0) for number, count in enumerate(counted)],
        spans=[span] * len(counted),
    )
    buckets = np.array([[0.0, count, count, count] for count in timed])
    calls = dataclasses.replace(taken.calls[kinds.Side.SERVER], buckets=buckets)
    return dataclasses.replace(taken, calls={**taken.calls, kinds.Side.SERVER: calls})


def _of_web(taken: snapshot.Snapshot) -> rollup.Figures:
    web = meshes.ref("Deployment", "web")
    owned = [meshes.owned(one.pod, web) for one in taken.reporters]
    known = meshes.inventory(*owned, meshes.owned("web", None, kind="Deployment"))
    return meshes.seen(taken, known).received("Deployment")[web].figures
