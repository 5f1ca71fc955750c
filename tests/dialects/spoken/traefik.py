"""Traefik Mesh: a proxy on each node, which knows the service but not the caller."""

from __future__ import annotations

from tests.dialects import exposition, traffic, writers
from tests.dialects.exposition import Sample

_TIMED = "traefik_service_request_duration_seconds"
_SECONDS = (0.1, 0.3, 1.2, 5)


_UNKNOWN = 2
"""The gRPC status where Traefik does not see it: in a trailer, after content. A failure has no content."""


def _write(call: traffic.Call) -> list[Sample]:
    grpc = call.grpc_status is not None
    labels = {
        "code": str((call.grpc_status or _UNKNOWN) if grpc else call.code),
        "method": "POST" if grpc else "GET",
        "protocol": "grpc" if grpc else "http",
        "service": f"{call.callee.namespace}-{call.callee.name}-8080@http",
    }
    entry = {**labels, "entrypoint": "http-8080"}
    del entry["service"]
    seconds = [each / 1000 for each in call.milliseconds]
    return [
        Sample("traefik_service_requests_total", labels, call.count),
        *exposition.histogram(_TIMED, labels, seconds, bounds=_SECONDS),
        Sample("traefik_entrypoint_requests_total", entry, call.count),
    ]


def _own() -> list[Sample]:
    """Probes and scrapes of the proxy, and its dashboard."""
    found = []
    for name in ("ping", "prometheus", "api", "dashboard"):
        labels = {"code": "200", "method": "GET", "protocol": "http", "service": f"{name}@internal"}
        found.append(Sample("traefik_service_requests_total", labels, 17))
        found += exposition.histogram(_TIMED, labels, [4.5] * 17, bounds=_SECONDS)
    return found


def _proxies(calls: writers.Calls) -> list[writers.Source]:
    """A request passes the proxy on its caller's node."""
    return [
        writers.Source(
            f"traefik-{node}",
            {"namespace": "traefik", "pod": f"traefik-mesh-proxy-{node}", "node": node},
            exposition.added(
                [
                    *(sample for call in calls if traffic.node(call.pod) == node for sample in _write(call)),
                    *_own(),
                ]
            ),
        )
        for node in traffic.NODES
    ]


DIALECT = writers.Dialect(
    name="traefik",
    profile="traefik",
    job="traefik-mesh",
    sources=_proxies,
    alive=writers.start_time,
    timed=writers.Histogram(_TIMED, _SECONDS, seconds=1, received=None),
    knows=writers.Knows(
        client=False, callers=False, pods=False, called="service", everybody=True, idle=False
    ),
)
