"""Writes tests/recorded/native.json: answers of a Prometheus with native histograms of real Envoys.

For each way in which native histograms arise it has: the buckets of a window, summed as the server queries
them; what `histogram_quantile` returns for the same query at the same instant; and the buckets of an idle
window.
"""

from __future__ import annotations

import dataclasses
import json
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from demo import wait
from tests.cluster import build
from tests.dialects.real import envoys, proxies, stage, walk, wordings

FILE = Path(__file__).resolve().parents[2] / "recorded" / "native.json"
_OWN = "prometheus_stats"
"""The cluster through which Prometheus scrapes."""
_QUANTILES = (0.5, 0.9, 0.99)
_WINDOW, _IDLE = "30s", "2s"


@dataclasses.dataclass(frozen=True, slots=True)
class Way:
    about: str
    job: Mapping[str, Any]
    """The scrape job."""


EXPONENTIAL = Way(
    "Envoy's own native histograms, exponential buckets",
    {"scrape_native_histograms": True, "params": {"histogram_buckets": ["prometheusnative"]}},
)
COARSE = Way(
    "the same with at most 8 buckets, so that some series have fewer in a doubling than others",
    {
        "scrape_native_histograms": True,
        "params": {"histogram_buckets": ["prometheusnative"], "native_histogram_max_buckets": ["8"]},
    },
)
CUSTOM = Way(
    "Envoy's classic buckets, made native by Prometheus: their bounds as they were",
    {"convert_classic_histograms_to_nhcb": True},
)
WAYS = (EXPONENTIAL, COARSE, CUSTOM)


async def write(*, subnet: str) -> None:
    await build.make(build.PROMETHEUS, report=print)
    recorded = [
        await _recorded(way, place=proxies.Place(subnet, 10 * n)) for n, way in enumerate(WAYS, start=1)
    ]
    FILE.write_text("[\n" + ",\n".join(_lines(one) for one in recorded) + "\n]\n")


async def _recorded(way: Way, *, place: proxies.Place) -> Mapping[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        async with stage.running(
            envoys.proxies(wordings.PLAIN),
            Path(scratch),
            place=place,
            program=build.PROMETHEUS.path,
            job=way.job,
        ) as mesh:
            await walk.happen(place.doors)
            await mesh.scraped()
            await walk.happen(place.doors)
            await mesh.scraped()
            at = round(time.time(), 3)
            passed = _passed(_WINDOW)
            quantiles = (f"histogram_quantile({quantile}, {passed})" for quantile in _QUANTILES)
            await wait.until(lambda: _is_idle(mesh), what="an idle mesh", within=30)
            idle_at = round(time.time(), 3)
            asked = [(passed, at), *((query, at) for query in quantiles), (_passed(_IDLE), idle_at)]
            answers = [{"query": query, "result": await mesh.ask(query, at=when)} for query, when in asked]
            return {"about": way.about, "answers": answers}


def _passed(window: str) -> str:
    counted = f'envoy_cluster_upstream_rq_time{{envoy_cluster_name!="{_OWN}"}}'
    return f"sum by (namespace, pod, envoy_cluster_name) (increase({counted}[{window}]))"


async def _is_idle(mesh: stage.Mesh) -> bool:
    rows = await mesh.ask(_passed(_IDLE))
    return bool(rows) and all(float(row["histogram"][1]["count"]) == 0 for row in rows)


def _lines(recorded: Mapping[str, Any]) -> str:
    """Return one line for each series."""
    answers = ",\n".join(
        f'{{"query": {json.dumps(one["query"])}, "result": [\n'
        + ",\n".join(json.dumps(row) for row in one["result"])
        + "\n]}"
        for one in recorded["answers"]
    )
    about = json.dumps(recorded["about"], ensure_ascii=False)
    return f'{{"about": {about}, "answers": [\n{answers}\n]}}'
