"""Linkerd 2: a caller's proxy knows the pod that answers."""

from __future__ import annotations

from tests.dialects import exposition, traffic, writers
from tests.dialects.exposition import Sample

_LATENCY = "response_latency_ms"
_MS = (
    1, 2, 3, 4, 5, 10, 20, 30, 40, 50, 100, 200, 300, 400, 500, 1000, 2000, 3000, 4000, 5000, 10000, 20000,
    30000, 40000, 50000,
)  # fmt: skip


def _write(call: traffic.Call, sent: bool) -> list[Sample]:
    where = _outbound(call) if sent else _inbound(call)
    status = {} if call.grpc_status is None else {"grpc_status": str(call.grpc_status)}
    outcome = {
        "classification": "failure" if call.failed else "success",
        "status_code": str(call.code),
        **status,
    }
    return [
        Sample("response_total", {**where, **outcome}, call.count),
        *([_routed(call)] if sent else []),
        *exposition.histogram(
            _LATENCY, {**where, "status_code": str(call.code)}, call.milliseconds, bounds=_MS
        ),
    ]


def _routed(call: traffic.Call) -> Sample:
    """The same requests, as the route that they took counts them."""
    kind, status = "http", {"http_status": str(call.code)}
    if call.grpc_status is not None:
        kind, status = "grpc", {"grpc_status": "UNAVAILABLE" if call.grpc_status else "OK"}
    parent = {
        "parent_group": "core",
        "parent_kind": "Service",
        "parent_namespace": call.callee.namespace,
        "parent_name": call.callee.name,
        "parent_port": "8080",
        "route_kind": "default",
        "route_name": kind,
    }
    name = f"outbound_{kind}_route_request_statuses_total"
    return Sample(name, {**parent, **status, "error": ""}, call.count)


def _inbound(call: traffic.Call) -> dict[str, str]:
    if not call.caller.meshed:
        return {"direction": "inbound", "tls": "disabled"}
    identity = f"{call.caller.name}.{call.caller.namespace}.serviceaccount.identity.linkerd.cluster.local"
    return {"direction": "inbound", "tls": "true", "client_id": identity}


def _outbound(call: traffic.Call) -> dict[str, str]:
    callee = call.callee
    reply = {
        "direction": "outbound",
        "tls": "true",
        "authority": f"{callee.name}.{callee.namespace}.svc.cluster.local:8080",
        "dst_namespace": callee.namespace,
        "dst_service": callee.name,
        "dst_serviceaccount": callee.name,
    }
    if callee.is_machine:
        return {**reply, "dst_external_workload": callee.name}
    return {**reply, "dst_pod": call.answered_by, f"dst_{callee.kind.lower()}": callee.name}


def _not_traffic() -> list[Sample]:
    """Probes of kubelet on the workload's port, and probes and scrapes of the proxy's own port."""
    found = []
    for port, route, count in (("8080", "probe", 11), ("4191", "probe", 5), ("4191", "default", 13)):
        where = {
            "direction": "inbound",
            "target_addr": f"0.0.0.0:{port}",
            "target_port": port,
            "tls": "no_identity",
            "no_tls_reason": "no_tls_from_remote",
            "srv_kind": "default",
            "srv_name": "all-unauthenticated",
            "srv_port": port,
            "route_kind": "default",
            "route_name": route,
            "status_code": "200",
        }
        found.append(Sample("response_total", {**where, "classification": "success"}, count))
        found += exposition.histogram(_LATENCY, where, [45000.0] * count, bounds=_MS)
    return found


DIALECT = writers.Dialect(
    name="linkerd",
    profile="linkerd",
    job="linkerd-proxy",
    sources=writers.sidecars(_write, always=_not_traffic()),
    alive=writers.start_time,
    timed=writers.Histogram(
        _LATENCY,
        _MS,
        seconds=1e-3,
        received={"direction": "inbound", "namespace": "data", "pod": "db-0", "target_port": ""},
    ),
    knows=writers.Knows(callers=False, called="pod"),
)
