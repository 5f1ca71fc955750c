"""Istio's ambient mode, without sidecars: the waypoint of a namespace reports what is sent to that namespace.

ztunnel reports connections only, for all pods of a node, and the labels of its own pod name none of them.
"""

from __future__ import annotations

from tests.dialects import exposition, traffic, writers
from tests.dialects.exposition import Sample
from tests.dialects.spoken import istio


def _sources(calls: writers.Calls) -> list[writers.Source]:
    return [
        *map(_waypoint, ["shop", "data"], [calls, calls]),
        *(_ztunnel(node, calls) for node in traffic.NODES),
    ]


def _waypoint(namespace: str, calls: writers.Calls) -> writers.Source:
    reply = [
        sample
        for call in calls
        if call.callee.namespace == namespace
        for sample in istio.reported(call, reporter="waypoint")
    ]
    uptime = Sample("envoy_server_uptime", {}, 3600, grows=False)
    pod = "waypoint-6c8f9d7b4-w1w1w"
    return writers.Source(
        f"{namespace}-waypoint", {"namespace": namespace, "pod": pod}, [uptime, *exposition.added(reply)]
    )


def _ztunnel(node: str, calls: writers.Calls) -> writers.Source:
    opened = [
        Sample(
            "istio_tcp_connections_opened_total",
            {"reporter": "source", **istio.ends(call), "request_protocol": "tcp", "response_flags": "-"},
            1,
        )
        for call in calls
        if traffic.node(call.pod) == node
    ]
    labels = {"namespace": "istio-system", "pod": f"ztunnel-{node}", "app": "ztunnel"}
    return writers.Source(f"ztunnel-{node}", labels, exposition.added(opened))


DIALECT = writers.Dialect(
    name="istio-ambient",
    profile="istio",
    job="istio-proxies",
    sources=_sources,
    timed=writers.Histogram(
        istio.DURATION,
        writers.ENVOY_MS,
        seconds=1e-3,
        received={"reporter": "waypoint", "destination_workload": "db"},
    ),
    knows=writers.Knows(
        client=False, callers=True, pods=False, called="workload", machines=False, idle=False
    ),
)
