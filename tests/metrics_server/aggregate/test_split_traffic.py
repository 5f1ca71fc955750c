"""Meshes made by hand: what each backend of a split received, and on which side it was observed."""

from __future__ import annotations

import pytest

from metrics_server.inventory import objects
from metrics_server.model import kinds, snapshot
from metrics_server.splits import model
from tests.metrics_server import canaries, meshes


def test_a_backend_has_what_all_callers_saw_of_it_and_its_share_of_the_whole() -> None:
    taken = canaries.moment(
        [canaries.CALLER, meshes.pod("other-1", "lab")],
        [canaries.V1, canaries.V2],
        client=[(0, 0, 60, 10), (0, 1, 9, 1), (1, 0, 20, 0)],
    )
    found = canaries.shared(taken, canaries.CANARY)
    assert canaries.figures_of(found.parts()) == {
        "canary:cart-v1": (80, 10, 0.9),
        "canary:cart-v2": (9, 1, 0.1),
    }
    (first, _) = found.parts()
    assert first.figures.side is kinds.Side.CLIENT
    assert first.figures.latency[0] == pytest.approx(0.0055)
    assert canaries.figures_of([found.whole(canaries.CANARY)]) == {"canary": (89, 11, None)}


def test_a_backend_that_nobody_calls_has_no_request_and_without_any_there_is_no_share() -> None:
    assert canaries.figures_of(
        canaries.shared(
            canaries.moment([canaries.CALLER], [canaries.V1, canaries.V2], client=[(0, 0, 5, 0)]),
            canaries.CANARY,
        ).parts()
    ) == {
        "canary:cart-v1": (5, 0, 1.0),
        "canary:cart-v2": (0, 0, 0.0),
    }
    idle = canaries.shared(
        canaries.moment([canaries.CALLER], [canaries.V1], client=[(0, 0, 0, 0)]), canaries.CANARY
    )
    assert canaries.figures_of(idle.parts()) == {
        "canary:cart-v1": (0, 0, None),
        "canary:cart-v2": (0, 0, None),
    }
    assert canaries.figures_of([idle.whole(canaries.CANARY)]) == {"canary": (0, 0, None)}


def test_a_backend_may_be_told_by_its_bare_name_or_be_a_host() -> None:
    host = model.Backend(service=kinds.Ref("Host", "", "api.example.com"), weight=1)
    peers = [
        snapshot.Peer(namespace="shop", name="cart-v1"),
        snapshot.Peer(host="api.example.com"),
        snapshot.Peer(namespace="lab", name="cart-v1"),
    ]
    taken = canaries.moment([canaries.CALLER], peers, client=[(0, 0, 3, 0), (0, 1, 1, 0), (0, 2, 9, 0)])
    assert canaries.figures_of(
        canaries.shared(taken, canaries.split(canaries.backend("cart-v1"), host, at_home=False)).parts()
    ) == {
        "canary:cart-v1": (3, 0, 0.75),
        "canary:api.example.com": (1, 0, 0.25),
    }


def test_callers_are_told_apart_each_with_the_shares_it_saw() -> None:
    taken = canaries.moment(
        [canaries.CALLER, meshes.pod("other-1", "lab")],
        [canaries.V1, canaries.V2],
        client=[(0, 0, 6, 0), (0, 1, 2, 0), (1, 1, 5, 0)],
    )
    found = canaries.shared(taken, canaries.CANARY).callers(canaries.CANARY)
    assert {(str(one.caller), one.name, one.share) for one in found} == {
        ("pod.frontend-1", "canary:cart-v1", 0.75),
        ("pod.frontend-1", "canary:cart-v2", 0.25),
        ("pod.other-1", "canary:cart-v2", 1.0),
    }


def test_each_split_is_counted_by_itself() -> None:
    other = canaries.split(canaries.backend("cart-v2"), canaries.backend("cart-v3"), name="other")
    taken = canaries.moment(
        [canaries.CALLER], [canaries.V1, canaries.V2], client=[(0, 0, 3, 0), (0, 1, 1, 0)]
    )
    assert canaries.figures_of(canaries.shared(taken, canaries.CANARY, other).parts()) == {
        "canary:cart-v1": (3, 0, 0.75),
        "canary:cart-v2": (1, 0, 0.25),
        "other:cart-v2": (1, 0, 1.0),
        "other:cart-v3": (0, 0, 0.0),
    }


