"""Find targets that Kubernetes accepts but that are mistakes for the metrics of this API.

Each of them scales a workload to maxReplicas or minReplicas without an error message.
"""

import re
from collections.abc import Iterator
from fractions import Fraction

from dashboard.client import autoscaler
from dashboard.scaling import report

_LATENCY = re.compile(r"p\d+(\.\d+)?_response_latency")
_SHARES = {"success_rate", "failure_rate"}
_TOTALS = {"requests_per_second", "success_count", "failure_count"}
_SLOWEST_S = 10  # a higher target is most likely meant as milliseconds


def is_latency(metric: str) -> bool:
    """Whether a metric is a latency quantile."""
    return _LATENCY.fullmatch(metric) is not None


def is_ours(metric: str) -> bool:
    """Whether TrafficMetrics has a metric of that name."""
    return is_latency(metric) or metric in _SHARES | _TOTALS


def find(metric: autoscaler.Metric) -> Iterator[report.Finding]:
    """The findings about a metric's target; they do not depend on the current value."""
    value = metric.target.value
    if value is None or metric.source not in ("Pods", "Object", "External"):
        return
    yield from _size(metric, value)
    if metric.name == "success_rate":
        yield report.Finding(
            report.Severity.WRONG,
            "An HPA adds pods while a value is above its target: with success_rate it adds pods when all "
            "requests succeed and removes pods during failures.",
            "Scale on requests_per_second, or on failure_rate if more pods reduce failures.",
        )
    if metric.source != "Pods":
        yield from _kind_of_target(metric)
    elif is_latency(metric.name):
        yield report.Finding(
            report.Severity.NOTE,
            "The HPA averages the percentiles of the pods, without regard to their numbers of requests.",
            "For the percentile of all requests, use an Object metric of the Service or Deployment.",
        )


def _size(metric: autoscaler.Metric, value: Fraction) -> Iterator[report.Finding]:
    written = metric.target.text
    if is_latency(metric.name) and value >= _SLOWEST_S:
        yield report.Finding(
            report.Severity.WRONG,
            f"The target {written} means {_plain(value)} seconds: latencies are in seconds.",
            f"For {_plain(value)} milliseconds write {_plain(value)}m.",
        )
    if metric.name in _SHARES and value > 1:
        yield report.Finding(
            report.Severity.WRONG,
            f"The target {written} means {_plain(value * 100)} %: {metric.name} is a share from 0 to 1.",
            f"For {_plain(value)} % write {_plain(value * 10)}m.",
        )
    if metric.name == "requests_per_second" and value < 1 and written.endswith("m"):
        yield report.Finding(
            report.Severity.NOTE,
            f"The target {written} means {_plain(value)} requests per second.",
            f"For {_plain(value * 1000)} requests per second write {_plain(value * 1000)}.",
        )


def _kind_of_target(metric: autoscaler.Metric) -> Iterator[report.Finding]:
    of_a_pod = metric.described is not None and metric.described.kind == "Pod"
    if metric.name in _TOTALS and metric.target.type == "Value" and not of_a_pod:
        yield report.Finding(
            report.Severity.WRONG,
            f"{metric.name} of all pods does not fall when pods are added, so with a Value target the HPA "
            "scales to maxReplicas or minReplicas.",
            "Use type AverageValue: the HPA then divides the value by the number of pods.",
        )
    if (is_latency(metric.name) or metric.name in _SHARES) and metric.target.type == "AverageValue":
        what = "latency" if is_latency(metric.name) else "share"
        yield report.Finding(
            report.Severity.WRONG,
            f"AverageValue divides one {what} by the number of pods, so it falls with each pod that is "
            "added.",
            "Use type Value.",
        )


def _plain(value: Fraction) -> str:
    return f"{float(value):.10g}"
