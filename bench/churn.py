"""A cluster whose pods are replaced: when each pod exists, what it has counted, and what its proxy exposes.

All of it follows from the time alone, so that the exporter, the inventory and the check of the answers agree
without communication. Each of the places of a shape holds one pod after the other: a pod exists, is deleted,
and after a while another one with another name is created. The proxy of every fourth is restarted once in its
life, and begins to count at zero. Times are Unix seconds.
"""

import dataclasses
import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench import pages, shape

SCRAPE_INTERVAL = 15.0
"""Seconds."""
EDGES = 2
"""Services that each pod calls: the first of its namespace, and one of another."""
_CALLED = (0, 3)
_GONE = 8.0
"""Seconds between a pod and its successor."""
_GOLDEN = (math.sqrt(5) - 1) / 2
_FAILING = 100
"""One of so many requests fails."""
_RESTARTED, _RESTARTS_AT = 4, 0.4
Counts = tuple[int, int]
"""Requests that succeeded and that failed."""


@dataclasses.dataclass(frozen=True, slots=True)
class Life:
    """One pod, with the moments at which its proxy began to count at zero."""

    number: int
    """Its place in the shape."""
    nth: int
    processes: tuple[float, ...]
    ended: float


class Churn:
    """The pods of a shape over time."""

    def __init__(self, cluster: shape.Shape, *, started: float, lifetime: float) -> None:
        """`lifetime`: seconds from one pod in a place to the next."""
        self.cluster = cluster
        self._started = started
        self._lifetime = lifetime

    def nth(self, number: int, nth: int) -> Life:
        """Return the pod that is the nth in a place."""
        begun = self._started - self._lifetime * (number * _GOLDEN % 1.0) + nth * self._lifetime
        again = (begun + _RESTARTS_AT * self._lifetime,) if number % _RESTARTED == 0 else ()
        return Life(number, nth, (begun, *again), begun + self._lifetime - _GONE)

    def between(self, number: int, since: float, until: float) -> Iterator[Life]:
        """Return the pods of a place at some time between two."""
        first = self.nth(number, 0).processes[0]
        earliest, latest = (math.floor((moment - first) / self._lifetime) for moment in (since, until))
        lives = (self.nth(number, nth) for nth in range(max(0, earliest), latest + 1))
        return (life for life in lives if life.ended > since)

    def at(self, number: int, now: float) -> Life | None:
        """Return the pod of a place at a time."""
        return next(self.between(number, now, now), None)

    def living(self, now: float) -> Iterator[Life]:
        return (life for n in range(len(self.cluster.pods)) if (life := self.at(n, now)) is not None)

    def name(self, life: Life) -> str:
        return f"{self.cluster.pods[life.number].workload.replicaset}-{life.nth}{life.number:04d}"

    def named(self, name: str) -> Life:
        """Return the pod of a name."""
        place = name.rpartition("-")[2]
        return self.nth(int(place[-4:]), int(place[:-4]))

    def called(self, workload: shape.Workload) -> Sequence[shape.Workload]:
        every = self.cluster.callees(workload)
        return [every[number] for number in _CALLED]

    def page(self, life: Life, now: float) -> bytes:
        """Return what a pod's proxy exposes."""
        workload = self.cluster.pods[life.number].workload
        begun = process(life, now)
        values: list[int] = []
        for stream in range(EDGES + 1):
            good, bad = counted(life, stream, now)
            values += [good, bad] if stream < EDGES else [0, good, 0, 0, bad]
            values += [math.floor((good + bad) * share) for share in _SHARES]
        return (self._template(workload) % (*values, int(now - begun))).encode()

    @functools.cache  # noqa: B019 - a churn lives as long as its process
    def _template(self, workload: shape.Workload) -> str:
        lines: list[str] = []
        for called in self.called(workload):
            name = f'envoy_cluster_name="outbound|8080||{called.name}.{called.namespace}.svc.cluster.local"'
            lines += pages.series("envoy_cluster_upstream_rq", name, classes=(2, 5))
        inbound = 'envoy_http_conn_manager_prefix="inbound"'
        lines += pages.series("envoy_http_downstream_rq", inbound, classes=(1, 2, 3, 4, 5))
        return "\n".join([*lines, "# TYPE envoy_server_uptime gauge", "envoy_server_uptime{} %d", ""])

    def targets(self, now: float, *, address: str) -> list[Mapping[str, Any]]:
        """Return the targets in the format of Prometheus' HTTP service discovery."""
        return [
            {"targets": [address], "labels": {**self._labels(life), "__metrics_path__": path(life)}}
            for life in self.living(now)
        ]

    def _labels(self, life: Life) -> Mapping[str, str]:
        pod = self.cluster.pods[life.number]
        own = {name.replace("-", "_"): value for name, value in pod.labels.items()}
        place = {"namespace": pod.workload.namespace, "pod": self.name(life), "node": pod.node}
        return {
            **own,
            **place,
            "instance": f"10.{life.nth % 250}.{life.number // 250}.{life.number % 250}:15090",
        }

    def inventory(self, lives: Sequence[Life]) -> Mapping[str, Any]:
        """Return the objects of the cluster, with these pods."""
        whole = shape.inventory(self.cluster)
        others = [item for item in whole["items"] if item["kind"] != "Pod"]
        pods = {item["metadata"]["name"]: item for item in whole["items"] if item["kind"] == "Pod"}
        for life in lives:
            pod = pods[self.cluster.pods[life.number].name]
            others.append({**pod, "metadata": {**pod["metadata"], "name": self.name(life)}})
        return {**whole, "items": others}


_SHARES = [pages.share(bound, 40.0) for bound in pages.BOUNDS] + [1.0]


def path(life: Life) -> str:
    return f"/pods/{life.number}/{life.nth}"


def process(life: Life, now: float) -> float:
    """Return when the process began that counts at a time."""
    return max((begun for begun in life.processes if begun <= now), default=life.processes[0])


def counted(life: Life, stream: int, now: float) -> Counts:
    """Return what a pod's proxy has counted of a stream: sent along an edge, or (the last) received."""
    rate = 1 + (life.number * 7 + stream * 5) % 20
    total = max(0, math.floor(rate * (now - process(life, now))))
    bad = total // _FAILING
    return total - bad, bad