# Splits with services in other namespaces


def test_a_split_that_is_not_at_home_counts_its_own_namespaces_callers_alone() -> None:
    away = canaries.split(
        canaries.backend("cart-v1"), canaries.backend("cart-v2", namespace="lab"), at_home=False
    )
    foreign = snapshot.Peer(namespace="lab", service="cart-v2")
    rows: list[meshes.Row] = [(0, 0, 3, 0), (0, 1, 1, 0), (1, 0, 50, 0), (1, 1, 70, 0)]
    found = canaries.shared(
        canaries.moment([canaries.CALLER, meshes.pod("other-1", "lab")], [canaries.V1, foreign], client=rows),
        away,
    )
    assert canaries.figures_of(found.parts()) == {
        "canary:cart-v1": (3, 0, 0.75),
        "canary:lab:cart-v2": (1, 0, 0.25),
    }
    assert {str(one.caller) for one in found.callers(away)} == {"pod.frontend-1"}
    assert canaries.figures_of([found.whole(away)]) == {"canary": (4, 0, None)}


def test_with_a_split_nobody_reads_what_a_service_elsewhere_receives() -> None:
    away = canaries.split(
        canaries.backend("cart-v1"), canaries.backend("cart-v2", namespace="lab"), at_home=False
    )
    foreign = snapshot.Peer(namespace="lab", service="cart-v2")
    inside = meshes.pod("cart-v2-1", "lab")
    known = objects.Inventory(
        {
            ref: objects.Object(ref=ref, selector=selector, labels=selector)
            for ref, selector in {
                kinds.Ref("Service", "lab", "cart-v2"): {"app": "x"},
                kinds.Ref("Pod", "lab", "cart-v2-1"): {"app": "x"},
            }.items()
        }
    )
    taken = canaries.moment(
        [canaries.CALLER, inside], [foreign], client=[(1, 0, 70, 0)], server=[(1, -1, 70, 0)]
    )
    found = canaries.shared(taken, away, known=known)
    assert canaries.figures_of(found.parts()) == {
        "canary:cart-v1": (0, 0, None),
        "canary:lab:cart-v2": (0, 0, None),
    }


# Figures from the backends' own proxies


def test_where_no_caller_tells_the_backends_proxies_do() -> None:
    taken = canaries.moment(canaries.BOTH, [canaries.V1, canaries.V2], server=[(0, -1, 30, 0), (1, -1, 9, 1)])
    found = canaries.shared(taken, canaries.CANARY, known=canaries.VERSIONS)
    assert canaries.figures_of(found.parts()) == {
        "canary:cart-v1": (30, 0, 0.75),
        "canary:cart-v2": (9, 1, 0.25),
    }
    assert {part.figures.side for part in found.parts()} == {kinds.Side.SERVER}
    assert {(str(one.caller), one.name) for one in found.callers(canaries.CANARY)} == {
        ("unknown", "canary:cart-v1"),
        ("unknown", "canary:cart-v2"),
    }


def test_all_backends_are_seen_from_one_side() -> None:
    taken = canaries.moment(
        canaries.BOTH,
        [canaries.V1, canaries.V2],
        client=[(2, 1, 4, 0)],
        server=[(0, -1, 30, 0), (1, -1, 10, 0)],
    )
    found = canaries.shared(taken, canaries.CANARY, known=canaries.VERSIONS).parts()
    assert canaries.figures_of(found) == {"canary:cart-v1": (0, 0, 0.0), "canary:cart-v2": (4, 0, 1.0)}
    assert {part.figures.side for part in found} == {kinds.Side.CLIENT}


def test_a_pod_behind_two_backends_tells_of_neither() -> None:
    both = canaries.split(canaries.backend("cart"), canaries.backend("cart-v2"))
    taken = canaries.moment(canaries.BOTH, [], server=[(0, -1, 30, 0), (1, -1, 10, 0)])
    assert canaries.figures_of(canaries.shared(taken, both, known=canaries.VERSIONS).parts()) == {
        "canary:cart": (0, 0, None),
        "canary:cart-v2": (0, 0, None),
    }
