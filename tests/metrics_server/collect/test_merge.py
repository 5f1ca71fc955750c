"""Several meshes at once: a proxy that two of them report counts once, and a figure names its profiles."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from metrics_server.aggregate import rollup
from metrics_server.collect import merge
from metrics_server.inventory import objects
from metrics_server.model import kinds, snapshot
from metrics_server.ownership import graph
from tests.metrics_server import meshes

WEB, CART, DB = (snapshot.Reporter(namespace="shop", pod=name) for name in ("web", "cart", "db"))
TO_CART = snapshot.Peer(namespace="shop", pod="cart")


def everywhere(profile: str, namespace: str) -> bool:
    return True


def reported(
    name: str, reporters: list[snapshot.Reporter], *, names_callers: bool = False, **given: object
) -> snapshot.Snapshot:
    """Return the snapshot of one mesh."""
    made = meshes.moment(reporters, **given)  # type: ignore[arg-type]  # the same arguments as `moment`
    mesh = dataclasses.replace(meshes.TOY, profile=name, names_callers=names_callers)
    return dataclasses.replace(made, meshes=(mesh,))


def received(taken: snapshot.Snapshot) -> dict[str, tuple[float | None, tuple[str, ...]]]:
    rows = rolled(taken).received(kinds.POD.name)
    return {row.resource.name: (row.figures.success, row.figures.profiles) for row in rows}


def edges(taken: snapshot.Snapshot) -> dict[tuple[str, str], float | None]:
    found = rolled(taken).edges(kinds.POD.name)
    return {(edge.caller.name, edge.callee.name): edge.figures.success for edge in found}


def rolled(taken: snapshot.Snapshot) -> rollup.Rollup:
    return rollup.Rollup(taken, graph.Ownership(taken, objects.Inventory()))


def test_a_pod_is_the_same_where_its_workload_is_told_beside_it() -> None:
    beside = dataclasses.replace(CART, kind="Deployment", workload="cart")
    istio = reported("istio", [CART], server=[(0, -1, 5, 0)])
    hubble = reported("hubble", [beside], server=[(0, -1, 6, 0)])
    assert received(merge.merge([istio, hubble], allowed=everywhere)) == {"cart": (5, ("istio",))}


def test_a_proxy_that_two_meshes_tell_of_counts_once_in_the_words_of_the_first() -> None:
    istio = reported("istio", [CART], server=[(0, -1, 5, 0)])
    envoy = reported("envoy", [CART, DB], server=[(0, -1, 6, 0), (1, -1, 7, 0)])
    merged = merge.merge([istio, envoy], allowed=everywhere)
    assert received(merged) == {"cart": (5, ("istio",)), "db": (7, ("envoy",))}


def test_a_mesh_that_has_seen_no_request_of_a_proxy_yields_to_one_that_has() -> None:
    istio = reported("istio", [CART])
    envoy = reported("envoy", [CART], server=[(0, -1, 6, 0)])
    assert received(merge.merge([istio, envoy], allowed=everywhere)) == {"cart": (6, ("envoy",))}


def test_one_edge_is_told_by_its_caller_whichever_mesh_each_end_is_in() -> None:
    gateway = reported("envoy", [WEB], peers=[TO_CART], client=[(0, 0, 9, 1)])
    istio = reported("istio", [CART], server=[(0, -1, 9, 1)], names_callers=True)
    merged = merge.merge([istio, gateway], allowed=everywhere)
    assert edges(merged) == {("web", "cart"): 9}, "no edge from nobody beside it"


def test_who_calls_from_outside_is_nobody_though_there_is_another_mesh() -> None:
    other = reported("envoy", [WEB], peers=[snapshot.Peer(host="example.com")], client=[(0, 0, 2, 0)])
    istio = reported("istio", [CART], server=[(0, -1, 9, 1)], names_callers=True)
    assert edges(merge.merge([istio, other], allowed=everywhere)) == {
        ("web", "example.com"): 2,
        ("", "cart"): 9,
    }


def test_a_profile_that_is_not_allowed_in_a_namespace_tells_nothing_of_it() -> None:
    istio = reported("istio", [CART], server=[(0, -1, 5, 0)])
    envoy = reported("envoy", [CART], server=[(0, -1, 6, 0)])
    merged = merge.merge([istio, envoy], allowed=lambda profile, namespace: profile == "envoy")
    assert received(merged) == {"cart": (6, ("envoy",))}
    (alone,) = [merge.merge([istio], allowed=lambda profile, namespace: False)]
    assert received(alone) == {}


def test_unlike_buckets_are_not_added_and_those_of_one_mesh_stay_as_they_are() -> None:
    one = reported("one", [CART], server=[(0, -1, 10, 0)])
    other = reported("other", [DB], server=[(0, -1, 10, 0)])
    bounds = np.array([0.002, 0.02, *meshes.BOUNDS[2:-1], math.inf])
    other = dataclasses.replace(other, bounds=bounds)
    merged = merge.merge([one, other], allowed=everywhere)
    before = {
        row.resource.name: row.figures.latency
        for taken in (one, other)
        for row in rolled(taken).received(kinds.POD.name)
    }
    after = {row.resource.name: row.figures.latency for row in rolled(merged).received(kinds.POD.name)}
    assert after == {name: pytest.approx(latency) for name, latency in before.items()}


def test_a_namespace_in_two_meshes_is_their_sum_and_names_both() -> None:
    istio = reported("istio", [CART], server=[(0, -1, 5, 0)])
    envoy = reported("envoy", [DB], server=[(0, -1, 7, 0)])
    merged = merge.merge([istio, envoy], allowed=everywhere)
    (row,) = rolled(merged).received(kinds.NAMESPACE.name)
    assert (row.figures.success, row.figures.profiles) == (12, ("istio", "envoy"))


def test_what_is_missing_in_one_is_missing_in_all() -> None:
    whole = reported("istio", [CART])
    part = dataclasses.replace(reported("envoy", [DB]), partial=True)
    assert merge.merge([whole, part], allowed=everywhere).partial
    assert not merge.merge([whole, whole], allowed=everywhere).partial
