"""Finds the metrics that look like counters of requests and that no profile reads."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from metrics_server.profiles import schema
from metrics_server.query import promql
from metrics_server.upstream import requests_prometheus

MOST_NAMES = 20_000
"""Names of metrics that are read."""
_RECENT = 600
"""Seconds: metrics that are not older are looked at."""
_COUNT, _BUCKET = "_count", "_bucket"
_REQUESTS = re.compile(
    r"(?:^|[_:.])(?:requests?|rq|reqs?|calls?|responses?|invocations?|queries|hits|rpcs?|http|grpc)(?:[_:.]|$)"
)
_OF_TIME = re.compile(r"(?:duration|latency|time|seconds|milliseconds|elapsed|_ms)(?:[_:.]|$)")
_OTHER_THINGS = re.compile(
    r"bytes|_size|retr(?:y|ies)|connection|_cx_|in_flight|inflight|pending|timeouts?_total|cache|dns|tls_"
    r"|shadow|mirror|hedg"
)
_OF_THE_PLATFORM = (
    "aggregator_", "alertmanager_", "apiextensions_", "apiserver_", "authentication_", "authorization_",
    "cadvisor_", "container_", "coredns_", "etcd_", "go_", "grafana_", "kube_", "kubelet_", "kubeproxy_",
    "loki_", "net_conntrack_", "node_", "otelcol_", "process_", "prober_", "prometheus_", "promhttp_",
    "rest_client_", "scheduler_", "scrape_", "storage_operation_", "thanos_", "trafficmetrics_", "vm_",
    "volume_", "workqueue_",
)  # fmt: skip
"""How metrics of the platform begin, which has requests of its own that no workload sends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A metric that looks like a counter of requests."""

    counter: str
    histogram: str | None
    """Its durations, named without `_bucket`; None if there are none."""

    @property
    def stem(self) -> str:
        """The first word of its name, which the metrics of one program share."""
        return re.split(r"[_:.]", self.counter, maxsplit=1)[0]


@dataclass(frozen=True, slots=True)
class Found:
    """The families, the likeliest first."""

    families: Sequence[Family]
    names: frozenset[str]
    """All names of metrics that were read."""
    is_cut_off: bool
    """Whether there are more names than were read."""


async def find(
    backend: requests_prometheus.RecordingClient, profiles: Sequence[schema.Profile], *, at: float
) -> Found:
    """Return the metrics that no profile reads and that look like counters of requests.

    Only names are read, from the backend's index, whatever the number of its series. Nothing is found if the
    backend does not list names. `at`: Unix seconds.
    """
    parameters = [("limit", str(MOST_NAMES + 1)), ("start", f"{at - _RECENT:.0f}"), ("end", f"{at:.0f}")]
    if backend.always:
        parameters.append(("match[]", promql.every(backend.always)))
    listed = backend.look_up("label/__name__/values", parameters)
    names = [one for one in listed if isinstance(one, str)] if isinstance(listed, list) else []
    read = frozenset(names[:MOST_NAMES])
    types = _types(backend.look_up("metadata", [("limit", str(MOST_NAMES)), ("limit_per_metric", "1")]))
    return Found(likely(read, profiles, types), read, len(names) > MOST_NAMES)


def _types(answer: Any) -> Mapping[str, str]:
    """Return the type of each metric, as far as the backend knows it."""
    if not isinstance(answer, dict):
        return {}
    return {
        name: str(entries[0].get("type", ""))
        for name, entries in answer.items()
        if isinstance(entries, list) and entries and isinstance(entries[0], dict)
    }


def likely(
    names: Collection[str], profiles: Sequence[schema.Profile], types: Mapping[str, str]
) -> list[Family]:
    """Return the families among these names, the likeliest first. `types`: of metrics, where known."""
    read = claimed(profiles)
    found = [
        Family(counter=name, histogram=histogram_of(name, names))
        for name in names
        if name not in read and _counts(name, names, types) and not name.startswith(_OF_THE_PLATFORM)
    ]
    return sorted(found, key=lambda one: (-_likelihood(one), one.counter))


def claimed(profiles: Sequence[schema.Profile]) -> frozenset[str]:
    """Return the metrics that profiles read, with the parts of histograms."""
    views = [view for mesh in profiles for view in mesh.views]
    timed = [view.latency.metric for view in views if view.latency]
    parts = (f"{metric}{end}" for metric in timed for end in ("", _BUCKET, _COUNT, "_sum"))
    return frozenset({*(name for view in views for name in view.counters), *parts})


def _counts(name: str, names: Collection[str], types: Mapping[str, str]) -> bool:
    """Return whether a metric looks like a counter of requests, by its type or else by its name."""
    base = name.removesuffix(_COUNT)
    if name.endswith((_BUCKET, "_sum", "_created")) or _OTHER_THINGS.search(name):
        return False
    if not (_REQUESTS.search(name) or (base != name and _OF_TIME.search(base))):
        return False
    if base != name:
        return f"{base}{_BUCKET}" in names and bool(_OF_TIME.search(base) or _REQUESTS.search(base))
    kind = types.get(name) or types.get(name.removesuffix("_total"), "")
    return kind == "counter" or (kind in ("", "unknown") and name.endswith("_total"))


def histogram_of(counter: str, names: Collection[str]) -> str | None:
    """Return the histogram with the durations of what a counter counts: of its name, or the likeliest one."""
    base = counter.removesuffix(_COUNT)
    if base != counter:
        return base
    words = _words(counter)
    others = [
        (len(words & _words(name)), name.removesuffix(_BUCKET))
        for name in names
        if name.endswith(_BUCKET)
        and _OF_TIME.search(name.removesuffix(_BUCKET))
        and not _OTHER_THINGS.search(name)
        and name.split("_", 1)[0] == counter.split("_", 1)[0]
    ]
    shared, name = max(others, key=lambda one: (one[0], -len(one[1])), default=(0, ""))
    return name if shared > 1 else None


def _words(name: str) -> set[str]:
    """Return the words of a name, without a plural's `s`."""
    return {word.rstrip("s") for word in re.split(r"[_:.]", name)} - {"total", "bucket", ""}


def _likelihood(family: Family) -> int:
    """Return how much a family looks like the requests of workloads, as a number to compare."""
    name = family.counter
    words = _words(name)
    return (
        3 * bool(words & {"request", "rq", "call", "invocation", "req"})
        + 2 * (family.histogram is not None)
        + bool(words & {"http", "grpc", "rpc", "upstream", "outbound", "inbound", "client", "server"})
        + (not name.endswith(_COUNT))
        - 3 * bool(words & {"error", "failure", "failed", "response", "success", "entrypoint"})
    )
