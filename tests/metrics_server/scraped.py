"""Proxies that are scraped every 5 s, the answers of Prometheus about them, and the decoded snapshots."""

from __future__ import annotations

import dataclasses
from typing import Any

from metrics_server.decode import decoder, targets
from metrics_server.model import kinds, snapshot
from metrics_server.profiles import loading, schema
from metrics_server.query import plan
from metrics_server.query import reach as query_reach
from tests.metrics_server import recording

(ENVOY,) = [mesh for mesh in loading.shipped() if mesh.name == "envoy"]
NOW, WINDOW = 1000.0, 30.0
TIMES = [965.0, 970.0, 975.0, 980.0, 985.0, 990.0, 995.0, 1000.0]
REACH = query_reach.Reach(usual=query_reach.Times(window=WINDOW, before=10.0, interval=5.0))
CART = "outbound|8080||cart.shop.svc.cluster.local"


@dataclasses.dataclass(frozen=True, slots=True)
class Proxy:
    """One target, and its series; a counter grows by a constant amount from scrape to scrape."""

    pod: str = "a"
    job: str = "envoy"
    instance: str = "127.0.0.1:1"
    namespace: str = "shop"
    begun: float = 0.0

    @property
    def labels(self) -> dict[str, str]:
        return {"job": self.job, "instance": self.instance, "namespace": self.namespace, "pod": self.pod}

    def series(self, name: str, values: list[float], **labels: str) -> recording.Series:
        return recording.series(
            name, zip(TIMES[-len(values) :], values, strict=True), **self.labels, **labels
        )

    def itself(self) -> list[recording.Series]:
        return [
            self.series(plan.UP, [1.0] * len(TIMES)),
            self.series("envoy_server_uptime", [t - self.begun for t in TIMES]),
        ]

    def growing(self, name: str, by: float, **labels: str) -> recording.Series:
        return self.series(name, [100 + by * step for step in range(len(TIMES))], **labels)

    def calls(self, by: float, *, code: str = "2", peer: str = CART) -> recording.Series:
        return self.growing(
            "envoy_cluster_upstream_rq_xx", by, envoy_cluster_name=peer, envoy_response_code_class=code
        )

    def receives(self, by: float, *, code: str = "2", listener: str = "inbound_8080") -> recording.Series:
        return self.growing(
            "envoy_http_downstream_rq_xx",
            by,
            envoy_http_conn_manager_prefix=listener,
            envoy_response_code_class=code,
        )

    def buckets(self, *counts: tuple[str, float], peer: str = CART) -> list[recording.Series]:
        return [
            self.growing("envoy_cluster_upstream_rq_time_bucket", by, envoy_cluster_name=peer, le=le)
            for le, by in counts
        ]


def ask(*series: recording.Series) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the results for the whole mesh: of the counter queries and of the bucket query."""
    asked = plan.make(ENVOY, scope=plan.QueryScope(), window=WINDOW, reach=REACH)
    recorded = recording.Recording(series)
    assert asked.buckets is not None
    counters = [one for query in asked.counters for one in recorded.ask(query, at=NOW)]
    return counters, recorded.ask(asked.buckets, at=NOW)


def read(*series: recording.Series, mesh: schema.Profile = ENVOY) -> snapshot.Snapshot:
    counters, buckets = ask(*series)
    return decode(counters, buckets, mesh=mesh)


def decode(
    counters: list[dict[str, Any]], buckets: list[dict[str, Any]], *, mesh: schema.Profile = ENVOY
) -> snapshot.Snapshot:
    return decoder.read(
        counters, buckets, proxies=targets.find(counters, mesh), taken=NOW, window=WINDOW, interval=5.0
    )


def client(taken: snapshot.Snapshot) -> snapshot.Calls:
    return taken.calls[kinds.Side.CLIENT]


def server(taken: snapshot.Snapshot) -> snapshot.Calls:
    return taken.calls[kinds.Side.SERVER]
