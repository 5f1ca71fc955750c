"""Envoy's own statistics of a call, with the labels that a mesh gives them."""

from __future__ import annotations

from tests.dialects import exposition, traffic, writers
from tests.dialects.exposition import Labels, Sample

SENT, RECEIVED = "envoy_cluster_upstream_rq_time", "envoy_http_downstream_rq_time"


def upstream(call: traffic.Call, labels: Labels, *, origin: str = "external") -> list[Sample]:
    """Of a cluster; everything is there once more by the origin of the request, and once more by its code."""
    counted, timed = "envoy_cluster_upstream_rq", "envoy_cluster_{}upstream_rq_time"
    again = f"envoy_cluster_{origin}_upstream_rq"
    by_class = {**labels, "envoy_response_code_class": str(call.code // 100)}
    by_code = {**labels, "envoy_response_code": str(call.code)}
    return [
        *(Sample(f"{name}_xx", by_class, call.count) for name in (counted, again)),
        *(Sample(name, by_code, call.count) for name in (counted, again)),
        *(Sample(f"{name}_completed", labels, call.count) for name in (counted, again)),
        Sample(f"{counted}_total", labels, call.count),
        *_timed(timed.format(""), call, labels),
        *_timed(timed.format(f"{origin}_"), call, labels),
    ]


def downstream(call: traffic.Call, labels: Labels) -> list[Sample]:
    """Of a connection manager."""
    by_class = {**labels, "envoy_response_code_class": str(call.code // 100)}
    return [Sample("envoy_http_downstream_rq_xx", by_class, call.count), *_timed(RECEIVED, call, labels)]


def classes(labels: Labels, *, counted: str = "envoy_http_downstream_rq_xx") -> list[Sample]:
    """A connection manager has a counter of each class from the start."""
    return [
        Sample(counted, {**labels, "envoy_response_code_class": str(number)}, 0) for number in range(1, 6)
    ]


def _timed(name: str, call: traffic.Call, labels: Labels) -> list[Sample]:
    return exposition.histogram(name, labels, call.milliseconds, bounds=writers.ENVOY_MS)
