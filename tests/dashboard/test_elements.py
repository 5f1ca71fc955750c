"""The drawn elements show the figures, and never by colour alone."""

import dataclasses
from typing import Any

import pytest

from dashboard.client import traffic
from dashboard.graph import build, collapse, model
from dashboard.health import verdict
from dashboard.web import elements
from tests.dashboard import golden_lists

_USUAL = verdict.Thresholds()


@pytest.fixture(scope="module")
def drawn() -> dict[str, dict[str, Any]]:
    drawing = elements.draw(golden_lists.graph(), thresholds=_USUAL)
    return {data["id"]: data for data in [*drawing["nodes"], *drawing["edges"]]}


def test_every_node_stands_in_the_box_of_its_namespace(drawn: dict[str, dict[str, Any]]) -> None:
    assert drawn["Deployment/shop/cart"]["parent"] == "box/shop"
    assert drawn["box/data"]["box"] is True
    assert "parent" not in drawn["Outside//outside"]


def test_a_failing_edge_says_its_error_share_and_bears_a_sign(drawn: dict[str, dict[str, Any]]) -> None:
    edge = drawn["Deployment/shop/checkout>Deployment/shop/payments"]
    assert (edge["health"], edge["icon"], edge["trouble"]) == ("failing", "✕", "12%err")
    assert (edge["figures"], edge["latency"]) == ("4rps", "90ms")


def test_an_edge_without_failures_says_nothing_of_them(drawn: dict[str, dict[str, Any]]) -> None:
    edge = drawn["Deployment/shop/frontend>Deployment/shop/cart"]
    assert (edge["figures"], edge["latency"]) == ("8rps", "19ms")
    assert (edge["trouble"], edge["icon"]) == ("", "")


def test_an_idle_node_says_so_and_not_zero_per_cent(drawn: dict[str, dict[str, Any]]) -> None:
    assert (drawn["Deployment/shop/wishlist"]["health"], drawn["Deployment/shop/wishlist"]["figures"]) == (
        "idle",
        "idle",
    )


def test_what_nobody_counts_is_not_reported_and_not_idle() -> None:
    cart = traffic.ResourceReference("Deployment", "cart", "shop")
    graph = build.build([], [golden_lists.edge(None, cart, successes=None, direction="from")])
    drawing = elements.draw(graph, thresholds=_USUAL)
    (card,) = (data for data in drawing["nodes"] if data.get("name") == "cart")
    (edge,) = drawing["edges"]
    for data in (card, edge):
        assert (data["health"], data["figures"], data["trouble"]) == ("unknown", "not reported", "")
    assert edge["width"] == 1
    assert card["spoken"] == "cart, Deployment in shop, not reported, P99 30ms"


def test_an_approximate_latency_is_marked_and_spoken_of_as_such() -> None:
    cart = traffic.ResourceReference("Deployment", "cart", "shop")
    reply = golden_lists.edge(None, cart, successes=30, direction="from")
    graph = build.build(
        [], [dataclasses.replace(reply, limits=traffic.LatencyLimits(approximate=frozenset({"p99"})))]
    )
    (edge,) = elements.draw(graph, thresholds=_USUAL)["edges"]
    assert edge["latency"] == "~30ms"
    assert edge["spoken"].endswith("P99 about 30ms")


def test_an_upper_limit_and_what_is_not_timed_are_spoken_of() -> None:
    cart = traffic.ResourceReference("Deployment", "cart", "shop")
    limits = traffic.LatencyLimits(below={"p99": 5.0}, not_timed=("17% of requests",))
    reply = dataclasses.replace(golden_lists.edge(None, cart, successes=30, direction="from"), limits=limits)
    (edge,) = elements.draw(build.build([], [reply]), thresholds=_USUAL)["edges"]
    assert edge["latency"] == "<5s"
    assert edge["spoken"].endswith("P99 below 5s, without 17% of requests")


def test_kinds_differ_in_shape(drawn: dict[str, dict[str, Any]]) -> None:
    shapes = {
        name: drawn[name]["shape"] for name in ("Service/shop/ghost", "Outside//outside", "Job/data/report")
    }
    assert shapes == {
        "Service/shop/ghost": "service",
        "Outside//outside": "outside",
        "Job/data/report": "workload",
    }
    assert drawn["ExternalWorkload/shop/billing-vm"]["shape"] == "external"


def test_hosts_that_a_mesh_does_not_know_are_outside_of_it() -> None:
    cart = traffic.ResourceReference("Deployment", "cart", "shop")
    anywhere = traffic.ResourceReference("Passthrough", "PassthroughCluster")
    reply = golden_lists.edge(cart, anywhere, successes=30)
    drawing = elements.draw(build.build([], [reply]), thresholds=_USUAL)
    (card,) = (data for data in drawing["nodes"] if data.get("name") == "PassthroughCluster")
    assert card["shape"] == "external"


def test_a_screen_reader_hears_name_kind_place_verdict_and_figures(drawn: dict[str, dict[str, Any]]) -> None:
    assert drawn["Deployment/shop/payments"]["spoken"] == (
        "payments, Deployment in shop, failing, 4 requests per second, 88.33% success, P99 88ms"
    )


@pytest.mark.parametrize(("rate", "pixels"), [(0, 1), (1, 1), (10, 2.67), (1000, 6), (10**6, 6)])
def test_an_edge_is_as_thick_as_the_magnitude_of_its_rate(rate: float, pixels: float) -> None:
    assert elements.width(rate) == pixels


def _mesh_of(size: int) -> model.Graph:
    nodes = {f"Pod/ns/{number}": number for number in range(size)}
    return model.Graph(
        nodes={name: model.Node(id=name, kind="Pod", name=str(number)) for name, number in nodes.items()},
        edges={},
    )


@pytest.mark.parametrize(("size", "layout"), [(200, "dagre"), (201, "fcose")])
def test_a_big_mesh_gets_the_layout_that_is_quick_for_it(size: int, layout: str) -> None:
    assert elements.draw(_mesh_of(size), thresholds=_USUAL)["layout"] == layout


def test_a_namespace_seen_from_afar_says_how_much_is_in_it() -> None:
    drawing = elements.draw(collapse.by_namespace(golden_lists.graph()), thresholds=_USUAL)
    shop = next(data for data in drawing["nodes"] if data["id"] == "Namespace//shop")
    assert shop["figures"].startswith("10 workloads · ")


def test_slow_traffic_is_marked() -> None:
    drawing = elements.draw(golden_lists.graph(), thresholds=verdict.Thresholds(slow=0.1))
    assert [data["id"] for data in drawing["edges"] if data["slow"]] == [
        "Deployment/shop/checkout>ExternalWorkload/shop/billing-vm"
    ]


def test_an_empty_graph_draws_nothing() -> None:
    drawing = elements.draw(build.build([], []), thresholds=_USUAL)
    assert (drawing["nodes"], drawing["edges"]) == ([], [])
