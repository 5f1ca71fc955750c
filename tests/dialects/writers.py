"""What the writers of all dialects share: who is scraped, and what a mesh can know by its documentation."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

from tests.dialects import exposition, traffic
from tests.dialects.exposition import Sample

ENVOY_MS = (
    0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 600000, 1800000,
    3600000,
)  # fmt: skip
GO_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""The buckets of Prometheus' own libraries."""

Calls = Sequence[traffic.Call]
Write = Callable[[traffic.Call, bool], list[Sample]]
"""What is told of a call by the one who sent it (True), or by the one who received it (False)."""


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """Something that is scraped: the proxy of a pod, the agent of a node, a collector for all."""

    instance: str
    labels: Mapping[str, str]
    samples: Sequence[Sample]
    """Of the traffic, when it has happened once."""
    fixed: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Labels that it puts on all that it exposes."""


@dataclasses.dataclass(frozen=True, slots=True)
class Histogram:
    name: str
    """Without `_bucket`."""
    bounds: Sequence[float]
    seconds: float
    """Per unit of the bounds."""
    received: Mapping[str, str] | None
    """Labels of all series that tell how long what `db` received took, if its own side tells that: they are
    all of one target.
    """


@dataclasses.dataclass(frozen=True, slots=True)
class Quantiles:
    """What each process works out itself of its own requests."""

    name: str
    label: str
    reply: Mapping[str, float]
    """Quantiles, by the label's value."""
    told_by: Callable[[traffic.Call], str]
    """Which process tells of a call."""
    seconds: float
    """Per unit of the values."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Knows:
    """What a mesh can know. The rest must be absent from every answer."""

    client: bool = True
    """Whether it is told what was sent."""
    server: bool = True
    """Whether it is told what was received."""
    callers: bool
    """Whether there, it is told who called."""
    times_sent: bool = True
    """Whether it is told how long took what was sent."""
    from_outside: bool = True
    """Whether there, it is told also what they send who are in no mesh."""
    times_received: bool = True
    """Whether there, it is told how long it took."""
    receives_grpc: bool = True
    """Whether there, it is told of calls of gRPC."""
    pods: bool = True
    """Whether who tells is told as a pod, and not as a workload alone."""
    called: Literal["pod", "workload", "service"]
    """As what the called one is told where the caller tells."""
    everybody: bool = False
    """Whether it is told also of workloads whose own proxies nobody scrapes."""
    machines: bool = True
    """Whether a machine outside Kubernetes can be part of it."""
    hosts: bool = False
    """Whether calls to hosts outside are told with their names, and calls that pass through as such."""
    strangers: bool = False
    """Whether it is told the addresses of those that are in no mesh."""
    idle: bool = True
    """Whether somebody is known who has no traffic."""


def by_code_and_status(call: traffic.Call) -> bool:
    """A 5xx, or a gRPC status other than 0."""
    return call.failed


def by_code(call: traffic.Call) -> bool:
    """A 5xx: HTTP alone shows no failure of gRPC."""
    return call.code >= 500


def _nothing(began: float) -> list[Sample]:
    return []


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One way to tell of the traffic."""

    name: str
    profile: str
    job: str
    sources: Callable[[Calls], list[Source]]
    alive: Callable[[float], list[Sample]] = _nothing
    """What every source exposes from its first second, given when it began."""
    timed: Histogram | Quantiles | None
    fails: Callable[[traffic.Call], bool] = by_code_and_status
    """Which calls are failures, as far as it can know."""
    fails_to_caller: Callable[[traffic.Call], bool] | None = None
    """The same where the caller tells, if that knows more."""
    knows: Knows

    @property
    def calls(self) -> Calls:
        """Those that this mesh can tell of at all."""
        return [
            call
            for call in traffic.CALLS
            if (self.knows.machines or not (call.caller.is_machine or call.callee.is_machine))
            and (self.knows.hosts or call.callee.meshed)
            and (self.knows.from_outside or call.caller.meshed)
        ]

    @property
    def received(self) -> Calls:
        """Those that the called one's side can tell of."""
        return [call for call in self.calls if self.knows.receives_grpc or call.grpc_status is None]


def sidecars(
    write: Write,
    *,
    always: Iterable[Sample] = (),
    fixed: Callable[[traffic.Workload], Mapping[str, str]] = lambda workload: {},
) -> Callable[[Calls], list[Source]]:
    """A proxy for each pod, which tells what that sent and received; `always` is exposed by all, and with the
    `fixed` labels of its workload.
    """

    def sources(calls: Calls) -> list[Source]:
        everybody = [(workload, pod) for workload in traffic.WORKLOADS for pod in workload.pods]
        return [
            Source(
                pod,
                target(workload, pod),
                exposition.added([*always, *reported(calls, write, pod=pod)]),
                fixed=fixed(workload),
            )
            for workload, pod in everybody
        ]

    return sources


def collector(write: Write, *, instance: str, labels: Mapping[str, str]) -> Callable[[Calls], list[Source]]:
    """One target for all, to which everybody in the mesh tells what was sent and received."""

    def sources(calls: Calls) -> list[Source]:
        pods = {pod for call in calls for pod in (call.pod, call.answered_by)}
        samples = [sample for pod in sorted(pods) for sample in reported(calls, write, pod=pod)]
        return [Source(instance, labels, exposition.added(samples))]

    return sources


def reported(calls: Calls, write: Write, *, pod: str) -> list[Sample]:
    """By one pod; who is in no mesh tells nothing."""
    sent = [call for call in calls if call.pod == pod and call.caller.meshed]
    received = [call for call in calls if call.answered_by == pod and call.callee.meshed]
    samples = [sample for call in sent for sample in write(call, True)]
    return samples + [sample for call in received for sample in write(call, False)]


def target(workload: traffic.Workload, pod: str) -> Mapping[str, str]:
    """The labels that a Kubernetes scrape gives a pod, and whoever scrapes a machine gives that."""
    if workload.is_machine:
        return {"namespace": workload.namespace, "external_workload": workload.name}
    return {"namespace": workload.namespace, "pod": pod}


def envoy_uptime(began: float) -> list[Sample]:
    """What every Envoy exposes."""
    return [Sample("envoy_server_uptime", {}, int(time.time() - began))]


def start_time(began: float) -> list[Sample]:
    """What most processes expose."""
    return [Sample("process_start_time_seconds", {}, int(began))]
