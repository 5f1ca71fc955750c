"""Open Service Mesh: the caller's proxy names both ends in full, with only letters, digits and `_`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tests.dialects import exposition, traffic, writers
from tests.dialects.exposition import Sample

_DURATION = "osm_request_duration_ms"


def _write(call: traffic.Call, sent: bool) -> list[Sample]:
    if not sent:
        return []
    ends = {
        **_end("source", call.caller, call.pod),
        **_end("destination", call.callee, call.answered_by),
    }
    return [
        Sample("osm_request_total", {"response_code": str(call.code), **ends}, call.count),
        *exposition.histogram(_DURATION, ends, call.milliseconds, bounds=writers.ENVOY_MS),
    ]


def _end(end: str, workload: traffic.Workload, pod: str) -> Mapping[str, str]:
    return {
        f"{end}_namespace": _sanitized(workload.namespace),
        f"{end}_kind": workload.kind,
        f"{end}_name": _sanitized(workload.name),
        f"{end}_pod": _sanitized(pod),
    }


def _sanitized(name: str) -> str:
    """Return a name as it is after it was a part of a metric's name."""
    return re.sub(r"[^a-zA-Z0-9_]", "_", name)


DIALECT = writers.Dialect(
    name="osm",
    profile="osm",
    job="smi-metrics",
    sources=writers.sidecars(_write),
    timed=writers.Histogram(_DURATION, writers.ENVOY_MS, seconds=1e-3, received=None),
    fails=writers.by_code,
    knows=writers.Knows(server=False, callers=False, called="pod", machines=False, idle=False),
)
