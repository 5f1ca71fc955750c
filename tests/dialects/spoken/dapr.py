"""Dapr: the answers that a sidecar gets from others and sends to others, by the ids of applications. A caller
without sidecar calls the application directly, and Dapr does not see it; only callers report gRPC.
"""

from __future__ import annotations

from tests.dialects import exposition, traffic, writers
from tests.dialects.exposition import Sample

_ASKED = "dapr_runtime_service_invocation_req_sent_total"
_ANSWERED = "dapr_runtime_service_invocation_res_recv_total"
_TIMED = "dapr_runtime_service_invocation_res_recv_latency_ms"
_MS = (
    1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 30, 40, 50, 65, 80, 100, 130, 160, 200, 250, 300, 400, 500, 650,
    800, 1000, 2000, 5000, 10000, 20000, 50000, 100000,
)  # fmt: skip


def _write(call: traffic.Call, sent: bool) -> list[Sample]:
    status = str(call.code if call.grpc_status is None else call.grpc_status)
    if not sent:
        if call.grpc_status is not None:
            return []
        labels = {"app_id": call.callee.name, "dst_app_id": call.caller.name, "status": status}
        return [Sample("dapr_runtime_service_invocation_res_sent_total", labels, call.count)]
    # The source is the application that answered.
    labels = {"app_id": call.caller.name, "src_app_id": call.callee.name, "status": status}
    asked = {"app_id": call.caller.name, "dst_app_id": call.callee.name}
    # Some calls got no answer; of streams, Dapr reports only those that could not begin.
    no_stream = {**labels, "status": "14", "type": "streaming"}
    return [
        Sample(_ASKED, {**asked, "type": "unary"}, call.count + 2),
        Sample(_ASKED, {**asked, "type": "streaming"}, 5),
        Sample(_ANSWERED, {**labels, "type": "unary"}, call.count),
        Sample(_ANSWERED, no_stream, 1),
        *exposition.histogram(_TIMED, labels, call.milliseconds, bounds=_MS),
    ]


DIALECT = writers.Dialect(
    name="dapr",
    profile="dapr",
    job="dapr",
    sources=writers.sidecars(_write),
    alive=writers.start_time,
    timed=writers.Histogram(_TIMED, _MS, seconds=1e-3, received=None),
    fails=writers.by_code,
    fails_to_caller=writers.by_code_and_status,
    knows=writers.Knows(
        callers=True,
        called="workload",
        from_outside=False,
        times_received=False,
        receives_grpc=False,
        idle=False,
    ),
)
