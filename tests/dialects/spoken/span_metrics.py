"""Metrics that Tempo and OpenTelemetry's collector make of spans: what services received, and no callers."""

from __future__ import annotations

from tests.dialects import exposition, traffic, writers
from tests.dialects.exposition import Sample
from tests.dialects.spoken import otel


def _dialect(name: str, *, counter: str, label: str, histogram: str, seconds: float) -> writers.Dialect:
    """`seconds`: of one unit of the histogram."""

    def write(call: traffic.Call, sent: bool) -> list[Sample]:
        status = "STATUS_CODE_ERROR" if call.failed else "STATUS_CODE_UNSET"
        itself = call.caller if sent else call.callee
        labels = {
            label: itself.name,
            "span_kind": "SPAN_KIND_CLIENT" if sent else "SPAN_KIND_SERVER",
            "span_name": f"GET /{call.callee.name}",
            "status_code": status,
        }
        durations = [milliseconds / 1000 / seconds for milliseconds in call.milliseconds]
        bounds = tuple(bound / seconds for bound in otel.SECONDS)
        return [
            Sample(counter, labels, call.count),
            *exposition.histogram(histogram, labels, durations, bounds=bounds),
        ]

    return writers.Dialect(
        name=name,
        profile=name,
        job="spans",
        sources=writers.collector(write, instance=f"{name}:8889", labels={}),
        timed=writers.Histogram(
            histogram,
            tuple(bound / seconds for bound in otel.SECONDS),
            seconds=seconds,
            received={label: "db", "span_kind": "SPAN_KIND_SERVER"},
        ),
        knows=writers.Knows(
            client=False, callers=False, pods=False, called="service", everybody=True, idle=False
        ),
    )


DIALECTS = (
    _dialect(
        "otel-spans",
        counter="traces_span_metrics_calls_total",
        label="service_name",
        histogram="traces_span_metrics_duration_milliseconds",
        seconds=1e-3,
    ),
    _dialect(
        "tempo-spans",
        counter="traces_spanmetrics_calls_total",
        label="service",
        histogram="traces_spanmetrics_latency",
        seconds=1,
    ),
)
