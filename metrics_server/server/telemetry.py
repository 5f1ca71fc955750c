"""The server's own metrics: its queries to Prometheus and their outcomes, and the age of its snapshots."""

from __future__ import annotations

import prometheus_client


class Telemetry:
    """The server's own metrics on a registry, updated after every query and every snapshot."""

    def __init__(self, registry: prometheus_client.CollectorRegistry) -> None:
        self._queries = prometheus_client.Counter(
            "trafficmetrics_backend_queries",
            "Queries sent to Prometheus, by how they ended.",
            ["outcome"],
            registry=registry,
        )
        self._query_seconds = prometheus_client.Histogram(
            "trafficmetrics_backend_query_duration_seconds",
            "Time from a query to its whole answer.",
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
            registry=registry,
        )
        self._decode_seconds = prometheus_client.Histogram(
            "trafficmetrics_snapshot_duration_seconds",
            "Time to make a snapshot of answers that have arrived.",
            buckets=(0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5),
            registry=registry,
        )
        self._freshness = prometheus_client.Histogram(
            "trafficmetrics_snapshot_age_seconds",
            "Age of the newest scrape in a snapshot when it is taken.",
            buckets=(1, 2.5, 5, 10, 15, 30, 60, 90),
            registry=registry,
        )

        self._lag = prometheus_client.Gauge(
            "trafficmetrics_backend_lag_seconds",
            "How late the samples of most targets arrive in Prometheus.",
            registry=registry,
        )
        self._clock = prometheus_client.Gauge(
            "trafficmetrics_backend_clock_ahead_seconds",
            "By how much the clock of Prometheus is ahead of that of this server.",
            registry=registry,
        )

    def query_done(self, outcome: str, seconds: float) -> None:
        """Count a query."""
        self._queries.labels(outcome).inc()
        self._query_seconds.observe(seconds)

    def snapshot_taken(self, *, seconds: float, age: float, lag: float) -> None:
        """Count a snapshot: how long it took to decode, how old its newest scrape was, and how late samples
        arrive.
        """
        self._decode_seconds.observe(seconds)
        self._freshness.observe(age)
        self._lag.set(lag)

    def clock_compared(self, *, ahead: float) -> None:
        """Note by how many seconds Prometheus' clock is ahead of this server's."""
        self._clock.set(ahead)
