"""The texts of the page's header: the size and health of the graph, and how old it is."""

from typing import Any

from dash import html

from dashboard.graph import model
from dashboard.health import verdict
from dashboard.web import elements, feed, labels, notice, state


def summary(graph: model.Graph, *, thresholds: verdict.Thresholds) -> list[html.Span]:
    """The number of nodes and edges, and how many of them are failing or degraded."""
    verdicts = [elements.health(node.main_flow, thresholds=thresholds) for node in graph.nodes.values()]
    verdicts += [elements.health(edge.flow, thresholds=thresholds) for edge in graph.edges.values()]
    bad = [
        html.Span(
            f"{labels.ICONS[health]} {verdicts.count(health)} {labels.TEXTS[health].lower()}",
            className=f"tm-verdict tm-{health}",
        )
        for health in (verdict.Health.FAILING, verdict.Health.DEGRADED)
        if health in verdicts
    ]
    return [html.Span(f"{len(graph.nodes)} nodes · {len(graph.edges)} edges"), *bad]


def freshness(reading: feed.Reading, shown: state.State) -> list[Any]:
    """The window and the time of the data, marked if it is stale; empty without data."""
    if reading.graph is None or reading.graph.timestamp is None:
        return []
    timestamp = reading.graph.timestamp
    mark = [html.Span("Stale", className="tm-verdict tm-failing")] if reading.fault else []
    return [
        *mark,
        html.Span(f"window {notice.window_text(shown, reading.graph.window)}"),
        html.Time(
            f"data from {notice.clock(timestamp)}",
            dateTime=timestamp.isoformat(),
            title=notice.clock(timestamp),
        ),
    ]
