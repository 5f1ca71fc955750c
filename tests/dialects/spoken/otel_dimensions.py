"""OpenTelemetry's service graph, with namespace, deployment and pod of both ends kept as dimensions."""

from __future__ import annotations

from collections.abc import Mapping

from tests.dialects import traffic, writers
from tests.dialects.exposition import Sample
from tests.dialects.spoken import otel


def _write(call: traffic.Call, sent: bool) -> list[Sample]:
    return otel.reported(
        call,
        **_end("client", call.caller, call.pod),
        **_end("server", call.callee, call.answered_by),
    )


def _end(end: str, workload: traffic.Workload, pod: str) -> Mapping[str, str]:
    if not workload.meshed:
        return {}
    return {
        f"{end}_k8s_namespace_name": workload.namespace,
        f"{end}_k8s_{workload.kind.lower()}_name": workload.name,
        f"{end}_k8s_pod_name": pod,
    }


DIALECT = otel.dialect(
    "otel-dimensions",
    _write,
    received={"server_k8s_pod_name": "db-0"},
    knows=writers.Knows(
        callers=True, called="pod", everybody=True, machines=False, stranger="user", idle=False
    ),
)
