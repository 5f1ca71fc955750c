"""The table of a timeline, made from objects as a cluster has them."""

from collections.abc import Mapping
from typing import Any

import pytest

from demo import faults
from tests.installed import timeline

_PODS = {
    "type": "Pods",
    "pods": {"metric": {"name": "requests_per_second"}, "current": {"averageValue": "8333m"}},
}
_OBJECT = {
    "type": "Object",
    "object": {"metric": {"name": "p99_response_latency"}, "current": {"value": "250m"}},
}
_UNREAD = {"type": ""}
"""An autoscaler writes this in place of a metric that it could not read."""


def _autoscaler(*current: Mapping[str, Any], trouble: str | None = None) -> Mapping[str, Any]:
    active = (
        {"status": "False", "reason": "FailedGetPodsMetric", "message": trouble}
        if trouble
        else {"status": "True", "reason": "ValidMetricFound", "message": "well"}
    )
    conditions = [{"type": "ScalingActive", **active}]
    return {"status": {"currentMetrics": list(current), "desiredReplicas": 3, "conditions": conditions}}


def test_each_metric_has_its_value_and_one_that_was_not_read_is_left_out() -> None:
    seen = timeline.read(_autoscaler(_PODS, _OBJECT, _UNREAD), {"status": {"readyReplicas": 2}})
    assert seen.values == {"pods requests_per_second": 8.333, "object p99_response_latency": 0.25}
    assert (seen.desired, seen.ready, seen.trouble) == (3, 2, "")


def test_trouble_is_told_in_the_words_of_the_condition() -> None:
    seen = timeline.read(_autoscaler(_UNREAD, trouble="Prometheus cannot be reached"), {})
    assert seen.trouble == "FailedGetPodsMetric: Prometheus cannot be reached"
    assert (seen.values, seen.ready) == ({}, 0)


def test_the_table_has_its_columns_again_where_they_change_and_says_what_happened() -> None:
    said: list[str] = []
    line = timeline.Timeline(report=said.append)
    line.add({"frontend": 8.0}, timeline.read(_autoscaler(), {}))
    line.mark("surge")
    line.add({"frontend": 24.0}, timeline.read(_autoscaler(_PODS), {}))
    assert line.text() == "\n".join(said)
    words = [text.split() for text in said]
    assert words[0] == ["s", "frontend/s", "desired", "ready"]
    assert words[2][-1] == "surge"
    assert words[4] == ["0", "24.0", "8.33", "3", "0"]


async def test_what_did_not_come_is_told_with_what_was_seen_last() -> None:
    line = timeline.Timeline(report=lambda _: None)
    line.add({"frontend": 8.0}, timeline.read(_autoscaler(_PODS), {}))
    with pytest.raises(
        faults.DemoError, match=r"a fourth pod is not ready after 0\.01 s; last seen:\n(.|\n)*8\.33"
    ):
        await line.until(lambda row: row.seen.desired == 4, what="a fourth pod", within=0.01)


def test_trouble_is_told_in_full_once_and_then_by_its_name() -> None:
    line = timeline.Timeline(report=lambda _: None)
    for _ in range(2):
        line.add({}, timeline.read(_autoscaler(_UNREAD, trouble="Prometheus cannot be reached"), {}))
    assert line.text().count("Prometheus cannot be reached") == 1
    assert line.text().endswith("FailedGetPodsMetric")
