from __future__ import annotations

import dataclasses
import math

import prometheus_client
import pytest

from metrics_server.aggregate import rollup, timing
from metrics_server.api import traffic_metrics
from metrics_server.model import kinds
from metrics_server.server import telemetry

CART = kinds.Ref("Deployment", "shop", "cart")
DB = kinds.Ref("StatefulSet", "data", "db")
FIGURES = rollup.Figures(
    side=kinds.Side.SERVER,
    success=1198.0,
    failure=2.0,
    timestamp=None,
    latency=(0.009, 0.021, 0.0482),
    clamped=(False, False, False),
    below=(None, None, None),
    approximate=(False, False, False),
    without=(),
    profiles=("envoy",),
    seconds=None,
)
MOMENT = traffic_metrics.SampleTime(timestamp=1795348800.9, window=90.0)


def item(
    figures: rollup.Figures, *, namespace: str = "shop", labels: dict[str, str] | None = None
) -> dict[str, object]:
    observed = traffic_metrics.Observation(
        resource=CART, direction=kinds.Direction.FROM, peer=kinds.UNKNOWN, figures=figures
    )
    return traffic_metrics.item(
        observed,
        kind=traffic_metrics.METRICS_KIND,
        name="deployment.cart",
        namespace=namespace,
        labels=labels or {},
        moment=MOMENT,
    )


def test_an_item_is_spelled_as_the_specification_does() -> None:
    assert item(FIGURES, labels={"app": "cart"}) == {
        "apiVersion": "metrics.smi-spec.io/v1alpha1",
        "kind": "TrafficMetrics",
        "metadata": {
            "name": "deployment.cart",
            "namespace": "shop",
            "labels": {"app": "cart"},
            "annotations": {"metrics.smi-spec.io/profile": "envoy"},
        },
        "resource": {"kind": "Deployment", "namespace": "shop", "name": "cart"},
        "edge": {"direction": "from", "side": "server", "resource": {}},
        "timestamp": "2026-11-22T12:00:00Z",
        "window": "1m30s",
        "metrics": [
            {"name": "p99_response_latency", "unit": "seconds", "value": "48200u"},
            {"name": "p90_response_latency", "unit": "seconds", "value": "21m"},
            {"name": "p50_response_latency", "unit": "seconds", "value": "9m"},
            {"name": "success_count", "value": "1198"},
            {"name": "failure_count", "value": "2"},
        ],
    }


def test_what_is_not_known_is_left_out() -> None:
    unknown = dataclasses.replace(FIGURES, success=None, failure=None, latency=(None, 0.5, None))
    assert item(unknown)["metrics"] == [{"name": "p90_response_latency", "unit": "seconds", "value": "500m"}]
    metadata = item(FIGURES, namespace="")["metadata"]
    assert isinstance(metadata, dict)
    assert set(metadata) == {"name", "annotations"}


def test_latencies_that_are_only_a_lower_limit_are_named_in_an_annotation() -> None:
    metadata = item(dataclasses.replace(FIGURES, clamped=(False, True, True)))["metadata"]
    assert isinstance(metadata, dict)
    assert (
        metadata["annotations"]["metrics.smi-spec.io/clamped"] == "p90_response_latency,p99_response_latency"
    )


def test_latencies_of_which_only_an_upper_limit_is_known_are_named_with_it() -> None:
    metadata = item(dataclasses.replace(FIGURES, below=(0.01, 0.025, None)))["metadata"]
    assert isinstance(metadata, dict)
    assert metadata["annotations"]["metrics.smi-spec.io/clamped-below"] == (
        "p50_response_latency=10m,p90_response_latency=25m"
    )
    assert "metrics.smi-spec.io/clamped" not in metadata["annotations"]


@pytest.mark.parametrize(
    ("timed", "named"),
    [
        (1200.0, "timeouts"),
        (996.0, "timeouts"),
        (900.0, "timeouts,25% of requests"),
        (1.0, "timeouts,99% of requests"),
    ],
)
def test_the_part_that_is_not_timed_is_rounded_down_and_follows_its_reasons(timed: float, named: str) -> None:
    requests = timing.Timing(counted=1200.0, timed=timed, initial=0.0, margin=0.2)
    metadata = item(dataclasses.replace(FIGURES, without=("timeouts",), timed_requests=requests))["metadata"]
    assert isinstance(metadata, dict)
    assert metadata["annotations"]["metrics.smi-spec.io/latency-without"] == named


def test_a_number_that_is_not_finite_never_leaves() -> None:
    with pytest.raises(ValueError, match="has no quantity"):
        item(dataclasses.replace(FIGURES, success=math.nan))


@pytest.mark.parametrize(
    ("caller", "callee", "namespace", "name"),
    [
        (CART, CART, "shop", "deployment.cart:deployment.cart"),
        (CART, DB, "shop", "deployment.cart:data:statefulset.db"),
        (CART, DB, "data", "shop:deployment.cart:statefulset.db"),
        (kinds.UNKNOWN, CART, "shop", "unknown:deployment.cart"),
        (CART, kinds.Ref("Host", "", "example.com"), "shop", "deployment.cart:host.example.com"),
    ],
)
def test_an_edge_is_named_by_its_ends_with_the_namespace_of_the_one_elsewhere(
    caller: kinds.Ref, callee: kinds.Ref, namespace: str, name: str
) -> None:
    assert traffic_metrics.edge_name(caller, callee, namespace=namespace) == name


def test_the_servers_own_metrics_tell_of_queries_and_snapshots() -> None:
    registry = prometheus_client.CollectorRegistry()
    watcher = telemetry.Telemetry(registry)
    watcher.query_done("answered", 0.02)
    watcher.query_done("answered", 0.03)
    watcher.query_done("failed", 1.0)
    watcher.snapshot_taken(seconds=0.01, age=4.0, lag=0.0)

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"trafficmetrics_{name}", labels)

    assert value("backend_queries_total", outcome="answered") == 2
    assert value("backend_queries_total", outcome="failed") == 1
    assert value("backend_query_duration_seconds_count") == 3
    assert value("snapshot_duration_seconds_sum") == 0.01
    assert value("snapshot_age_seconds_bucket", le="5.0") == 1
