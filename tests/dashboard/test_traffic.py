"""The decoder turns JSON into values, or raises a fault that names the problem."""

import copy
import datetime as dt
import json
import pathlib
from typing import Any

import pytest

from dashboard.client import faults, traffic

_GOLDEN = pathlib.Path(__file__).parent.parent / "golden"


@pytest.fixture
def answer() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((_GOLDEN / "trafficmetrics.json").read_text())
    return loaded


def _named(items: tuple[traffic.Traffic, ...], name: str) -> traffic.Traffic:
    return next(item for item in items if item.name == name)


def test_an_item_is_decoded_field_by_field(answer: dict[str, Any]) -> None:
    item = _named(traffic.decode_list(answer), "deployment.catalog-v1")
    assert item.resource == traffic.ResourceReference("Deployment", "catalog-v1", "shop")
    assert (item.direction, item.side, item.peer) == ("from", "server", None)
    assert (item.success_count, item.failure_count) == (809, 1)
    assert (item.p50, item.p90, item.p99) == (0.004, 0.0095, 0.021)
    assert item.window == 30
    assert item.timestamp == dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
    assert item.labels == {"app": "catalog", "version": "v1"}
    assert item.profile == "envoy"


def test_an_idle_resource_has_zero_counts_and_no_latency(answer: dict[str, Any]) -> None:
    item = _named(traffic.decode_list(answer), "deployment.wishlist")
    assert (item.success_count, item.failure_count) == (0, 0)
    assert (item.p50, item.p90, item.p99) == (None, None, None)


def test_counts_nobody_knows_are_left_out_and_stay_unknown(answer: dict[str, Any]) -> None:
    items = traffic.decode_list(answer)
    report = _named(items, "job.report")
    assert (report.success_count, report.failure_count) == (None, None)
    assert len(items) == len(answer["items"]), "the others are there as well"


def test_latencies_that_are_approximate_are_known_by_their_names(answer: dict[str, Any]) -> None:
    named = "p50_response_latency,p99_response_latency"
    answer["items"][0]["metadata"]["annotations"]["metrics.smi-spec.io/approximate"] = named
    reply, other, *_ = traffic.decode_list(answer)
    assert reply.limits == traffic.LatencyLimits(approximate=frozenset({"p50", "p99"}))
    assert other.limits == traffic.LatencyLimits()


def test_upper_and_lower_limits_of_latencies_and_what_is_not_timed_are_decoded(
    answer: dict[str, Any],
) -> None:
    answer["items"][0]["metadata"]["annotations"] |= {
        "metrics.smi-spec.io/clamped": "p99_response_latency",
        "metrics.smi-spec.io/clamped-below": "p50_response_latency=500u,p90_response_latency=5",
        "metrics.smi-spec.io/latency-without": "timeouts,17% of requests",
    }
    assert traffic.decode_list(answer)[0].limits == traffic.LatencyLimits(
        clamped=frozenset({"p99"}),
        below={"p50": 0.0005, "p90": 5.0},
        not_timed=("timeouts", "17% of requests"),
    )


def test_a_peer_without_a_namespace_is_understood(answer: dict[str, Any]) -> None:
    answer["items"][0]["edge"]["resource"] = {"kind": "Host", "name": "api.example.com"}
    assert traffic.decode_list(answer)[0].peer == traffic.ResourceReference("Host", "api.example.com")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("timestamp",), "yesterday"),
        (("timestamp",), "2026-11-22T12:00:00"),
        (("window",), "soon"),
        (("resource",), {}),
        (("metrics",), [{"name": "success_count", "value": "many"}]),
        (("metrics",), None),
        (("edge",), None),
        (("metadata",), []),
        (("metadata",), {"name": "a", "annotations": {"metrics.smi-spec.io/clamped-below": "p50=soon"}}),
    ],
)
def test_what_is_not_the_wire_format_is_a_fault(
    answer: dict[str, Any], path: tuple[str], value: object
) -> None:
    spoiled = copy.deepcopy(answer)
    spoiled["items"][0][path[0]] = value
    with pytest.raises(faults.Failed, match="not a list of TrafficMetrics"):
        traffic.decode_list(spoiled)


@pytest.mark.parametrize("answer_", [{}, {"items": None}, {"items": 3}, [], {"items": ["x"]}])
def test_what_is_not_a_list_is_a_fault(answer_: object) -> None:
    with pytest.raises(faults.Failed):
        traffic.decode_list(answer_)
