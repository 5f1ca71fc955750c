"""NGINX Service Mesh: each sidecar counts what its upstream servers answered; only sent requests have a
destination. Its documentation does not list the buckets: these are made up.
"""

from __future__ import annotations

from tests.dialects import exposition, traffic, writers
from tests.dialects.exposition import Sample

_TIMED = "nginxplus_upstream_server_response_latency_ms"
_MS = (5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000)


def _write(call: traffic.Call, sent: bool) -> list[Sample]:
    server = f"{traffic.address(call.answered_by)}:8080" if sent else "127.0.0.1:8080"
    where = {"upstream": f"{call.callee.namespace}-{call.callee.name}-8080", "server": server}
    if sent:
        where |= {
            "dst_pod": call.answered_by,
            "dst_service": call.callee.name,
            "dst_namespace": call.callee.namespace,
            f"dst_{call.callee.kind.lower()}": call.callee.name,
        }
    classes = [
        Sample("nginxplus_upstream_server_responses", {**where, "code": f"{number}xx"}, 0)
        for number in range(1, 6)
    ]
    return [
        *classes,
        Sample("nginxplus_upstream_server_requests", where, call.count),
        Sample("nginxplus_upstream_server_responses", {**where, "code": f"{call.code // 100}xx"}, call.count),
        *exposition.histogram(_TIMED, {**where, "code": str(call.code)}, call.milliseconds, bounds=_MS),
    ]


_AGENT = {"upstream": "agent", "server": "127.0.0.1:8895", "code": "2xx"}
DIALECT = writers.Dialect(
    name="nginx-mesh",
    profile="nginx-mesh",
    job="nginx-mesh-sidecars",
    sources=writers.sidecars(
        _write,
        always=[
            Sample("nginxplus_http_requests_total", {}, 1),
            Sample("nginxplus_upstream_server_responses", _AGENT, 1),
        ],
    ),
    timed=writers.Histogram(_TIMED, _MS, seconds=1e-3, received=None),
    fails=writers.by_code,
    knows=writers.Knows(server=False, callers=False, called="pod", machines=False),
)
