"""Service graphs of Beyla: as Tempo's, with the namespaces of both ends and their source."""

from __future__ import annotations

from tests.dialects import traffic, writers
from tests.dialects.exposition import Sample
from tests.dialects.spoken import otel, tempo


def _write(call: traffic.Call, sent: bool) -> list[Sample]:
    if sent:
        return []
    namespaces = {"server_service_namespace": call.callee.namespace}
    if call.caller.meshed:
        namespaces["client_service_namespace"] = call.caller.namespace
    return tempo.reported(call, source="beyla", **namespaces)


DIALECT = writers.Dialect(
    name="beyla",
    profile="beyla",
    job="beyla",
    sources=writers.collector(_write, instance="beyla:9400", labels={}),
    timed=writers.Histogram(
        "traces_service_graph_request_server_seconds", otel.SECONDS, seconds=1, received={"server": "db"}
    ),
    knows=writers.Knows(
        callers=True, pods=False, called="workload", everybody=True, stranger="user", idle=False
    ),
)
