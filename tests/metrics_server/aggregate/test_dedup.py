"""If both its pods and another reporter report a workload, it counts once on each side."""

from __future__ import annotations

from metrics_server.aggregate import dedup, rollup
from metrics_server.collect import merge
from metrics_server.inventory import objects
from metrics_server.model import kinds, snapshot
from metrics_server.ownership import graph
from tests.metrics_server.aggregate import test_peers as peers
from tests.metrics_server.collect import test_merge as moments

POD = snapshot.Reporter(namespace="shop", pod="cart-1")
WORKLOAD = snapshot.Reporter(namespace="shop", kind="Deployment", workload="cart")
THINGS = peers.deployment("cart", "cart-1")
NOTHING = objects.Inventory()


def received(
    *meshes: snapshot.Snapshot, inventory: objects.Inventory = THINGS, kind: str = "Deployment"
) -> dict[str, tuple[float | None, tuple[str, ...]]]:
    merged = merge.merge(meshes, allowed=moments.everywhere)
    owners = graph.Ownership(merged, inventory)
    rows = rollup.Rollup(dedup.once(merged, owners), owners).received(kind)
    return {row.resource.name: (row.figures.success, row.figures.profiles) for row in rows}


def reported(name: str, reporter: snapshot.Reporter, requests: float) -> snapshot.Snapshot:
    return moments.reported(name, [reporter], server=[(0, -1, requests, 0)])


def test_a_pod_s_own_proxy_is_believed_before_who_tells_of_the_whole_workload() -> None:
    (figures,) = received(reported("otel", WORKLOAD, 4), reported("istio", POD, 5)).values()
    assert figures[0] == 5


def test_who_tells_of_the_whole_workload_is_believed_where_its_pods_saw_nothing() -> None:
    (figures,) = received(reported("istio", POD, 0), reported("otel", WORKLOAD, 4)).values()
    assert figures[0] == 4


def test_of_two_that_tell_of_whole_workloads_the_first_is_believed() -> None:
    other = snapshot.Reporter(namespace="shop", workload="cart")
    (figures,) = received(reported("gloo-mesh", WORKLOAD, 7), reported("otel", other, 4)).values()
    assert figures[0] == 7


def test_each_side_is_looked_at_alone() -> None:
    istio = reported("istio", POD, 5)
    to_db = [snapshot.Peer(namespace="shop", workload="db", kind="Deployment")]
    otel = moments.reported("otel", [WORKLOAD], peers=to_db, client=[(0, 0, 3, 0)], server=[(0, -1, 4, 0)])
    merged = merge.merge([istio, otel], allowed=moments.everywhere)
    owners = graph.Ownership(merged, THINGS)
    calls = dedup.once(merged, owners).calls
    assert [calls[side].success.sum() for side in (kinds.Side.CLIENT, kinds.Side.SERVER)] == [3, 5]


def test_a_mesh_of_pods_alone_stays_as_it_is() -> None:
    taken = reported("istio", POD, 5)
    assert dedup.once(taken, graph.Ownership(taken, NOTHING)) is taken


def test_a_pod_counts_once_if_a_second_mesh_writes_its_name_in_another_way() -> None:
    sanitized = snapshot.Reporter(namespace="shop", pod="cart_1", sanitized=True)
    (figures,) = received(reported("istio", POD, 5), reported("osm", sanitized, 5)).values()
    assert figures[0] == 5


def test_a_machine_s_own_proxy_is_believed_before_a_collector_that_reports_it() -> None:
    ref = kinds.Ref(kinds.EXTERNAL_WORKLOAD, "shop", "till")
    known = objects.Inventory({ref: objects.Object(ref=ref)})
    scraped = snapshot.Reporter(
        namespace="shop", machine="till", targets=frozenset({snapshot.Target("mesh", "till:9901")})
    )
    from_outside = snapshot.Reporter(namespace="shop", workload="till")
    for order in ((scraped, from_outside), (from_outside, scraped)):
        meshes = [reported(name, one, 4) for name, one in zip(("one", "two"), order, strict=True)]
        found = received(*meshes, inventory=known, kind=ref.kind)
        assert found["till"][0] == 4
