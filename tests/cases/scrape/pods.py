"""Pods whose requests follow from the time alone, and what their Envoys expose.

A count is rate × age. Rates are a hundred times those that people would have, so that a second holds enough
requests to tell a fault of 1 %.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.dialects import exposition

CLOCK = "exporter_clock_seconds"
"""A metric with the time of the exposition, Unix seconds."""
AGE = 3600.0
"""Seconds since the pods started when the first of them is scraped."""
SHARES: Mapping[float, float] = {5.0: 0.6, 10.0: 0.8, 25.0: 0.95, 50.0: 1.0, 100.0: 1.0}
"""The share of requests that take at most so many milliseconds."""
QUANTILES = {"p50": 5.0 * 0.5 / 0.6, "p90": 10.0 + 15.0 * 0.1 / 0.15, "p99": 25.0 + 25.0 * 0.04 / 0.05}
"""The quantiles of `SHARES` as Prometheus computes them, in milliseconds."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A pod with a proxy. Rates are requests per second, all of which succeed."""

    name: str
    namespace: str
    received: float
    calls: str = ""
    """Service and namespace that it calls, joined by a dot."""
    sent: float = 0.0

    @property
    def workload(self) -> str:
        """The StatefulSet that owns it."""
        return self.name.rpartition("-")[0]

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels of its scrape target."""
        return {"namespace": self.namespace, "pod": self.name, "app": self.workload}

    def expose(self, *, age: float, stamp: float | None = None) -> str:
        """Return the exposition of its proxy, which is `age` seconds old. `stamp`: the time that every sample
        has, Unix seconds; None if the scrape gives it.
        """
        text = exposition.text(self._samples(age))
        return text if stamp is None else text.replace("\n", f" {stamp * 1000:.0f}\n")

    def _samples(self, age: float) -> Iterator[exposition.Sample]:
        yield exposition.Sample("envoy_server_uptime", {}, int(age))
        inbound = {"envoy_http_conn_manager_prefix": "inbound_8080"}
        yield from _requests("envoy_http_downstream_rq", inbound, self.received * age)
        if self.calls:
            outbound = {"envoy_cluster_name": f"outbound|8080||{self.calls}.svc.cluster.local"}
            yield from _requests("envoy_cluster_upstream_rq", outbound, self.sent * age)


def _requests(metric: str, labels: Mapping[str, str], count: float) -> Iterator[exposition.Sample]:
    """Return the counter and the histogram of a number of requests."""
    yield exposition.Sample(f"{metric}_xx", {**labels, "envoy_response_code_class": "2"}, math.floor(count))
    for bound, share in {**SHARES, math.inf: 1.0}.items():
        le = {"le": "+Inf" if math.isinf(bound) else f"{bound:g}"}
        yield exposition.Sample(f"{metric}_time_bucket", {**labels, **le}, math.floor(count * share))


PODS: Sequence[Pod] = (
    Pod(name="gateway-0", namespace="edge", received=4000.0, calls="front.shop", sent=4000.0),
    Pod(name="front-0", namespace="shop", received=1000.0, calls="cart.shop", sent=1000.0),
    Pod(name="front-1", namespace="shop", received=1000.0, calls="cart.shop", sent=1000.0),
    Pod(name="cart-0", namespace="shop", received=2000.0),
)
RATES: Mapping[str, float] = {"gateway": 4000.0, "front": 2000.0, "cart": 2000.0}
"""Requests per second that each workload receives."""


def inventory(file: Path) -> Path:
    """Write the Kubernetes objects of the pods into a file, and return it."""
    file.write_text(yaml.safe_dump_all(_objects()))
    return file


def _objects() -> Iterator[Mapping[str, Any]]:
    for name, namespace in dict.fromkeys((pod.workload, pod.namespace) for pod in PODS):
        labels = {"app": name}
        metadata = {"name": name, "namespace": namespace, "labels": labels}
        yield {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata}
        yield {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"selector": labels}}
    for pod in PODS:
        owner = {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "name": pod.workload,
            "uid": pod.workload,
            "controller": True,
        }
        yield {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": pod.name,
                "namespace": pod.namespace,
                "labels": {"app": pod.workload},
                "ownerReferences": [owner],
            },
            "status": {"phase": "Running"},
        }
