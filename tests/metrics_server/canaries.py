"""Splits between two versions of a service in meshes made by hand, and their figures."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from metrics_server.aggregate import split_traffic
from metrics_server.inventory import objects
from metrics_server.model import kinds, snapshot
from metrics_server.ownership import graph
from metrics_server.splits import model
from tests.metrics_server import meshes


def moment(
    reporters: Sequence[snapshot.Reporter],
    peers: Sequence[snapshot.Peer],
    *,
    client: Sequence[meshes.Row] = (),
    server: Sequence[meshes.Row] = (),
) -> snapshot.Snapshot:
    """Return a snapshot of a mesh in which a series exists only after the first request."""
    taken = meshes.moment(reporters, peers=peers, client=client, server=server)
    mesh = dataclasses.replace(meshes.TOY, counted_from_start=dict.fromkeys(kinds.Side, False))
    return dataclasses.replace(taken, meshes=(mesh,))


def things(*services: tuple[str, dict[str, str]], **pods: Mapping[str, str]) -> objects.Inventory:
    """Return an inventory of services with their selectors and pods with their labels, all in `shop`."""
    found = [
        objects.Object(ref=kinds.Ref("Service", "shop", name), selector=selector)
        for name, selector in services
    ]
    found += [
        objects.Object(ref=kinds.Ref("Pod", "shop", name.replace("_", "-")), labels=labels)
        for name, labels in pods.items()
    ]
    return objects.Inventory({one.ref: one for one in found})


def backend(name: str, weight: int = 1, *, namespace: str = "shop", **more: Any) -> model.Backend:
    return model.Backend(service=kinds.Ref("Service", namespace, name), weight=weight, **more)


def split(*backends: model.Backend, name: str = "canary", **more: Any) -> model.Split:
    ref = kinds.Ref("TrafficSplit", "shop", name)
    return model.Split(ref=ref, apex="cart", backends=backends, **more)


CANARY = split(backend("cart-v1", 90), backend("cart-v2", 10))
V1, V2 = (
    snapshot.Peer(namespace="shop", service="cart-v1"),
    snapshot.Peer(namespace="shop", service="cart-v2"),
)
CALLER = meshes.pod("frontend-1")
VERSIONS = things(
    ("cart", {"app": "cart"}),
    ("cart-v1", {"app": "cart", "version": "v1"}),
    ("cart-v2", {"app": "cart", "version": "v2"}),
    cart_1={"app": "cart", "version": "v1"},
    cart_2={"app": "cart", "version": "v2"},
    frontend_1={"app": "frontend"},
)
BOTH = [meshes.pod("cart-1"), meshes.pod("cart-2"), CALLER]


def shared(
    taken: snapshot.Snapshot,
    *splits: model.Split,
    known: objects.Inventory | None = None,
) -> split_traffic.Sharing:
    owners = graph.Ownership(taken, known or objects.Inventory())
    return split_traffic.Sharing(taken, owners, splits)


def figures_of(
    parts: Sequence[split_traffic.Part],
) -> dict[str, tuple[float | None, float | None, float | None]]:
    return {part.name: (part.figures.success, part.figures.failure, part.share) for part in parts}


UNKNOWN = (None, None, None)
