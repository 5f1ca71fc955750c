"""OpenTelemetry's service graph: a series for each pair of services, a histogram for each of its ends."""

from __future__ import annotations

from tests.dialects import exposition, traffic, writers
from tests.dialects.exposition import Sample

SECONDS = (0.002, 0.004, 0.006, 0.008, 0.01, 0.05, 0.1, 0.2, 0.4, 0.8, 1, 1.4, 2, 5, 10, 15)


def reported(call: traffic.Call, **dimensions: str) -> list[Sample]:
    """Everything that the collector reports of a call; `dimensions` are the attributes that it keeps."""
    labels = {
        "client": call.caller.name if call.caller.meshed else "user",
        "server": call.callee.name,
        "connection_type": "" if call.caller.meshed else "virtual_node",
        "failed": str(call.failed).lower(),
        **dimensions,
    }
    seconds = [milliseconds / 1000 for milliseconds in call.milliseconds]
    samples = [Sample("traces_service_graph_request_total", labels, call.count)]
    if call.failed:
        samples.append(Sample("traces_service_graph_request_failed_total", labels, call.count))
    for side in ("client", "server"):
        name = f"traces_service_graph_request_{side}_seconds"
        samples += exposition.histogram(name, labels, seconds, bounds=SECONDS)
    return samples


def dialect(
    name: str, write: writers.Write, *, received: dict[str, str], knows: writers.Knows
) -> writers.Dialect:
    """The collector reports each call once, when it has the spans of all callers."""
    return writers.Dialect(
        name=name,
        profile="otel",
        job="otel-collector",
        sources=writers.collector(
            lambda call, sent: [] if sent else write(call, sent), instance="collector:8889", labels={}
        ),
        timed=writers.Histogram(
            "traces_service_graph_request_server_seconds", SECONDS, seconds=1, received=received
        ),
        knows=knows,
    )


DIALECT = dialect(
    "otel",
    lambda call, sent: reported(call),
    received={"server": "db"},
    knows=writers.Knows(
        callers=True, pods=False, called="workload", everybody=True, stranger="user", idle=False
    ),
)
