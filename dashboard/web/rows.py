"""Rows for the tables: exact figures for sorting, and their texts."""

from collections.abc import Iterable
from typing import Any

from dashboard import format
from dashboard.graph import model
from dashboard.health import verdict
from dashboard.web import elements, labels, state

Row = dict[str, Any]


def of_nodes(graph: model.Graph, *, thresholds: verdict.Thresholds) -> list[Row]:
    """One row for each node."""
    return [
        {
            "id": node.id,
            "name": elements.title(node),
            "kind": node.kind,
            "namespace": node.namespace,
            **_figures(node.main_flow, thresholds),
        }
        for node in graph.nodes.values()
    ]


def of_edges(
    edges: Iterable[model.Edge], graph: model.Graph, *, thresholds: verdict.Thresholds, toward: str = ""
) -> list[Row]:
    """One row for each edge.

    `toward` is `source` or `target`, whose name and id the row has; by default it has the edge's id.
    """
    return [
        {
            "id": getattr(edge, toward) if toward else edge.id,
            "name": elements.title(graph.nodes[getattr(edge, toward or "source")]),
            "source": _qualified_name(graph.nodes[edge.source]),
            "target": _qualified_name(graph.nodes[edge.target]),
            "side": edge.side,
            **_figures(edge.flow, thresholds),
        }
        for edge in edges
    ]


def matches(row: Row, shown: state.State, *, thresholds: verdict.Thresholds) -> bool:
    """Whether a row matches the search and the Find control, like the highlighted elements of the graph."""
    names = f"{row['name']} {row.get('source', '')} {row.get('target', '')} {row.get('namespace', '')}"
    if shown.search and shown.search.lower() not in names.lower():
        return False
    if shown.find == "failing":
        return bool(row["health"] == verdict.Health.FAILING)
    if shown.find == "slow":
        return row["p99"] is not None and row["p99"] > thresholds.slow
    return True


def _qualified_name(node: model.Node) -> str:
    return f"{node.namespace}/{node.name}" if node.namespace else elements.title(node)


def _figures(flow: model.Flow | None, thresholds: verdict.Thresholds) -> Row:
    health = elements.health(flow, thresholds=thresholds)
    success = flow.success if flow else None
    return {
        "health": health,
        "verdict": f"{labels.ICONS[health]} {labels.TEXTS[health]}",
        "success": success,
        "success_words": format.success(success),
        "rate": flow.rate if flow else None,
        "rate_words": format.rate(flow.rate if flow else None),
        **{
            key: value
            for name in ("p50", "p90", "p99")
            for key, value in (
                (name, getattr(flow, name) if flow else None),
                (f"{name}_words", elements.latency(flow, quantile=name)),
            )
        },
    }
