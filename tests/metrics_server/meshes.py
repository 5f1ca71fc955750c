"""Small meshes made by hand, their inventories, and their roll-ups."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from metrics_server.aggregate import rollup
from metrics_server.inventory import objects
from metrics_server.model import kinds, snapshot
from metrics_server.ownership import graph

BOUNDS = (0.001, 0.01, 0.1, math.inf)
WHOLE = snapshot.Span(since=969.0, until=999.0, window=30.0, interval=5.0)


def span(since: float, until: float, **more: Any) -> snapshot.Span:
    """Return a span of a target that is scraped every 5 s, for a window of 30 s."""
    return snapshot.Span(since=since, until=until, window=30.0, interval=5.0, **more)


Row = tuple[int, int, float, float]
"""The indices of reporter and peer, then the numbers of successes and failures."""


def pod(name: str, namespace: str = "shop", **labels: str) -> snapshot.Reporter:
    return snapshot.Reporter(namespace=namespace, pod=name, labels=labels)


def to(service: str, namespace: str = "shop") -> snapshot.Peer:
    return snapshot.Peer(namespace=namespace, service=service)


TOY = snapshot.Mesh(profile="toy", counted_from_start={kinds.Side.CLIENT: False, kinds.Side.SERVER: True})


def calls(rows: Sequence[Row], *, bounds: int = len(BOUNDS)) -> snapshot.Calls:
    """Return calls of these rows; every request took between 1 and 10 ms."""
    return snapshot.Calls(
        reporter=np.array([row[0] for row in rows], dtype=np.int64),
        peer=np.array([row[1] for row in rows], dtype=np.int64),
        success=np.array([row[2] for row in rows], dtype=float),
        failure=np.array([row[3] for row in rows], dtype=float),
        initial=np.zeros(len(rows)),
        buckets=np.array([[0.0] + [row[2] + row[3]] * (bounds - 1) for row in rows], dtype=float).reshape(
            len(rows), bounds
        ),
    )


def moment(
    reporters: Iterable[snapshot.Reporter],
    *,
    peers: Iterable[snapshot.Peer] = (),
    client: Sequence[Row] = (),
    server: Sequence[Row] = (),
    spans: Sequence[snapshot.Span] | None = None,
) -> snapshot.Snapshot:
    reporters = tuple(reporters)
    return snapshot.Snapshot(
        meshes=(TOY,),
        mesh=(0,) * len(reporters),
        taken=1000.0,
        timestamp=999.0,
        window=30.0,
        scaled=30.0,
        interval=5.0,
        reporters=reporters,
        spans=tuple(spans or [WHOLE] * len(reporters)),
        peers=tuple(peers),
        bounds=np.array(BOUNDS),
        calls={kinds.Side.CLIENT: calls(client), kinds.Side.SERVER: calls(server)},
    )


def figures(success: float | None, failure: float | None, *, seconds: float | None = 30.0) -> rollup.Figures:
    """Return figures without latency."""
    return rollup.Figures(
        side=kinds.Side.SERVER,
        success=success,
        failure=failure,
        seconds=seconds,
        timestamp=None,
        latency=(),
        clamped=(),
        below=(),
        approximate=(),
        without=(),
        profiles=("toy",),
    )


def ref(kind: str, name: str, namespace: str = "shop") -> kinds.Ref:
    return kinds.Ref(kind, namespace, name)


def inventory(*found: objects.Object) -> objects.Inventory:
    return objects.Inventory({one.ref: one for one in found})


def service(name: str, namespace: str = "shop", **selector: str) -> objects.Object:
    return objects.Object(ref=ref("Service", name, namespace), selector=selector)


def owned(
    name: str,
    by: kinds.Ref | None,
    *,
    namespace: str = "shop",
    node: str = "",
    kind: str = "Pod",
    **labels: str,
) -> objects.Object:
    return objects.Object(ref=ref(kind, name, namespace), owner=by, node=node, labels=labels)


@dataclasses.dataclass(frozen=True, slots=True)
class Seen:
    """A roll-up in which a test looks up rows by resource."""

    rows: rollup.Rollup

    def received(self, kind: str = graph.WORKLOAD) -> dict[kinds.Ref, rollup.Received]:
        rows = self.rows.received(kind)
        found = {row.resource: row for row in rows}
        assert len(found) == len(rows)
        return found

    def edges(self, kind: str = graph.WORKLOAD) -> dict[tuple[kinds.Ref, kinds.Ref], rollup.Figures]:
        edges = self.rows.edges(kind)
        found = {(edge.caller, edge.callee): edge.figures for edge in edges}
        assert len(found) == len(edges)
        return found


def seen(taken: snapshot.Snapshot, known: objects.Inventory | None = None) -> Seen:
    return Seen(rollup.Rollup(taken, graph.Ownership(taken, known or objects.Inventory())))


CART = ref("Deployment", "cart")
CART_RS = ref("ReplicaSet", "cart-rs")
WEB = pod("web")
WEB_REF = ref("Pod", "web")
