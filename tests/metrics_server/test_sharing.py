"""Meshes made by hand: what each backend of a split received, who saw it, and what cannot be told."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from metrics_server import inventory, ownership, sharing, snapshot, words
from metrics_server.splits import values

BOUNDS = (0.001, 0.01, math.inf)
Row = tuple[int, int, float, float]
"""Reporter, peer, successes, failures."""


def calls(rows: Sequence[Row]) -> snapshot.Calls:
    """Every request took between 1 and 10 ms."""
    table = np.array(rows, dtype=float).reshape(len(rows), 4)
    total = table[:, 2] + table[:, 3]
    return snapshot.Calls(
        reporter=table[:, 0].astype(np.int64),
        peer=table[:, 1].astype(np.int64),
        success=table[:, 2],
        failure=table[:, 3],
        buckets=np.stack([0 * total, total, total], axis=1),
    )


def pod(name: str, namespace: str = "shop") -> snapshot.Reporter:
    return snapshot.Reporter(namespace=namespace, pod=name, labels={})


def moment(
    reporters: Sequence[snapshot.Reporter],
    peers: Sequence[snapshot.Peer],
    *,
    client: Sequence[Row] = (),
    server: Sequence[Row] = (),
) -> snapshot.Snapshot:
    return snapshot.Snapshot(
        meshes=(snapshot.Mesh(profile="toy", told_from_start=dict.fromkeys(words.Side, False)),),
        mesh=(0,) * len(reporters),
        taken=1000.0,
        timestamp=999.0,
        window=30.0,
        interval=5.0,
        reporters=tuple(reporters),
        spans=(snapshot.Span(since=970.0, until=999.0),) * len(reporters),
        peers=tuple(peers),
        bounds=np.array(BOUNDS),
        calls={words.Side.CLIENT: calls(client), words.Side.SERVER: calls(server)},
    )


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
CALLER = pod("frontend-1")


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


def test_a_backend_has_what_all_callers_saw_of_it_and_its_share_of_the_whole() -> None:
    taken = moment(
        [CALLER, pod("other-1", "lab")], [V1, V2], client=[(0, 0, 60, 10), (0, 1, 9, 1), (1, 0, 20, 0)]
    )
    found = shared(taken, CANARY)
    assert told(found.parts()) == {"canary:cart-v1": (80, 10, 0.9), "canary:cart-v2": (9, 1, 0.1)}
    (first, _) = found.parts()
    assert first.figures.side is words.Side.CLIENT
    assert first.figures.latency[0] == pytest.approx(0.0055)
    assert told([found.whole(CANARY)]) == {"canary": (89, 11, None)}


def test_a_backend_that_nobody_calls_has_no_request_and_without_any_there_is_no_share() -> None:
    assert told(shared(moment([CALLER], [V1, V2], client=[(0, 0, 5, 0)]), CANARY).parts()) == {
        "canary:cart-v1": (5, 0, 1.0),
        "canary:cart-v2": (0, 0, 0.0),
    }
    idle = shared(moment([CALLER], [V1], client=[(0, 0, 0, 0)]), CANARY)
    assert told(idle.parts()) == {"canary:cart-v1": (0, 0, None), "canary:cart-v2": (0, 0, None)}
    assert told([idle.whole(CANARY)]) == {"canary": (0, 0, None)}


def test_a_backend_may_be_told_by_its_bare_name_or_be_a_host() -> None:
    host = values.Backend(service=words.Ref("Host", "", "api.example.com"), weight=1)
    peers = [
        snapshot.Peer(namespace="shop", name="cart-v1"),
        snapshot.Peer(host="api.example.com"),
        snapshot.Peer(namespace="lab", name="cart-v1"),
    ]
    taken = moment([CALLER], peers, client=[(0, 0, 3, 0), (0, 1, 1, 0), (0, 2, 9, 0)])
    assert told(shared(taken, split(backend("cart-v1"), host, at_home=False)).parts()) == {
        "canary:cart-v1": (3, 0, 0.75),
        "canary:api.example.com": (1, 0, 0.25),
    }


def test_callers_are_told_apart_each_with_the_shares_it_saw() -> None:
    taken = moment(
        [CALLER, pod("other-1", "lab")], [V1, V2], client=[(0, 0, 6, 0), (0, 1, 2, 0), (1, 1, 5, 0)]
    )
    found = shared(taken, CANARY).callers(CANARY)
    assert {(str(one.caller), one.name, one.share) for one in found} == {
        ("pod.frontend-1", "canary:cart-v1", 0.75),
        ("pod.frontend-1", "canary:cart-v2", 0.25),
        ("pod.other-1", "canary:cart-v2", 1.0),
    }


def test_each_split_is_counted_by_itself() -> None:
    other = split(backend("cart-v2"), backend("cart-v3"), name="other")
    taken = moment([CALLER], [V1, V2], client=[(0, 0, 3, 0), (0, 1, 1, 0)])
    assert told(shared(taken, CANARY, other).parts()) == {
        "canary:cart-v1": (3, 0, 0.75),
        "canary:cart-v2": (1, 0, 0.25),
        "other:cart-v2": (1, 0, 1.0),
        "other:cart-v3": (0, 0, 0.0),
    }


# A split that is not at home


def test_a_split_that_is_not_at_home_counts_its_own_namespaces_callers_alone() -> None:
    away = split(backend("cart-v1"), backend("cart-v2", namespace="lab"), at_home=False)
    foreign = snapshot.Peer(namespace="lab", service="cart-v2")
    rows: list[Row] = [(0, 0, 3, 0), (0, 1, 1, 0), (1, 0, 50, 0), (1, 1, 70, 0)]
    found = shared(moment([CALLER, pod("other-1", "lab")], [V1, foreign], client=rows), away)
    assert told(found.parts()) == {"canary:cart-v1": (3, 0, 0.75), "canary:lab:cart-v2": (1, 0, 0.25)}
    assert {str(one.caller) for one in found.callers(away)} == {"pod.frontend-1"}
    assert told([found.whole(away)]) == {"canary": (4, 0, None)}


def test_with_a_split_nobody_reads_what_a_service_elsewhere_receives() -> None:
    away = split(backend("cart-v1"), backend("cart-v2", namespace="lab"), at_home=False)
    foreign = snapshot.Peer(namespace="lab", service="cart-v2")
    inside = pod("cart-v2-1", "lab")
    known = inventory.Inventory(
        {
            ref: inventory.Thing(ref=ref, selector=selector, labels=selector)
            for ref, selector in {
                words.Ref("Service", "lab", "cart-v2"): {"app": "x"},
                words.Ref("Pod", "lab", "cart-v2-1"): {"app": "x"},
            }.items()
        }
    )
    taken = moment([CALLER, inside], [foreign], client=[(1, 0, 70, 0)], server=[(1, -1, 70, 0)])
    found = shared(taken, away, known=known)
    assert told(found.parts()) == {"canary:cart-v1": (0, 0, None), "canary:lab:cart-v2": (0, 0, None)}


# By the backends' own proxies

VERSIONS = things(
    ("cart", {"app": "cart"}),
    ("cart-v1", {"app": "cart", "version": "v1"}),
    ("cart-v2", {"app": "cart", "version": "v2"}),
    cart_1={"app": "cart", "version": "v1"},
    cart_2={"app": "cart", "version": "v2"},
    frontend_1={"app": "frontend"},
)
BOTH = [pod("cart-1"), pod("cart-2"), CALLER]


def test_where_no_caller_tells_the_backends_proxies_do() -> None:
    taken = moment(BOTH, [V1, V2], server=[(0, -1, 30, 0), (1, -1, 9, 1)])
    found = shared(taken, CANARY, known=VERSIONS)
    assert told(found.parts()) == {"canary:cart-v1": (30, 0, 0.75), "canary:cart-v2": (9, 1, 0.25)}
    assert {part.figures.side for part in found.parts()} == {words.Side.SERVER}
    assert {(str(one.caller), one.name) for one in found.callers(CANARY)} == {
        ("unknown", "canary:cart-v1"),
        ("unknown", "canary:cart-v2"),
    }


def test_all_backends_are_seen_from_one_side() -> None:
    taken = moment(BOTH, [V1, V2], client=[(2, 1, 4, 0)], server=[(0, -1, 30, 0), (1, -1, 10, 0)])
    found = shared(taken, CANARY, known=VERSIONS).parts()
    assert told(found) == {"canary:cart-v1": (0, 0, 0.0), "canary:cart-v2": (4, 0, 1.0)}
    assert {part.figures.side for part in found} == {words.Side.CLIENT}


def test_a_pod_behind_two_backends_tells_of_neither() -> None:
    both = split(backend("cart"), backend("cart-v2"))
    taken = moment(BOTH, [], server=[(0, -1, 30, 0), (1, -1, 10, 0)])
    assert told(shared(taken, both, known=VERSIONS).parts()) == {
        "canary:cart": (0, 0, None),
        "canary:cart-v2": (0, 0, None),
    }


# Meshes that tell pods or workloads


def test_a_called_pod_belongs_to_the_backend_that_selects_it() -> None:
    peers = [snapshot.Peer(namespace="shop", pod=name) for name in ("cart-1", "cart-2", "frontend-1")]
    taken = moment(BOTH, peers, client=[(2, 0, 3, 0), (2, 1, 1, 0), (2, 2, 100, 0)])
    assert told(shared(taken, CANARY, known=VERSIONS).parts()) == {
        "canary:cart-v1": (3, 0, 0.75),
        "canary:cart-v2": (1, 0, 0.25),
    }


def test_a_called_pod_that_is_gone_still_belongs_to_its_backend() -> None:
    gone = words.Ref("Pod", "shop", "cart-1")
    left = {ref: thing for ref, thing in VERSIONS.things.items() if ref != gone}
    known = inventory.Inventory(left, {gone: VERSIONS.things[gone]})
    taken = moment([CALLER], [snapshot.Peer(namespace="shop", pod="cart-1")], client=[(0, 0, 3, 0)])
    assert told(shared(taken, CANARY, known=known).parts())["canary:cart-v1"] == (3, 0, 1.0)


def test_a_called_workload_belongs_to_the_backend_that_selects_all_its_pods() -> None:
    peers = [snapshot.Peer(namespace="shop", workload=name) for name in ("cart-1", "cart-2", "elsewhere")]
    taken = moment(BOTH, peers, client=[(2, 0, 3, 0), (2, 1, 1, 0), (2, 2, 100, 0)])
    assert told(shared(taken, CANARY, known=VERSIONS).parts()) == {
        "canary:cart-v1": (3, 0, 0.75),
        "canary:cart-v2": (1, 0, 0.25),
    }


def test_of_a_pod_that_two_backends_select_nobody_knows_which_was_called() -> None:
    both = split(backend("cart"), backend("cart-v2"))
    peers = [snapshot.Peer(namespace="shop", pod=name) for name in ("cart-1", "cart-2")]
    found = shared(moment(BOTH, peers, client=[(2, 0, 3, 0), (2, 1, 1, 0)]), both, known=VERSIONS)
    assert told(found.parts()) == {"canary:cart": UNKNOWN, "canary:cart-v2": UNKNOWN}
    assert told([found.whole(both)]) == {"canary": UNKNOWN}
    assert found.callers(both) == []
    assert "does not follow from what the mesh tells" in found.parts()[0].unclear


def test_without_an_inventory_a_called_pod_may_be_anybodys() -> None:
    peers = [snapshot.Peer(namespace="shop", pod="cart-1"), snapshot.Peer(namespace="lab", pod="x")]
    near = shared(moment([CALLER], peers, client=[(0, 0, 3, 0)]), CANARY)
    assert told(near.parts()) == {"canary:cart-v1": UNKNOWN, "canary:cart-v2": UNKNOWN}
    far = shared(moment([CALLER], peers, client=[(0, 1, 3, 0)]), CANARY)
    assert told(far.parts()) == {"canary:cart-v1": (0, 0, None), "canary:cart-v2": (0, 0, None)}


@pytest.mark.parametrize(
    "peer",
    [
        pytest.param(snapshot.Peer(address="10.0.0.9:8080"), id="an address of nobody known"),
        pytest.param(snapshot.Peer(joined="shop-cart-v1"), id="two namespaces and services in one word"),
        pytest.param(snapshot.Peer(service="cart-v1", anywhere=True), id="a service of either namespace"),
    ],
)
def test_of_whom_only_half_is_told_nobody_knows_whether_it_was_a_backend(peer: snapshot.Peer) -> None:
    twins = [words.Ref("Service", "shop", "cart-v1"), words.Ref("Service", "shop-cart", "v1")]
    twins.append(words.Ref("Service", "lab", "cart-v1"))
    known = inventory.Inventory({ref: inventory.Thing(ref=ref, selector={"app": "x"}) for ref in twins})
    found = shared(moment([CALLER], [peer, V2], client=[(0, 0, 3, 0), (0, 1, 1, 0)]), CANARY, known=known)
    assert told(found.parts())["canary:cart-v1"] == UNKNOWN


def test_an_address_that_kubernetes_knows_is_its_pods() -> None:
    ref = words.Ref("Pod", "shop", "cart-1")
    things = {**VERSIONS.things, ref: dataclasses.replace(VERSIONS.things[ref], addresses=("10.0.0.9",))}
    peer = snapshot.Peer(address="10.0.0.9:8080")
    taken = moment([CALLER], [peer], client=[(0, 0, 3, 0)])
    found = shared(taken, CANARY, known=inventory.Inventory(things))
    assert told(found.parts()) == {"canary:cart-v1": (3, 0, 1.0), "canary:cart-v2": (0, 0, 0.0)}


def test_a_workload_that_others_report_for_is_what_its_pods_are() -> None:
    deployment = words.Ref("Deployment", "shop", "one")
    pod = words.Ref("Pod", "shop", "cart-1")
    things = {**VERSIONS.things, pod: dataclasses.replace(VERSIONS.things[pod], owner=deployment)}
    things[deployment] = inventory.Thing(ref=deployment)
    reporter = snapshot.Reporter(namespace="shop", workload="one", kind="Deployment", labels={})
    taken = moment([reporter], [], server=[(0, -1, 30, 0)])
    found = shared(taken, CANARY, known=inventory.Inventory(things))
    assert told(found.parts()) == {"canary:cart-v1": (30, 0, 1.0), "canary:cart-v2": (0, 0, 0.0)}


# Subsets


def subset(name: str, weight: int = 1, labels: Mapping[str, str] | None = None) -> values.Backend:
    return backend("cart", weight, subset=name, labels=labels)


SUBSETS = split(subset("v1", 90, {"version": "v1"}), subset("v2", 10, {"version": "v2"}))


def called(workload: str = "") -> snapshot.Peer:
    return snapshot.Peer(namespace="shop", service="cart", workload=workload)


def test_subsets_are_told_apart_by_the_pods_of_the_called_workload() -> None:
    taken = moment(BOTH, [called("cart-1"), called("cart-2")], client=[(2, 0, 3, 0), (2, 1, 1, 0)])
    found = shared(taken, SUBSETS, known=VERSIONS)
    assert told(found.parts()) == {"canary:cart@v1": (3, 0, 0.75), "canary:cart@v2": (1, 0, 0.25)}


def test_a_version_that_is_no_subset_of_the_split_is_not_of_it() -> None:
    first = split(subset("v1", 90, {"version": "v1"}), backend("other"))
    taken = moment(BOTH, [called("cart-1"), called("cart-2")], client=[(2, 0, 3, 0), (2, 1, 1, 0)])
    assert told(shared(taken, first, known=VERSIONS).parts()) == {
        "canary:cart@v1": (3, 0, 1.0),
        "canary:other": (0, 0, 0.0),
    }


@pytest.mark.parametrize(
    ("peer", "backends"),
    [
        pytest.param(called(), SUBSETS.backends, id="no workload is told"),
        pytest.param(called("nobody"), SUBSETS.backends, id="a workload of unknown pods"),
        pytest.param(called("cart-1"), (subset("v1"), subset("v2")), id="no labels are known"),
        pytest.param(
            called("cart-1"), (subset("a", 1, {"app": "cart"}), SUBSETS.backends[0]), id="a pod is in both"
        ),
    ],
)
def test_subsets_that_cannot_be_told_apart_have_no_figures(
    peer: snapshot.Peer, backends: tuple[values.Backend, ...]
) -> None:
    one = split(*backends)
    found = shared(moment(BOTH, [peer], client=[(2, 0, 3, 0)]), one, known=VERSIONS)
    assert set(told(found.parts()).values()) == {UNKNOWN}
    assert all(part.unclear for part in found.parts())


def test_what_could_not_be_told_apart_and_is_over_leaves_nothing_unclear() -> None:
    taken = moment(BOTH, [called(), called("cart-1")], client=[(2, 0, 0, 0), (2, 1, 3, 0)])
    assert told(shared(taken, SUBSETS, known=VERSIONS).parts())["canary:cart@v1"] == (3, 0, 1.0)


def test_what_several_rules_send_to_has_no_figures_and_the_rest_has() -> None:
    target = (words.Ref("Service", "shop", "cart-v1"), "")
    one = split(backend("cart-v1"), backend("cart-v2"), rule="1", shared=frozenset({target}))
    taken = moment([CALLER], [V1, V2], client=[(0, 0, 3, 0), (0, 1, 1, 0)])
    found = shared(taken, one)
    assert told(found.parts()) == {"canary@1:cart-v1": UNKNOWN, "canary@1:cart-v2": (1, 0, None)}
    assert "another rule of the TrafficSplit sends to cart-v1, too" in found.parts()[0].unclear
    assert {(one.name, one.share) for one in found.callers(one)} == {("canary@1:cart-v2", None)}


def test_what_is_neither_service_nor_host_has_no_figures() -> None:
    other = values.Backend(service=words.Ref("ServiceImport", "shop", "cart-v1"), weight=1)
    found = shared(moment([CALLER], [V1], client=[(0, 0, 3, 0)]), split(other, backend("cart-v1")))
    assert told(found.parts()) == {"canary:serviceimport.cart-v1": UNKNOWN, "canary:cart-v1": (3, 0, None)}
