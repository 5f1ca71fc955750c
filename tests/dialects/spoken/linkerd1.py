"""Linkerd 1: a process on each node with two routers, which computes quantiles itself. A request passes the
outgoing router of its caller's node and the incoming router of the callee's node.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable

from tests.dialects import exposition, traffic, writers
from tests.dialects.exposition import Sample

_TIMED = "rt:client:request_latency_ms"
_TOLD = {"0.5": 0.5, "0.9": 0.9, "0.95": 0.95, "0.99": 0.99, "0.999": 0.999, "0.9999": 0.9999, "1": 1.0}


def _outgoing(call: traffic.Call) -> str:
    return f"/%/io.l5d.k8s.daemonset/linkerd/incoming/l5d{_service(call)}"


def _incoming(call: traffic.Call) -> str:
    here = traffic.NODES.index(traffic.node(call.answered_by)) + 1
    return f"/%/io.l5d.k8s.localnode/10.1.{here}.1{_service(call)}"


def _service(call: traffic.Call) -> str:
    return f"/#/io.l5d.k8s/{call.callee.namespace}/http/{call.callee.name}"


def _router(name: str, calls: Iterable[traffic.Call], client: Callable[[traffic.Call], str]) -> list[Sample]:
    ordered = sorted(calls, key=client)
    return [
        sample
        for path, group in itertools.groupby(ordered, key=client)
        for sample in _client({"rt": name, "client": path}, list(group))
    ]


def _client(labels: dict[str, str], calls: list[traffic.Call]) -> list[Sample]:
    failed = sum(call.count for call in calls if call.code >= 500)
    total = sum(call.count for call in calls)
    durations = [each for call in calls for each in call.milliseconds]
    reply = [
        Sample("rt:client:requests", labels, total),
        Sample("rt:client:success", labels, total - failed),
        *exposition.quantiles(_TIMED, labels, durations, label="quantile", reply=_TOLD),
        Sample(f"{_TIMED}_count", labels, total, False),
        Sample(f"{_TIMED}_avg", labels, sum(durations) / total, False),
    ]
    # A failure is counted once, and once more for each exception of the chain that led to it.
    chain: tuple[dict[str, str], ...] = ({}, {"exception": "a.Failure"}, {"exception": "a.Failure:a.Cause"})
    return reply + [Sample("rt:client:failures", {**labels, **each}, failed) for each in chain if failed]


def _processes(calls: writers.Calls) -> list[writers.Source]:
    return [
        writers.Source(
            f"l5d-{node}",
            {"namespace": "linkerd", "pod": f"l5d-{node}", "node": node},
            [
                *_router("outgoing", (c for c in calls if traffic.node(c.pod) == node), _outgoing),
                *_router("incoming", (c for c in calls if traffic.node(c.answered_by) == node), _incoming),
            ],
        )
        for node in traffic.NODES
    ]


DIALECT = writers.Dialect(
    name="linkerd1",
    profile="linkerd1",
    job="linkerd",
    sources=_processes,
    timed=writers.Quantiles(
        _TIMED, "quantile", _TOLD, told_by=lambda call: traffic.node(call.answered_by), seconds=1e-3
    ),
    fails=writers.by_code,
    knows=writers.Knows(
        client=False, callers=False, pods=False, called="service", everybody=True, idle=False
    ),
)
