"""What two more meshes report about the same cluster: Istio's proxies, and Hubble's agents on each node.

Both ends report every edge, Istio's by names of workloads and Hubble's by those of pods. Each end has
successes, failures and twenty buckets; real ones report more, which no query reads.
"""

import abc
import math
from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np

from bench import pages, shape

_AGE = 3600.0
_FAILING = 0.01
_SPREAD = 0.8


class ReportedPages(abc.ABC):
    """The pages of all scrape targets; counters move as pure functions of the time."""

    alive: ClassVar[str]
    """The line with the start time of the target."""

    def __init__(self, cluster: shape.Shape, *, started: float) -> None:
        """`started` in Unix seconds."""
        self._cluster = cluster
        self._started = started
        self._made: dict[int, tuple[str, list[float]]] = {}

    @abc.abstractmethod
    def ends(self, number: int) -> Iterator[tuple[int, str]]:
        """Give, of one page, the number and the labels of each edge that it reports."""

    @abc.abstractmethod
    def series(self, labels: str) -> Iterator[str]:
        """Give the lines of one end, each with a place for its figure."""

    def page(self, number: int, *, now: float) -> bytes:
        """Return what one target exposes."""
        if number not in self._made:
            ends = list(self.ends(number))
            lines = [line for _, labels in ends for line in self.series(labels)]
            rates = [rate for edge, _ in ends for rate in _rates(edge)]
            self._made[number] = "\n".join((*lines, self.alive, "")), rates
        template, rates = self._made[number]
        age = now - self._started + _AGE
        counts = np.floor(np.array(rates) * age).astype(np.int64).tolist()
        return (template % (*counts, int(age))).encode()


def _rates(edge: int) -> list[float]:
    """Return the growth per second of successes, failures and each bucket."""
    total, median = 1.0 + edge * 7 % 20, 4.0 + edge * 13 % 90
    shares = (0.5 * (1.0 + math.erf(math.log(b / median) / (_SPREAD * math.sqrt(2.0)))) for b in pages.BOUNDS)
    return [total * (1 - _FAILING), total * _FAILING, *(total * share for share in shares), total]


def _buckets(name: str, labels: str, *, per_second: float) -> Iterator[str]:
    for bound in (*(f"{bound / per_second:.12g}" for bound in pages.BOUNDS), "+Inf"):
        yield f'{name}_bucket{{{labels},le="{bound}"}} %d'


def _edges(cluster: shape.Shape, pod: shape.Pod) -> Iterator[tuple[int, shape.Workload]]:
    """Give the number of each edge of a pod, and its callee."""
    for place, callee in enumerate(cluster.callees(pod.workload)):
        yield pod.number * shape.EDGES + place, callee


class Istio(ReportedPages):
    """A page for each pod."""

    alive = "envoy_server_uptime %d"

    def ends(self, number: int) -> Iterator[tuple[int, str]]:
        pod = self._cluster.pods[number]
        for edge, callee in _edges(self._cluster, pod):
            yield edge, _between(pod.workload, callee, reporter="source")
        for edge, caller in _edges_to(self._cluster, pod):
            yield edge, _between(caller, pod.workload, reporter="destination")

    def series(self, labels: str) -> Iterator[str]:
        for code in (200, 503):
            yield f'istio_requests_total{{{labels},response_code="{code}"}} %d'
        yield from _buckets(
            "istio_request_duration_milliseconds", f'{labels},response_code="200"', per_second=1.0
        )


def _between(caller: shape.Workload, callee: shape.Workload, *, reporter: str) -> str:
    return _text(
        {
            "reporter": reporter,
            "source_workload": caller.name,
            "source_workload_namespace": caller.namespace,
            "destination_workload": callee.name,
            "destination_workload_namespace": callee.namespace,
            "destination_service_name": callee.name,
            "destination_service_namespace": callee.namespace,
        }
    )


def _edges_to(cluster: shape.Shape, pod: shape.Pod) -> Iterator[tuple[int, shape.Workload]]:
    """Give the workloads that call a pod's, with a number each."""
    for place, caller in enumerate(cluster.callers(pod.workload)):
        yield pod.number * shape.EDGES + place, caller


class Hubble(ReportedPages):
    """A page for each node."""

    alive = "cilium_agent_bootstrap_seconds %d"

    def ends(self, number: int) -> Iterator[tuple[int, str]]:
        for pod in self._cluster.pods[number :: shape.NODES]:
            for edge, callee in _edges(self._cluster, pod):
                yield edge, _of_pods(pod, self._nth(callee, pod), reporter="client")
            for edge, caller in _edges_to(self._cluster, pod):
                yield edge, _of_pods(self._nth(caller, pod), pod, reporter="server")

    def _nth(self, workload: shape.Workload, pod: shape.Pod) -> shape.Pod:
        """Each pod calls the pod of the other workload that has the same index."""
        per = shape.PODS_PER_WORKLOAD
        return self._cluster.pods[workload.number * per + pod.number % per]

    def series(self, labels: str) -> Iterator[str]:
        for status in (200, 503):
            yield f'hubble_http_requests_total{{{labels},status="{status}"}} %d'
        yield from _buckets("hubble_http_request_duration_seconds", labels, per_second=1000.0)


def _of_pods(caller: shape.Pod, callee: shape.Pod, *, reporter: str) -> str:
    ends: dict[str, str] = {}
    for end, pod in (("source", caller), ("destination", callee)):
        ends |= {
            f"{end}_namespace": pod.workload.namespace,
            f"{end}_workload": pod.workload.name,
            f"{end}_workload_kind": "Deployment",
            f"{end}_pod": pod.name,
        }
    return _text({"reporter": reporter, **ends})


def _text(labels: Mapping[str, str]) -> str:
    return ",".join(f'{name}="{value}"' for name, value in labels.items())
