"""Istio up to 1.4: the proxies of both ends report to Mixer, and Mixer alone is scraped."""

from __future__ import annotations

from collections.abc import Mapping

from tests.dialects import exposition, traffic, writers
from tests.dialects.exposition import Sample
from tests.dialects.spoken import istio

_DURATION = "istio_request_duration_seconds"


def _write(call: traffic.Call, sent: bool) -> list[Sample]:
    labels = {
        "reporter": "source" if sent else "destination",
        **_end("source", call.caller if call.caller.meshed else None),
        **_destination(call),
        "request_protocol": "http" if call.grpc_status is None else "grpc",
        "response_code": str(call.code),
        "response_flags": "-",
        "permissive_response_code": "none",
        "permissive_response_policyid": "none",
        "connection_security_policy": "unknown" if sent else "none",
    }
    seconds = [milliseconds / 1000 for milliseconds in call.milliseconds]
    return [
        Sample("istio_requests_total", labels, call.count),
        *exposition.histogram(_DURATION, labels, seconds, bounds=writers.GO_SECONDS),
    ]


def _destination(call: traffic.Call) -> Mapping[str, str]:
    if not call.callee.meshed:
        return {**_end("destination", None), **istio.to_outside(call)}
    return {
        **_end("destination", call.callee),
        "destination_service": f"{call.callee.name}.{call.callee.namespace}.svc.cluster.local",
        "destination_service_name": call.callee.name,
        "destination_service_namespace": call.callee.namespace,
    }


def _end(end: str, workload: traffic.Workload | None) -> Mapping[str, str]:
    return {
        f"{end}_workload": workload.name if workload else "unknown",
        f"{end}_workload_namespace": workload.namespace if workload else "unknown",
        f"{end}_app": workload.name if workload else "unknown",
        f"{end}_principal": "unknown",
        f"{end}_version": "unknown",
    }


DIALECT = writers.Dialect(
    name="istio-mixer",
    profile="istio-mixer",
    job="istio-mesh",
    sources=writers.collector(_write, instance="istio-telemetry:42422", labels={}),
    timed=writers.Histogram(
        _DURATION,
        writers.GO_SECONDS,
        seconds=1,
        received={"reporter": "destination", "destination_workload": "db"},
    ),
    fails=writers.by_code,
    knows=writers.Knows(callers=True, pods=False, called="workload", everybody=True, hosts=True, idle=False),
)
