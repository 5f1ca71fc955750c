"""Tempo's service graphs: as OpenTelemetry's, but the total has the failures, which are counted once more."""

from __future__ import annotations

from tests.dialects import exposition, traffic, writers
from tests.dialects.exposition import Sample
from tests.dialects.spoken import otel


def reported(call: traffic.Call, **labels: str) -> list[Sample]:
    """What the generator reports of a call, with further labels."""
    ends = {
        "client": call.caller.name if call.caller.meshed else "user",
        "server": call.callee.name,
        "connection_type": "" if call.caller.meshed else "virtual_node",
        **labels,
    }
    seconds = [milliseconds / 1000 for milliseconds in call.milliseconds]
    # The side that sent no spans is there with durations of 0.
    sides = {"server": seconds, "client": seconds if call.caller.meshed else [0.0] * call.count}
    return [
        Sample("traces_service_graph_request_total", ends, call.count),
        Sample("traces_service_graph_request_failed_total", ends, call.count if call.failed else 0),
        *(
            sample
            for side, durations in sides.items()
            for sample in exposition.histogram(
                f"traces_service_graph_request_{side}_seconds", ends, durations, bounds=otel.SECONDS
            )
        ),
    ]


DIALECT = writers.Dialect(
    name="tempo",
    profile="tempo",
    job="tempo",
    sources=writers.collector(
        lambda call, sent: [] if sent else reported(call), instance="tempo:3200", labels={}
    ),
    timed=writers.Histogram(
        "traces_service_graph_request_server_seconds", otel.SECONDS, seconds=1, received={"server": "db"}
    ),
    knows=writers.Knows(
        callers=True, pods=False, called="workload", everybody=True, stranger="user", idle=False
    ),
)
