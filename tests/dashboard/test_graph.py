"""Lists of traffic become one graph; no request is lost or counted twice."""

import dataclasses

import hypothesis
import pytest
from hypothesis import strategies as st

from dashboard.client import traffic
from dashboard.graph import build, collapse, model
from tests.dashboard import golden_lists

_CART = traffic.ResourceReference("Deployment", "cart", "shop")
_DB = traffic.ResourceReference("StatefulSet", "db", "data")
_HOST = traffic.ResourceReference("Host", "api.example.com")


def test_every_workload_and_every_peer_is_a_node() -> None:
    nodes = golden_lists.graph().nodes
    assert len(nodes) == 14
    assert "Deployment/shop/wishlist" in nodes, "an idle workload is shown"
    assert "Service/shop/ghost" in nodes, "a callee only its callers know is shown"
    assert "ExternalWorkload/shop/billing-vm" in nodes
    assert "Outside//outside" in nodes


def test_traffic_no_caller_reports_comes_from_outside() -> None:
    edges = golden_lists.graph().edges
    assert edges["Outside//outside>Deployment/shop/gateway"].flow.total == 1200


def test_a_peer_nobody_can_name_is_an_unknown_target() -> None:
    graph = build.build([], [golden_lists.edge(_CART, None, successes=1)])
    assert list(graph.edges) == ["Deployment/shop/cart>Unknown//unknown"]


def test_a_host_has_no_namespace() -> None:
    graph = build.build([], [golden_lists.edge(_CART, _HOST, successes=1)])
    assert graph.nodes["Host//api.example.com"].namespace == ""


def test_an_edge_told_by_both_ends_stands_once_in_its_callers_words() -> None:
    reply = [
        golden_lists.edge(_CART, _DB, successes=100),
        golden_lists.edge(_CART, _DB, successes=90, direction="from"),
    ]
    for order in (reply, reply[::-1]):
        (edge,) = build.build([], order).edges.values()
        assert (edge.flow.total, edge.side) == (100, "client")


def test_what_a_node_receives_is_what_it_reports_or_else_what_its_callers_sent() -> None:
    nodes = golden_lists.graph().nodes
    db, ghost = nodes["StatefulSet/data/db"].received, nodes["Service/shop/ghost"].received
    assert db is not None
    assert db.total == 1262
    assert ghost is not None
    assert (ghost.failure_count, ghost.p99) == (30, 0.0011)


def test_quantiles_of_several_flows_are_not_invented() -> None:
    reply = [golden_lists.edge(_CART, _HOST, successes=3), golden_lists.edge(_DB, _HOST, successes=4)]
    host = build.build([], reply).nodes["Host//api.example.com"].received
    assert host is not None
    assert (host.total, host.p99) == (7, None)


def test_one_that_only_calls_is_judged_by_what_it_sends() -> None:
    report = golden_lists.graph().nodes["Job/data/report"]
    assert report.main_flow is report.sent
    assert report.main_flow is not None
    assert report.main_flow.total == 2


def test_where_a_node_counts_nothing_its_callers_do() -> None:
    silent = dataclasses.replace(_described(_DB), success_count=None, failure_count=None)
    reply = build.build([silent], [golden_lists.edge(_CART, _DB, successes=7)])
    (heard,) = (node.received for node in reply.nodes.values() if node.name == "db")
    assert heard is not None
    assert heard.total == 7
    (alone,) = build.build([silent], []).nodes.values()
    assert alone.received is not None
    assert (alone.received.total, alone.received.rate, alone.received.success) == (None, None, None)


def test_a_sum_is_of_what_is_known() -> None:
    known = model.Flow(success_count=3, failure_count=1, window=30)
    unknown = model.Flow(success_count=None, failure_count=None, window=60)
    some = model.total([known, unknown, known])
    assert some is not None
    assert (some.success_count, some.failure_count, some.window) == (6, 2, 60)
    none = model.total([unknown, unknown])
    assert none is not None
    assert none.total is None


def test_a_rate_is_a_count_over_the_window_that_was_used() -> None:
    flow = model.Flow(success_count=90, failure_count=30, window=60)
    assert (flow.rate, flow.success) == (2.0, 0.75)
    assert model.Flow(success_count=0, failure_count=0, window=60).success is None


def test_callers_and_callees_are_found() -> None:
    graph = golden_lists.graph()
    assert [edge.source for edge in graph.callers("Deployment/shop/checkout")] == ["Deployment/shop/frontend"]
    assert len(graph.callees("Deployment/shop/frontend")) == 5


def test_the_graph_is_as_young_as_its_newest_item_and_says_the_widest_window() -> None:
    graph = golden_lists.graph()
    assert (graph.timestamp, graph.window) == (golden_lists.NOON, 30)
    assert build.build([], []).timestamp is None


@pytest.mark.parametrize(
    ("graph", "idle"), [(golden_lists.graph(), False), (golden_lists.idle_graph(), True)]
)
def test_a_graph_without_any_request_is_idle(graph: model.Graph, idle: bool) -> None:
    assert graph.idle is idle


def test_from_afar_a_namespace_is_one_node_and_its_inner_edges_are_gone() -> None:
    graph = collapse.by_namespace(golden_lists.graph())
    assert set(graph.nodes) == {"Namespace//shop", "Namespace//data", "Outside//outside"}
    assert graph.nodes["Namespace//shop"].members == 10
    assert set(graph.edges) == {"Outside//outside>Namespace//shop", "Namespace//shop>Namespace//data"}


_RESOURCES = st.builds(
    traffic.ResourceReference,
    st.sampled_from(["Deployment", "Service"]),
    st.sampled_from("abc"),
    st.sampled_from(["one", "two", "three"]),
)
_EDGES = st.lists(
    st.builds(
        golden_lists.edge,
        st.none() | _RESOURCES,
        _RESOURCES,
        successes=st.integers(0, 99),
        direction=st.just("from"),
    ),
    max_size=25,
)


@hypothesis.given(_EDGES)
def test_every_edge_has_both_its_nodes(reply: list[traffic.Traffic]) -> None:
    graph = build.build([], reply)
    for seen in (graph, collapse.by_namespace(graph)):
        assert {end for edge in seen.edges.values() for end in (edge.source, edge.target)} <= set(seen.nodes)


@hypothesis.given(_EDGES)
def test_from_afar_no_request_between_namespaces_is_lost(reply: list[traffic.Traffic]) -> None:
    graph = build.build([], reply)
    crossing = [
        edge.flow.total
        for edge in graph.edges.values()
        if graph.nodes[edge.source].namespace != graph.nodes[edge.target].namespace
    ]
    joined = [edge.flow.total for edge in collapse.by_namespace(graph).edges.values()]
    assert _counted(joined) == _counted(crossing)


def _counted(totals: list[float | None]) -> float:
    """Check that all totals are known; return their sum."""
    assert None not in totals
    return sum(total or 0 for total in totals)


def _described(resource: traffic.ResourceReference) -> traffic.Traffic:
    return dataclasses.replace(golden_lists.edge(None, resource, successes=1, direction="from"), peer=None)
