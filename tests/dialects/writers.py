"""How each mesh tells of calls that are over: what a pod's proxy exposes, from the meshes' documentation."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence

from tests.dialects import exposition, traffic
from tests.dialects.exposition import Sample

ENVOY_MS = (
    0.5,
    1,
    5,
    10,
    25,
    50,
    100,
    250,
    500,
    1000,
    2500,
    5000,
    10000,
    30000,
    60000,
    300000,
    600000,
    1800000,
    3600000,
)
LINKERD_MS = (
    1, 2, 3, 4, 5, 10, 20, 30, 40, 50, 100, 200, 300, 400, 500, 1000, 2000, 3000, 4000, 5000, 10000, 20000,
    30000, 40000, 50000,
)  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class Proxy:
    """The proxy of one pod."""

    workload: traffic.Workload
    pod: str

    @property
    def sent(self) -> list[traffic.Call]:
        return [call for call in traffic.CALLS if call.pod == self.pod]

    @property
    def received(self) -> list[traffic.Call]:
        return [call for call in traffic.CALLS if call.answered_by == self.pod]


@dataclasses.dataclass(frozen=True, slots=True)
class Dialect:
    name: str
    job: str
    alive: Callable[[float], list[Sample]]
    """What every proxy exposes from its first second, given when it began."""
    calls: Callable[[Proxy], list[Sample]]
    histogram: str
    """The name of the durations, without `_bucket`."""
    bounds: Sequence[float]
    knows_callers: bool
    """Whether the called one's proxy knows who called."""
    sees_grpc: bool
    """Whether a gRPC failure is one."""


def _both_sides(proxy: Proxy, write: Callable[[traffic.Call, bool], list[Sample]]) -> list[Sample]:
    told = [sample for call in proxy.sent for sample in write(call, True)]
    told += [sample for call in proxy.received for sample in write(call, False)]
    return exposition.added(told)


# Istio

_ISTIO = "istio_request_duration_milliseconds"


def _istio(proxy: Proxy) -> list[Sample]:
    def write(call: traffic.Call, sent: bool) -> list[Sample]:
        unknown = {"workload": "unknown", "workload_namespace": "unknown", "app": "unknown"}
        source = (
            _istio_end("source", call.caller)
            if call.caller.meshed
            else {f"source_{name}": value for name, value in unknown.items()}
        )
        host = f"{call.callee.name}.{call.callee.namespace}.svc.cluster.local"
        labels = {
            "reporter": "source" if sent else "destination",
            **source,
            **_istio_end("destination", call.callee),
            "destination_service": host,
            "destination_service_name": call.callee.name,
            "destination_service_namespace": call.callee.namespace,
            "request_protocol": "http" if call.grpc_status is None else "grpc",
            "response_code": str(call.code),
            "grpc_response_status": "" if call.grpc_status is None else str(call.grpc_status),
            "response_flags": "-",
            "connection_security_policy": "unknown" if sent else "mutual_tls",
        }
        return [
            Sample("istio_requests_total", labels, call.count),
            *exposition.histogram(_ISTIO, labels, call.milliseconds, bounds=ENVOY_MS),
        ]

    return _both_sides(proxy, write)


def _istio_end(end: str, workload: traffic.Workload) -> Mapping[str, str]:
    return {
        f"{end}_workload": workload.name,
        f"{end}_workload_namespace": workload.namespace,
        f"{end}_canonical_service": workload.name,
        f"{end}_canonical_revision": "latest",
        f"{end}_principal": f"spiffe://cluster.local/ns/{workload.namespace}/sa/{workload.name}",
        f"{end}_app": workload.name,
        f"{end}_version": "",
        f"{end}_cluster": "Kubernetes",
    }


# Linkerd

_LINKERD = "response_latency_ms"


def _linkerd(proxy: Proxy) -> list[Sample]:
    def write(call: traffic.Call, sent: bool) -> list[Sample]:
        where: dict[str, str] = {"direction": "inbound", "tls": "true" if call.caller.meshed else "disabled"}
        if call.caller.meshed and not sent:
            where["client_id"] = (
                f"{call.caller.name}.{call.caller.namespace}.serviceaccount.identity.linkerd.cluster.local"
            )
        if sent:
            where = {
                "direction": "outbound",
                "tls": "true",
                "authority": f"{call.callee.name}.{call.callee.namespace}.svc.cluster.local:8080",
                "dst_namespace": call.callee.namespace,
                "dst_pod": call.answered_by,
                f"dst_{call.callee.kind.lower()}": call.callee.name,
                "dst_service": call.callee.name,
                "dst_serviceaccount": call.callee.name,
            }
        status = {} if call.grpc_status is None else {"grpc_status": str(call.grpc_status)}
        outcome = {
            "classification": "failure" if call.failed else "success",
            "status_code": str(call.code),
            **status,
        }
        return [
            Sample("response_total", {**where, **outcome}, call.count),
            *exposition.histogram(
                _LINKERD, {**where, "status_code": str(call.code)}, call.milliseconds, bounds=LINKERD_MS
            ),
        ]

    return _both_sides(proxy, write)


# Plain Envoy

_ENVOY = "envoy_cluster_upstream_rq_time"


def _envoy(proxy: Proxy) -> list[Sample]:
    def write(call: traffic.Call, sent: bool) -> list[Sample]:
        cluster = f"outbound|8080||{call.callee.name}.{call.callee.namespace}.svc.cluster.local"
        what = {"envoy_cluster_name": cluster} if sent else {"envoy_http_conn_manager_prefix": "inbound_8080"}
        counted = "envoy_cluster_upstream_rq_xx" if sent else "envoy_http_downstream_rq_xx"
        timed = _ENVOY if sent else "envoy_http_downstream_rq_time"
        return [
            Sample(counted, {**what, "envoy_response_code_class": str(call.code // 100)}, call.count),
            *exposition.histogram(timed, what, call.milliseconds, bounds=ENVOY_MS),
        ]

    def idle() -> list[Sample]:
        return [
            Sample(
                "envoy_http_downstream_rq_xx",
                {"envoy_http_conn_manager_prefix": "inbound_8080", "envoy_response_code_class": str(number)},
                0,
            )
            for number in range(1, 6)
        ]

    return exposition.added([*idle(), *_both_sides(proxy, write)])


def _uptime(began: float) -> list[Sample]:
    return [Sample("envoy_server_uptime", {}, int(time.time() - began))]


def _start_time(began: float) -> list[Sample]:
    return [Sample("process_start_time_seconds", {}, int(began))]


DIALECTS = (
    Dialect(
        name="envoy", job="envoy-stats", alive=_uptime, calls=_envoy, histogram=_ENVOY, bounds=ENVOY_MS,
        knows_callers=False, sees_grpc=False,
    ),
    Dialect(
        name="istio", job="envoy-stats", alive=_uptime, calls=_istio, histogram=_ISTIO, bounds=ENVOY_MS,
        knows_callers=True, sees_grpc=True,
    ),
    Dialect(
        name="linkerd", job="linkerd-proxy", alive=_start_time, calls=_linkerd, histogram=_LINKERD,
        bounds=LINKERD_MS, knows_callers=False, sees_grpc=True,
    ),
)  # fmt: skip
