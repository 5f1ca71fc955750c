"""The golden lists as decoded values, for tests without a server."""

import dataclasses
import datetime as dt
import json
import pathlib

from dashboard.client import traffic
from dashboard.graph import build, model

_GOLDEN = pathlib.Path(__file__).parent.parent / "golden"
NOON = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)


def metrics() -> tuple[traffic.Traffic, ...]:
    return traffic.decode_list(json.loads((_GOLDEN / "trafficmetrics.json").read_text()))


def edges() -> tuple[traffic.Traffic, ...]:
    return traffic.decode_list(json.loads((_GOLDEN / "trafficedges.json").read_text()))


def graph() -> model.Graph:
    return build.build(metrics(), edges())


def idle_graph() -> model.Graph:
    """Return the graph of the same mesh without any requests."""
    quiet = [
        dataclasses.replace(item, success_count=0.0, failure_count=0.0, p50=None, p90=None, p99=None)
        for item in metrics()
    ]
    return build.build(quiet, [])


def edge(
    source: traffic.ResourceReference | None,
    target: traffic.ResourceReference | None,
    *,
    successes: float | None,
    direction: str = "to",
) -> traffic.Traffic:
    """Return one edge as its caller (`to`) or its callee (`from`) reports it."""
    resource, peer = (source, target) if direction == "to" else (target, source)
    if resource is None:
        raise ValueError("an edge is told by somebody")
    return traffic.Traffic(
        name="",
        resource=resource,
        peer=peer,
        direction=direction,
        side="client" if direction == "to" else "server",
        timestamp=NOON,
        window=30.0,
        success_count=successes,
        failure_count=None if successes is None else 0.0,
        p50=0.01,
        p90=0.02,
        p99=0.03,
        limits=traffic.LatencyLimits(),
        labels={},
        profile="envoy",
    )
