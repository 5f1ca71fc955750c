"""MOSN: a process next to each pod, which computes percentiles itself; it reports all by cluster, and again
by cluster and host. Its clusters are those of Istio's control plane.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

from tests.dialects import exposition, traffic, writers
from tests.dialects.exposition import Labels, Sample
from tests.dialects.spoken import envoy

_TIMED = "upstream_request_duration_time"
_TOLD = {"P50": 0.5, "P90": 0.9, "P99": 0.99}


def _cluster(call: traffic.Call) -> tuple[tuple[str, str], ...]:
    return (("cluster", envoy.cluster(call)),)


def _host(call: traffic.Call) -> tuple[tuple[str, str], ...]:
    return (*_cluster(call), ("host", f"{traffic.address(call.answered_by)}:8080"))


def _by(
    calls: list[traffic.Call], key: Callable[[traffic.Call], tuple[tuple[str, str], ...]]
) -> list[Sample]:
    ordered = sorted(calls, key=key)
    return [
        sample
        for labels, group in itertools.groupby(ordered, key=key)
        for sample in _upstream(dict(labels), list(group))
    ]


def _upstream(labels: Labels, calls: list[traffic.Call]) -> list[Sample]:
    failed = sum(call.count for call in calls if call.code >= 500)
    total = sum(call.count for call in calls)
    nanoseconds = [each * 1e6 for call in calls for each in call.milliseconds]
    return [
        Sample("upstream_request_total", labels, total),
        Sample("upstream_response_success", labels, total - failed),
        Sample("upstream_response_failed", labels, failed),
        Sample(f"{_TIMED}_total", labels, sum(nanoseconds)),
        Sample(f"{_TIMED}_min", labels, min(nanoseconds), False),
        Sample(f"{_TIMED}_max", labels, max(nanoseconds), False),
        *exposition.quantiles(_TIMED, labels, nanoseconds, label="percentile", reply=_TOLD),
    ]


def _downstream(calls: list[traffic.Call]) -> list[Sample]:
    """Samples of all listeners together: what was sent and what was received."""
    labels = {"proxy": "global"}
    return [
        Sample("downstream_request_total", labels, sum(call.count for call in calls)),
        Sample("downstream_request_failed", labels, 0),
    ]


def _processes(calls: writers.Calls) -> list[writers.Source]:
    sources = []
    for workload in traffic.WORKLOADS:
        for pod in workload.pods:
            sent = [call for call in calls if call.pod == pod]
            reply = _by(sent, _cluster) + _by(sent, _host)
            reply += _downstream([call for call in calls if pod in (call.pod, call.answered_by)])
            sources.append(writers.Source(pod, writers.target(workload, pod), reply))
    return sources


DIALECT = writers.Dialect(
    name="mosn",
    profile="mosn",
    job="mosn",
    sources=_processes,
    timed=writers.Quantiles(_TIMED, "percentile", _TOLD, told_by=lambda call: call.pod, seconds=1e-9),
    fails=writers.by_code,
    knows=writers.Knows(server=False, callers=False, called="service", idle=False, hosts=True),
)
