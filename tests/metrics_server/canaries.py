"""Splits between two versions of a service, in meshes made by hand, and what is told of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from metrics_server import inventory, ownership, sharing, snapshot, words
from metrics_server.splits import values
from tests.metrics_server import meshes


def moment(
    reporters: Sequence[snapshot.Reporter],
    peers: Sequence[snapshot.Peer],
    *,
    client: Sequence[meshes.Row] = (),
    server: Sequence[meshes.Row] = (),
) -> snapshot.Snapshot:
    """Of a mesh that tells of no requests only by telling nothing."""
    taken = meshes.moment(reporters, peers=peers, client=client, server=server)
    mesh = dataclasses.replace(meshes.TOY, told_from_start=dict.fromkeys(words.Side, False))
    return dataclasses.replace(taken, meshes=(mesh,))


def things(*services: tuple[str, dict[str, str]], **pods: Mapping[str, str]) -> inventory.Inventory:
    """Services with what they select, and pods with their labels, all in `shop`."""
    found = [
        inventory.Thing(ref=words.Ref("Service", "shop", name), selector=selector)
        for name, selector in services
    ]
    found += [
        inventory.Thing(ref=words.Ref("Pod", "shop", name.replace("_", "-")), labels=labels)
        for name, labels in pods.items()
    ]
    return inventory.Inventory({thing.ref: thing for thing in found})


def backend(name: str, weight: int = 1, *, namespace: str = "shop", **more: Any) -> values.Backend:
    return values.Backend(service=words.Ref("Service", namespace, name), weight=weight, **more)


def split(*backends: values.Backend, name: str = "canary", **more: Any) -> values.Split:
    ref = words.Ref("TrafficSplit", "shop", name)
    return values.Split(ref=ref, apex="cart", backends=backends, **more)


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
    *splits: values.Split,
    known: inventory.Inventory | None = None,
) -> sharing.Sharing:
    owners = ownership.Ownership(taken, known or inventory.Inventory())
    return sharing.Sharing(taken, owners, splits)


def told(parts: Sequence[sharing.Part]) -> dict[str, tuple[float | None, float | None, float | None]]:
    return {part.name: (part.figures.success, part.figures.failure, part.share) for part in parts}


UNKNOWN = (None, None, None)
