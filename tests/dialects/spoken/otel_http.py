"""Applications that measure their HTTP requests themselves, by OpenTelemetry's semantic conventions."""

from __future__ import annotations

from collections.abc import Mapping

from tests.dialects import exposition, traffic, writers
from tests.dialects.exposition import Sample

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)


def _write(call: traffic.Call, sent: bool) -> list[Sample]:
    side, workload, pod = (
        ("client", call.caller, call.pod) if sent else ("server", call.callee, call.answered_by)
    )
    labels = {
        **_itself(workload, pod),
        "http_request_method": "GET" if call.grpc_status is None else "POST",
        "http_response_status_code": str(call.code),
        **({"error_type": str(call.code)} if call.code >= 500 else {}),
        **({"server_address": _address(call), "server_port": "8080"} if sent else {"http_route": "/{id}"}),
    }
    seconds = [milliseconds / 1000 for milliseconds in call.milliseconds]
    name = f"http_{side}_request_duration_seconds"
    found = exposition.histogram(name, labels, seconds, bounds=_SECONDS)
    if sent:
        return found
    # Kubelet asks every application whether it lives.
    probe = {**_itself(workload, pod), "http_response_status_code": "200", "http_route": "/healthz"}
    return found + exposition.histogram(name, probe, [0.001] * 7, bounds=_SECONDS)


def _itself(workload: traffic.Workload, pod: str) -> Mapping[str, str]:
    """The attributes of the process."""
    named = {"service_name": workload.name, "service_namespace": workload.namespace}
    if workload.is_machine:
        return named
    kind = f"k8s_{workload.kind.lower()}_name"
    return {**named, "k8s_namespace_name": workload.namespace, "k8s_pod_name": pod, kind: workload.name}


def _address(call: traffic.Call) -> str:
    """The host that the application called."""
    if call.callee.namespace == call.caller.namespace:
        return call.callee.name
    return f"{call.callee.name}.{call.callee.namespace}.svc.cluster.local"


DIALECT = writers.Dialect(
    name="otel-http",
    profile="otel-http",
    job="otel-collector",
    sources=writers.collector(_write, instance="collector:8889", labels={}),
    timed=writers.Histogram(
        "http_server_request_duration_seconds",
        _SECONDS,
        seconds=1,
        received={"k8s_pod_name": "db-0", "http_route": "/{id}"},
    ),
    fails=writers.by_code,
    knows=writers.Knows(callers=False, called="service", everybody=True, idle=False),
)
