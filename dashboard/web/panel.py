"""The content of the side panel for the selected node or edge."""

import dataclasses

from dash import html

from dashboard import format
from dashboard.client import duration
from dashboard.graph import model
from dashboard.health import verdict
from dashboard.web import elements, labels, rows


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """The texts and the two tables of the side panel: callers and callees."""

    heading: str
    subtitle: str
    health: verdict.Health
    facts: tuple[tuple[str, str], ...]
    callers_title: str
    callers: list[rows.Row]
    callees_title: str
    callees: list[rows.Row]
    namespace: str = ""


def about(selected: str, graph: model.Graph, *, thresholds: verdict.Thresholds) -> Panel | None:
    """The panel of a node or edge id; None if the graph does not have it."""
    if node := graph.nodes.get(selected):
        return _node(node, graph, thresholds)
    if edge := graph.edges.get(selected):
        return _edge(edge, graph, thresholds)
    return None


def _node(node: model.Node, graph: model.Graph, thresholds: verdict.Thresholds) -> Panel:
    flow = node.main_flow
    facts = _facts(flow)
    if flow is node.received and node.sent:
        facts = (*facts, ("Sends", format.rate(node.sent.rate)))
    return Panel(
        heading=elements.title(node),
        subtitle=f"{node.kind} in {node.namespace}" if node.namespace else node.kind,
        health=elements.health(flow, thresholds=thresholds),
        facts=facts,
        callers_title="Callers",
        callers=rows.of_edges(graph.callers(node.id), graph, thresholds=thresholds, toward="source"),
        callees_title="Callees",
        callees=rows.of_edges(graph.callees(node.id), graph, thresholds=thresholds, toward="target"),
        namespace=node.name if node.kind == model.NAMESPACE else "",
    )


def _edge(edge: model.Edge, graph: model.Graph, thresholds: verdict.Thresholds) -> Panel:
    source, target = graph.nodes[edge.source], graph.nodes[edge.target]
    observed = {"client": "at the caller", "server": "at the callee"}.get(edge.side, "on both sides")
    return Panel(
        heading=f"{elements.title(source)} → {elements.title(target)}",
        subtitle=f"Requests observed {observed}"
        + (f", reported by {edge.profile.replace(',', ', ')}" if edge.profile else ""),
        health=elements.health(edge.flow, thresholds=thresholds),
        facts=_facts(edge.flow),
        callers_title=f"All callers of {elements.title(target)}",
        callers=rows.of_edges(graph.callers(target.id), graph, thresholds=thresholds, toward="source"),
        callees_title=f"All callees of {elements.title(source)}",
        callees=rows.of_edges(graph.callees(source.id), graph, thresholds=thresholds, toward="target"),
    )


def _facts(flow: model.Flow | None) -> tuple[tuple[str, str], ...]:
    if flow is None:
        return (("Requests", "not reported"),)
    return (
        ("Success", format.success(flow.success)),
        ("Rate", format.rate(flow.rate)),
        *((name.upper(), elements.latency(flow, quantile=name)) for name in ("p50", "p90", "p99")),
        *([("Not timed", ", ".join(flow.limits.not_timed))] if flow.limits.not_timed else []),
        ("Succeeded", format.count(flow.success_count)),
        ("Failed", format.count(flow.failure_count)),
        ("Window", duration.text(flow.window)),
    )


def heading(panel: Panel) -> list[html.Div]:
    """The heading with the verdict."""
    return [
        html.Div(panel.heading, className="tm-panel-name"),
        html.Div(
            [
                html.Span(
                    f"{labels.ICONS[panel.health]} {labels.TEXTS[panel.health]}",
                    className=f"tm-verdict tm-{panel.health}",
                ),
                html.Span(panel.subtitle, className="tm-muted"),
            ],
            className="tm-panel-kind",
        ),
    ]


def facts(panel: Panel) -> html.Dl:
    """The list of figures."""
    return html.Dl(
        [html.Div([html.Dt(name), html.Dd(value)]) for name, value in panel.facts], className="tm-facts"
    )
