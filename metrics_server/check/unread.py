"""Metrics of meshes that are there, but that no chosen profile reads: what they mean, and what to do.

Each row is a metric, the metric that would be read in its place, and a sentence with the remedy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from metrics_server.check import report
from metrics_server.model import validation
from metrics_server.profiles import schema
from metrics_server.query import promql
from metrics_server.upstream import requests_prometheus

_LABEL = "trafficmetrics_metric"


@dataclass(frozen=True, slots=True)
class Unread:
    """A metric that shows a mesh whose requests are not read."""

    metric: str
    read: str
    """The metric that counts its requests; if a chosen profile reads it and it is there, all is well."""
    sentence: str


ROWS = (
    Unread(
        "istio_tcp_connections_opened_total", "istio_requests_total",
        "Istio in ambient mode without waypoints: ztunnel reports connections and bytes, and no requests. "
        "Deploy a waypoint (istioctl waypoint apply) for the namespaces whose requests are to be seen.",
    ),
    Unread(
        "hubble_flows_processed_total", "hubble_http_requests_total",
        "Cilium without HTTP metrics: enable `httpV2` in hubble.metrics with a labelsContext, and L7 "
        "visibility.",
    ),
    Unread(
        "traefik_entrypoint_requests_total", "traefik_service_requests_total",
        "Traefik without metrics of services: set metrics.prometheus.addServicesLabels to true.",
    ),
    Unread(
        "envoy_cluster_upstream_cx_total", "envoy_cluster_upstream_rq_xx",
        "Envoy without counts of requests: its stats filter or the scrape drops "
        "envoy_cluster_upstream_rq_xx.",
    ),
    Unread(
        "traces_spanmetrics_calls_total", "traces_service_graph_request_total",
        "span metrics count received requests without their callers; enable the service graph "
        "(Tempo's processor service-graphs, OpenTelemetry's connector servicegraph) for edges.",
    ),
    Unread(
        "traces_span_metrics_calls_total", "traces_service_graph_request_total",
        "span metrics count received requests without their callers; enable OpenTelemetry's connector "
        "servicegraph for edges.",
    ),
    Unread(
        "traces_service_graph_request_total", "traces_service_graph_request_total",
        "a service graph made from traces, without the label `failed` that a chosen profile reads.",
    ),
    Unread(
        "nginx_ingress_controller_requests", "nginx_ingress_controller_requests",
        "the NGINX Ingress controller; no chosen profile reads it.",
    ),
    Unread(
        "http_server_request_duration_seconds_count", "http_server_request_duration_seconds_count",
        "request durations by OpenTelemetry's conventions, without callers; no chosen profile reads them.",
    ),
)  # fmt: skip


async def examine(
    backend: requests_prometheus.RecordingClient,
    meshes: Sequence[schema.Profile],
    *,
    at: float,
    found: report.CheckReport,
) -> None:
    """Report the metrics that are there and not read. `meshes`: the profiles that have data. Raises
    faults.Unavailable.
    """
    names = dict.fromkeys(name for row in ROWS for name in (row.metric, row.read))
    wanted = [promql.marked(promql.count(promql.selector([name])), _LABEL, name) for name in names]
    (series,) = await backend.ask([promql.either(wanted)], at=at)
    there = {one["metric"].get(_LABEL, "") for one in validation.checked(series)}
    read = {name for mesh in meshes for view in mesh.views for name in view.counters} & there
    for row in ROWS:
        if row.metric in there and row.read not in read:
            found.note(f"{row.metric} is there: {row.sentence}")
