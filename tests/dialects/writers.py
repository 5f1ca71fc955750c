"""Shared by the writers of all dialects: what is scraped, and what a mesh can know by its documentation."""

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
"""Return what the caller (True) or the callee (False) reports of a call."""


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """A scrape target: the proxy of a pod, the agent of a node, or a collector for all."""

    instance: str
    labels: Mapping[str, str]
    samples: Sequence[Sample]
    """The samples after the traffic has happened once."""
    fixed: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Labels on all that it exposes."""


@dataclasses.dataclass(frozen=True, slots=True)
class Histogram:
    name: str
    """The name without `_bucket`."""
    bounds: Sequence[float]
    seconds: float
    """How many seconds one unit of the bounds is."""
    received: Mapping[str, str] | None
    """Labels of all series with the durations of what `db` received, if its own side reports them. All these
    series are from one target.
    """


@dataclasses.dataclass(frozen=True, slots=True)
class Quantiles:
    """Quantiles that each process computes of its own requests."""

    name: str
    label: str
    reply: Mapping[str, float]
    """Quantiles, by the value of the label."""
    told_by: Callable[[traffic.Call], str]
    """Return the process that reports a call."""
    seconds: float
    """How many seconds one unit of the values is."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Knows:
    """What a mesh can know. The rest must be absent from every answer."""

    client: bool = True
    """Whether sent requests are reported."""
    server: bool = True
    """Whether received requests are reported."""
    callers: bool
    """Whether received requests have a caller."""
    times_sent: bool = True
    """Whether sent requests have a duration."""
    from_outside: bool = True
    """Whether received requests include those of callers outside the mesh."""
    times_received: bool = True
    """Whether received requests have a duration."""
    receives_grpc: bool = True
    """Whether received requests include gRPC."""
    pods: bool = True
    """Whether a reporter is a pod, and not only a workload."""
    called: Literal["pod", "workload", "service"]
    """What a caller reports its callee as."""
    everybody: bool = False
    """Whether workloads whose own proxies are not scraped are reported, too."""
    machines: bool = True
    """Whether a machine outside Kubernetes can be part of it."""
    hosts: bool = False
    """Whether calls to hosts outside have the hosts' names, and calls that pass through are reported so."""
    strangers: bool = False
    """Whether endpoints outside the mesh are reported with their addresses."""
    stranger: str = ""
    """The name that all endpoints outside the mesh have; empty if they have none."""
    idle: bool = True
    """Whether workloads without traffic are known."""


def by_code_and_status(call: traffic.Call) -> bool:
    """A failure is a 5xx, or a gRPC status other than 0."""
    return call.failed


def by_code(call: traffic.Call) -> bool:
    """A failure is a 5xx: HTTP alone shows no failure of gRPC."""
    return call.code >= 500


def _nothing(began: float) -> list[Sample]:
    return []


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One way to report the traffic."""

    name: str
    profile: str
    job: str
    sources: Callable[[Calls], list[Source]]
    alive: Callable[[float], list[Sample]] = _nothing
    """What every source exposes from its first second, given when it began."""
    timed: Histogram | Quantiles | None
    fails: Callable[[traffic.Call], bool] = by_code_and_status
    """Return whether a call is a failure, as far as the mesh can know."""
    fails_to_caller: Callable[[traffic.Call], bool] | None = None
    """The same at the caller, if the caller knows more."""
    knows: Knows

    @property
    def calls(self) -> Calls:
        """The calls that this mesh can report."""
        return [
            call
            for call in traffic.CALLS
            if (self.knows.machines or not (call.caller.is_machine or call.callee.is_machine))
            and (self.knows.hosts or call.callee.meshed)
            and (self.knows.from_outside or call.caller.meshed)
        ]

    @property
    def received(self) -> Calls:
        """The calls that the callee's side can report."""
        return [call for call in self.calls if self.knows.receives_grpc or call.grpc_status is None]


def sidecars(
    write: Write,
    *,
    always: Iterable[Sample] = (),
    fixed: Callable[[traffic.Workload], Mapping[str, str]] = lambda workload: {},
) -> Callable[[Calls], list[Source]]:
    """A proxy for each pod, which reports what the pod sent and received. All proxies expose `always`, with
    the `fixed` labels of their workload.
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
    """One target for all calls, sent and received, in the whole mesh."""

    def sources(calls: Calls) -> list[Source]:
        pods = {pod for call in calls for pod in (call.pod, call.answered_by)}
        samples = [sample for pod in sorted(pods) for sample in reported(calls, write, pod=pod)]
        return [Source(instance, labels, exposition.added(samples))]

    return sources


def reported(calls: Calls, write: Write, *, pod: str) -> list[Sample]:
    """What one pod reports; a pod outside the mesh reports nothing."""
    sent = [call for call in calls if call.pod == pod and call.caller.meshed]
    received = [call for call in calls if call.answered_by == pod and call.callee.meshed]
    samples = [sample for call in sent for sample in write(call, True)]
    return samples + [sample for call in received for sample in write(call, False)]


def target(workload: traffic.Workload, pod: str) -> Mapping[str, str]:
    """The labels that Kubernetes' scrape config gives a pod, or those that a machine's scrape config gives
    it.
    """
    if workload.is_machine:
        return {"namespace": workload.namespace, "external_workload": workload.name}
    return {"namespace": workload.namespace, "pod": pod}


def envoy_uptime(began: float) -> list[Sample]:
    """What every Envoy exposes."""
    return [Sample("envoy_server_uptime", {}, int(time.time() - began))]


def start_time(began: float) -> list[Sample]:
    """What most processes expose."""
    return [Sample("process_start_time_seconds", {}, int(began))]
