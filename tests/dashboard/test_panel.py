"""The side panel describes a node, an edge, or nothing."""

import dataclasses

from dashboard.client import traffic
from dashboard.graph import build
from dashboard.health import verdict
from dashboard.web import panel
from tests.dashboard import golden_lists

_USUAL = verdict.Thresholds()


def _about(selected: str) -> panel.Panel:
    said = panel.about(selected, golden_lists.graph(), thresholds=_USUAL)
    assert said is not None
    return said


def test_a_node_is_told_with_its_figures_callers_and_callees() -> None:
    said = _about("Deployment/shop/checkout")
    assert (said.heading, said.subtitle, said.health) == ("checkout", "Deployment in shop", "degraded")
    assert dict(said.facts)["Success"] == "98.33%"
    assert dict(said.facts)["Sends"] == "8rps"
    assert [row["name"] for row in said.callers] == ["frontend"]
    assert [row["name"] for row in said.callees] == ["payments", "billing-vm"]


def test_a_row_leads_to_the_peer() -> None:
    assert [row["id"] for row in _about("Deployment/shop/checkout").callers] == ["Deployment/shop/frontend"]


def test_an_edge_is_told_with_where_it_was_seen_and_what_else_meets_its_ends() -> None:
    said = _about("Deployment/shop/checkout>Deployment/shop/payments")
    assert said.heading == "checkout → payments"
    assert said.subtitle == "Requests observed at the caller, reported by envoy"
    assert said.callees_title == "All callees of checkout"
    assert dict(said.facts)["Failed"] == "14"


def test_an_edge_names_all_meshes_that_tell_of_it_and_marks_what_is_approximate() -> None:
    cart = traffic.ResourceReference("Deployment", "cart", "shop")
    reply = dataclasses.replace(
        golden_lists.edge(None, cart, successes=4, direction="from"),
        profile="istio,mosn",
        limits=traffic.LatencyLimits(approximate=frozenset({"p99"})),
    )
    graph = build.build([], [reply])
    (edge,) = graph.edges
    said = panel.about(edge, graph, thresholds=_USUAL)
    assert said is not None
    assert said.subtitle == "Requests observed at the callee, reported by istio, mosn"
    assert (dict(said.facts)["P90"], dict(said.facts)["P99"]) == ("20ms", "~30ms")
    assert [row["p99_words"] for row in said.callers] == ["~30ms"]


def test_the_panel_shows_an_upper_limit_as_one_and_names_what_is_not_timed() -> None:
    cart = traffic.ResourceReference("Deployment", "cart", "shop")
    limits = traffic.LatencyLimits(below={"p50": 5.0}, clamped=frozenset({"p99"}), not_timed=("timeouts",))
    reply = dataclasses.replace(golden_lists.edge(None, cart, successes=4, direction="from"), limits=limits)
    graph = build.build([], [reply])
    (edge,) = graph.edges
    shown = panel.about(edge, graph, thresholds=_USUAL)
    assert shown is not None
    facts = dict(shown.facts)
    assert (facts["P50"], facts["P90"], facts["P99"]) == ("<5s", "20ms", ">30ms")
    assert facts["Not timed"] == "timeouts"


def test_what_is_gone_is_not_told() -> None:
    assert panel.about("Deployment/shop/gone", golden_lists.graph(), thresholds=_USUAL) is None
    assert panel.about("", golden_lists.graph(), thresholds=_USUAL) is None


def test_counts_nobody_knows_are_a_dash_and_latencies_are_still_told() -> None:
    cart = traffic.ResourceReference("Deployment", "cart", "shop")
    graph = build.build([], [golden_lists.edge(None, cart, successes=None, direction="from")])
    said = panel.about("Deployment/shop/cart", graph, thresholds=_USUAL)
    assert said is not None
    assert said.health == "unknown"
    facts = dict(said.facts)
    assert (facts["Rate"], facts["Succeeded"], facts["Failed"], facts["P99"]) == ("-", "-", "-", "30ms")


def test_unknown_figures_are_a_dash() -> None:
    assert dict(_about("Deployment/shop/wishlist").facts)["P99"] == "-"
    assert dict(_about("Deployment/shop/wishlist").facts)["Success"] == "-"
