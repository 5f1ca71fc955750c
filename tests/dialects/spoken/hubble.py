"""Cilium's Hubble: the agent of each node reports the requests that its pods sent and received."""

from __future__ import annotations

from collections.abc import Mapping

from tests.dialects import exposition, traffic, writers
from tests.dialects.exposition import Sample

_DURATION = "hubble_http_request_duration_seconds"


def _write(call: traffic.Call, sent: bool) -> list[Sample]:
    node = traffic.node(call.pod if sent else call.answered_by)
    labels = {
        "method": "GET" if call.grpc_status is None else "POST",
        "reporter": "client" if sent else "server",
        **_end("source", call.caller, call.pod, node=node),
        **_end("destination", call.callee, call.answered_by, node=node),
    }
    outcome = {"protocol": "HTTP/1.1" if call.grpc_status is None else "HTTP/2", "status": str(call.code)}
    # If both pods are on one node, the caller's duration is 0 s: the callee's answer was logged before.
    forgotten = sent and traffic.node(call.answered_by) == node
    seconds = [0.0 if forgotten else milliseconds / 1000 for milliseconds in call.milliseconds]
    return [
        Sample("hubble_http_requests_total", {**labels, **outcome}, call.count),
        *exposition.histogram(_DURATION, labels, seconds, bounds=writers.GO_SECONDS),
    ]


def _end(end: str, workload: traffic.Workload, pod: str, *, node: str) -> Mapping[str, str]:
    """An agent does not name an endpoint outside the cluster; an endpoint on another node is a pod."""
    known = workload.meshed
    local = known and traffic.node(pod) == node
    return {
        f"{end}_namespace": workload.namespace if known else "",
        f"{end}_workload": workload.name if local else "",
        f"{end}_workload_kind": workload.kind if local else "",
        f"{end}_pod": pod if known else "",
    }


def _sources(calls: writers.Calls) -> list[writers.Source]:
    """The agent of a node reports all pods of that node."""
    return [
        writers.Source(
            f"{node}:9965",
            {"namespace": "kube-system", "pod": f"cilium-{node}", "node": node},
            exposition.added(
                sample
                for pod in {pod for call in calls for pod in (call.pod, call.answered_by)}
                if traffic.node(pod) == node
                for sample in writers.reported(calls, _write, pod=pod)
            ),
        )
        for node in traffic.NODES
    ]


DIALECT = writers.Dialect(
    name="hubble",
    profile="hubble",
    job="hubble-metrics",
    sources=_sources,
    timed=writers.Histogram(
        _DURATION, writers.GO_SECONDS, seconds=1, received={"reporter": "server", "destination_pod": "db-0"}
    ),
    fails=writers.by_code,
    knows=writers.Knows(callers=True, called="pod", everybody=True, machines=False, idle=False),
)
