"""Envoy's own statistics of a call with the labels of a mesh, and dialects that consist of these alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from tests.dialects import exposition, traffic, writers
from tests.dialects.exposition import Labels, Sample

SENT, RECEIVED = "envoy_cluster_upstream_rq_time", "envoy_http_downstream_rq_time"
_DB = {"namespace": "data", "pod": "db-0"}


def upstream(call: traffic.Call, labels: Labels, *, origin: str = "external") -> list[Sample]:
    """Samples of a cluster. Envoy also reports each count by the origin of the request, and by its code."""
    counted, timed = "envoy_cluster_upstream_rq", "envoy_cluster_{}upstream_rq_time"
    again = f"envoy_cluster_{origin}_upstream_rq"
    by_class = {**labels, "envoy_response_code_class": str(call.code // 100)}
    by_code = {**labels, "envoy_response_code": str(call.code)}
    return [
        *(Sample(f"{name}_xx", by_class, call.count) for name in (counted, again)),
        *(Sample(name, by_code, call.count) for name in (counted, again)),
        *(Sample(f"{name}_completed", labels, call.count) for name in (counted, again)),
        Sample(f"{counted}_total", labels, call.count),
        *_timed(timed.format(""), call, labels),
        *_timed(timed.format(f"{origin}_"), call, labels),
    ]


def downstream(call: traffic.Call, labels: Labels) -> list[Sample]:
    """Samples of a connection manager."""
    by_class = {**labels, "envoy_response_code_class": str(call.code // 100)}
    return [Sample("envoy_http_downstream_rq_xx", by_class, call.count), *_timed(RECEIVED, call, labels)]


def classes(labels: Labels, *, counted: str = "envoy_http_downstream_rq_xx") -> list[Sample]:
    """A connection manager has a counter of each class from the start."""
    return [
        Sample(counted, {**labels, "envoy_response_code_class": str(number)}, 0) for number in range(1, 6)
    ]


def own(*, listeners: Sequence[str], clusters: Sequence[str]) -> list[Sample]:
    """Probes, scrapes and calls of its control plane, by which a proxy has slow requests without traffic."""
    found: list[Sample] = []
    for name, label, each in (
        ("envoy_http_downstream_rq", "envoy_http_conn_manager_prefix", listeners),
        ("envoy_cluster_upstream_rq", "envoy_cluster_name", clusters),
    ):
        for value in each:
            labels = {label: value}
            found.append(Sample(f"{name}_xx", {**labels, "envoy_response_code_class": "2"}, 17))
            found += exposition.histogram(f"{name}_time", labels, [45_000.0] * 17, bounds=writers.ENVOY_MS)
    return found


def dialect(
    name: str,
    *,
    job: str,
    write: writers.Write,
    inbound: Labels,
    db: Labels = _DB,
    control: str = "",
    listeners: Sequence[str] = ("admin",),
    clusters: Sequence[str] = (),
    fixed: Callable[[traffic.Workload], Mapping[str, str]] = lambda workload: {},
    called: Literal["workload", "service"],
) -> writers.Dialect:
    """Return a dialect whose proxies report received requests by the connection manager `inbound`.

    The labels `db` distinguish the proxy of that workload from the others; `control` is the cluster through
    which each proxy reaches its control plane. `listeners` and `clusters` are those of the proxy itself.
    """
    asked = {"envoy_cluster_name": control, "envoy_response_code_class": "2"}
    also = [Sample("envoy_cluster_upstream_rq_xx", asked, 3)] if control else []
    also += own(listeners=listeners, clusters=clusters)
    return writers.Dialect(
        name=name,
        profile=name,
        job=job,
        sources=writers.sidecars(write, always=[*classes(inbound), *also], fixed=fixed),
        alive=writers.envoy_uptime,
        timed=writers.Histogram(RECEIVED, writers.ENVOY_MS, seconds=1e-3, received={**inbound, **db}),
        fails=writers.by_code,
        knows=writers.Knows(callers=False, called=called),
    )


def _timed(name: str, call: traffic.Call, labels: Labels) -> list[Sample]:
    return exposition.histogram(name, labels, call.milliseconds, bounds=writers.ENVOY_MS)
