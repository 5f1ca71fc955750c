"""NGINX Ingress Controller: one controller in front of all services counts what it sent to each."""

from __future__ import annotations

from tests.dialects import exposition, traffic, writers
from tests.dialects.exposition import Sample


def _write(call: traffic.Call, sent: bool) -> list[Sample]:
    if sent:
        return []
    labels = {
        "ingress": call.callee.name,
        "namespace": call.callee.namespace,
        "service": call.callee.name,
        "host": f"{call.callee.name}.example.com",
        "path": "/",
        "method": "GET" if call.grpc_status is None else "POST",
        "status": str(call.code),
        "canary": "",
    }
    seconds = [milliseconds / 1000 for milliseconds in call.milliseconds]
    return [
        Sample("nginx_ingress_controller_requests", labels, call.count),
        *exposition.histogram(
            "nginx_ingress_controller_request_duration_seconds", labels, seconds, bounds=writers.GO_SECONDS
        ),
    ]


DIALECT = writers.Dialect(
    name="nginx-ingress",
    profile="nginx-ingress",
    job="ingress-nginx",
    # The target has labels of its own with the names of two of the request.
    sources=writers.collector(
        _write,
        instance="ingress-nginx:10254",
        labels={"namespace": "ingress-nginx", "pod": "ingress-nginx-1", "service": "metrics"},
    ),
    timed=writers.Histogram(
        "nginx_ingress_controller_request_duration_seconds",
        writers.GO_SECONDS,
        seconds=1,
        received={"exported_service": "db"},
    ),
    fails=writers.by_code,
    knows=writers.Knows(
        client=False, callers=False, pods=False, called="service", everybody=True, machines=False, idle=False
    ),
)
