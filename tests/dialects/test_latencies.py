"""In every mesh a latency is one that requests had; a mesh that does not time requests has no latency."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

import pytest

from tests.backends import backend
from tests.dialects import exposition, traffic, writers
from tests.dialects.playing import Asked, figures

pytestmark = pytest.mark.asyncio(loop_scope="package")
_QUANTILES = {"p50_response_latency": 0.5, "p90_response_latency": 0.9, "p99_response_latency": 0.99}
_EDGES = ("deployment.frontend:deployment.cart", "deployment.cart:data:statefulset.db")
_SKEW = 0.05
"""Prometheus extends what each proxy counted to the whole window by that proxy's own scrapes, so that in a
sum of several a rank may be a little off.
"""


async def test_latencies_lie_in_the_bucket_of_the_truth(asked: Asked) -> None:
    timed = asked.dialect.timed
    if not isinstance(timed, writers.Histogram):
        return
    for name, item in (await _timed(asked)).items():
        found = figures(item)
        for metric, quantile in _QUANTILES.items():
            low, high = _bucket(_durations(name, asked.dialect), quantile, timed)
            assert low <= found[metric] <= high, (name, metric)


async def test_of_quantiles_that_processes_work_out_the_highest_is_told_and_said_to_be_approximate(
    asked: Asked,
) -> None:
    timed = asked.dialect.timed
    if not isinstance(timed, writers.Quantiles):
        return
    for name, item in (await _timed(asked)).items():
        found, calls = figures(item), _of(name, asked.dialect)
        for metric, quantile in _QUANTILES.items():
            reply = [
                exposition.quantile(
                    [ms for call in calls if timed.told_by(call) == one for ms in call.milliseconds], quantile
                )
                for one in {timed.told_by(call) for call in calls}
            ]
            assert found[metric] * 1000 == pytest.approx(max(reply), rel=1e-5), (name, metric)
        said = item["metadata"]["annotations"]["metrics.smi-spec.io/approximate"]
        assert set(said.split(",")) == set(_QUANTILES), name


async def _timed(asked: Asked) -> Mapping[str, Mapping[str, Any]]:
    """Some edges and workloads whose latency the mesh can know."""
    knows = asked.dialect.knows
    edges, workloads = await asked.items("trafficedges"), await asked.items("trafficmetrics")
    seen: dict[str, Mapping[str, Any]] = {}
    if (knows.client and knows.times_sent) or (knows.callers and knows.times_received):
        seen |= {name: edges[name] for name in _EDGES}
    if knows.server and knows.times_received:
        seen |= {name: workloads[name] for name in ("deployment.cart", "statefulset.db")}
    return seen


async def test_a_mesh_that_times_nothing_has_no_latency(asked: Asked) -> None:
    for path in ("trafficmetrics", "trafficedges"):
        for name, item in (await asked.items(path)).items():
            timed = any("latency" in metric for metric in figures(item))
            assert asked.dialect.timed or not timed, name


async def test_latencies_are_those_of_prometheus_own_histogram_quantile(asked: Asked) -> None:
    timed = asked.dialect.timed
    if not isinstance(timed, writers.Histogram) or timed.received is None:
        return
    if asked.store is not backend.PROMETHEUS:
        return
    item = (await asked.items("trafficmetrics"))[str(traffic.DB)]
    found = figures(item)
    for metric, quantile in _QUANTILES.items():
        expected = await asked.quantile(timed, quantile, at=item["timestamp"])
        assert found[metric] == pytest.approx(expected * timed.seconds, rel=1e-3, abs=1e-6), metric


def _durations(name: str, dialect: writers.Dialect) -> list[float]:
    """The durations of an edge, or of all that a workload received, in seconds."""
    return [milliseconds / 1000 for call in _of(name, dialect) for milliseconds in call.milliseconds]


def _of(name: str, dialect: writers.Dialect) -> list[traffic.Call]:
    """The calls of an edge, or all that a workload received."""
    caller, colon, callee = name.rpartition(":")
    return [
        call
        for call in dialect.calls
        if str(call.callee) == callee and (not colon or str(call.caller) == caller.partition(":")[0])
    ]


def _bucket(durations: Collection[float], quantile: float, timed: writers.Histogram) -> tuple[float, float]:
    """Return the bounds of the quantile: lower end of the lowest bucket that may hold it, upper end of the
    highest.
    """
    bounds = (0.0, *(bound * timed.seconds for bound in timed.bounds), math.inf)
    below = [sum(one <= bound for one in durations) for bound in bounds]
    first, last = (
        next(place for place, count in enumerate(below) if count >= min(rank, len(durations)))
        for rank in (quantile * len(durations) * skew for skew in (1 - _SKEW, 1 + _SKEW))
    )
    return bounds[max(0, first - 1)], bounds[last]
