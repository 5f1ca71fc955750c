"""Quantiles of native histograms equal those that a real Prometheus 3 computed.

Its answers about real Envoys are in tests/recorded/native.json.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metrics_server.aggregate import quantile
from metrics_server.decode import native_histograms

_RECORDED = json.loads((Path(__file__).parents[2] / "recorded" / "native.json").read_text(encoding="utf-8"))
_MILLISECONDS = 0.001
Way = dict[str, Any]
ways = pytest.mark.parametrize("way", _RECORDED, ids=lambda way: way["about"])


def _rows(answer: dict[str, Any]) -> dict[frozenset[tuple[str, str]], Any]:
    return {frozenset(row["metric"].items()): row for row in answer["result"]}


@ways
def test_quantiles_are_those_of_prometheus(way: Way) -> None:
    passed, *quantiles, _ = way["answers"]
    for answer in quantiles:
        wanted = float(re.match(r"histogram_quantile\((.+?),", answer["query"])[1])  # type: ignore[index] # matches
        for labels, row in _rows(passed).items():
            one = native_histograms.read(row["histogram"][1], scale=_MILLISECONDS)
            bounds = native_histograms.union([one.bounds])
            counts = native_histograms.cumulative(one, bounds)[None, :]
            exponential = np.array([one.exponential])
            found = quantile.of(counts, bounds=bounds, quantiles=(wanted,), exponential=exponential)
            expected = float(_rows(answer)[labels]["value"][1]) * _MILLISECONDS
            assert found.values[0, 0] == pytest.approx(expected, rel=1e-9), labels


@ways
def test_an_idle_window_has_no_buckets(way: Way) -> None:
    *_, idle = way["answers"]
    for row in idle["result"]:
        one = native_histograms.read(row["histogram"][1], scale=_MILLISECONDS)
        assert one.total == 0
        assert not len(one.counts)
