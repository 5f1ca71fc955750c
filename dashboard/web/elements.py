"""Convert a graph into elements for Cytoscape, with all texts and widths.

The browser copies these values onto its elements, so a refresh only changes values and computes nothing.

https://js.cytoscape.org/#notation/elements-json
"""

import math
from typing import Any

from dashboard import format
from dashboard.graph import model
from dashboard.health import verdict
from dashboard.web import labels

_DAGRE_MOST_NODES = 200  # the dagre layout is slow above (measured: 0.7 s at 200 nodes, 4 s at 500)
COLLAPSE_ABOVE_NODES = 300

_NOT_REPORTED = "not reported"
_SPOKEN_MARKS = {"~": "about ", ">": "above ", "<": "below "}
_WITH_ICON = (verdict.Health.FAILING, verdict.Health.DEGRADED)

_SHAPES = {
    "Service": "service",
    "ExternalWorkload": "external",
    "Host": "external",
    "Passthrough": "external",
    "Remote": "external",
    model.OUTSIDE: "outside",
    model.UNKNOWN: "outside",
    model.NAMESPACE: "namespace",
}


def draw(graph: model.Graph, *, thresholds: verdict.Thresholds) -> dict[str, Any]:
    """The nodes in the boxes of their namespaces, the edges, and the layout for their number."""
    boxes = sorted({node.namespace for node in graph.nodes.values() if node.namespace})
    return {
        "layout": "dagre" if len(graph.nodes) <= _DAGRE_MOST_NODES else "fcose",
        "nodes": [
            *({"id": f"box/{name}", "box": True, "name": name} for name in boxes),
            *(_node(node, thresholds) for node in graph.nodes.values()),
        ],
        "edges": [_edge(edge, graph, thresholds) for edge in graph.edges.values()],
    }


def health(flow: model.Flow | None, *, thresholds: verdict.Thresholds) -> verdict.Health:
    """The verdict on a flow; unknown if the flow is None."""
    if flow is None:
        return verdict.Health.UNKNOWN
    return verdict.judge(successes=flow.success_count, failures=flow.failure_count, thresholds=thresholds)


def title(node: model.Node) -> str:
    """The label of a node."""
    return labels.NAMES.get(node.kind, node.name)


def latency(flow: model.Flow | None, *, quantile: str) -> str:
    """The latency at a quantile, such as `p99`, with its marks."""
    if flow is None:
        return format.UNKNOWN
    return format.latency(
        getattr(flow, quantile),
        clamped=quantile in flow.limits.clamped,
        below=flow.limits.below.get(quantile),
        approximate=quantile in flow.limits.approximate,
    )


def slow(flow: model.Flow | None, *, thresholds: verdict.Thresholds) -> bool:
    """Whether the P99 latency of a flow is above the threshold."""
    return bool(flow and flow.p99 is not None and flow.p99 > thresholds.slow)


def _node(node: model.Node, thresholds: verdict.Thresholds) -> dict[str, Any]:
    flow = node.main_flow
    location = f" in {node.namespace}" if node.namespace else ""
    node_health = health(flow, thresholds=thresholds)
    data = {
        "id": node.id,
        "name": title(node),
        "badge": labels.badge(node.kind),
        "shape": _SHAPES.get(node.kind, "workload"),
        "health": node_health,
        "icon": labels.ICONS[node_health],
        "figures": _figures(node, flow),
        "trouble": "" if node.kind == model.OUTSIDE else _trouble(flow),
        "slow": slow(flow, thresholds=thresholds),
        "spoken": _aria_label(f"{title(node)}, {node.kind}{location}", flow, node_health),
    }
    if node.namespace:
        data["parent"] = f"box/{node.namespace}"
    return data


def _edge(edge: model.Edge, graph: model.Graph, thresholds: verdict.Thresholds) -> dict[str, Any]:
    edge_health = health(edge.flow, thresholds=thresholds)
    name = f"{title(graph.nodes[edge.source])} → {title(graph.nodes[edge.target])}"
    return {
        "id": edge.id,
        "source": edge.source,
        "target": edge.target,
        "health": edge_health,
        "figures": _rate(edge.flow),
        "latency": _latency(edge.flow),
        "trouble": _trouble(edge.flow),
        "icon": labels.ICONS[edge_health] if edge_health in _WITH_ICON else "",
        "width": width(edge.flow.rate),
        "slow": slow(edge.flow, thresholds=thresholds),
        "name": name,
        "spoken": _aria_label(name, edge.flow, edge_health),
    }


def width(per_second: float | None) -> float:
    """The width of an edge in pixels, logarithmic: 1 for 1 rps and less, 6 for 1,000 rps and more."""
    return round(1 + 5 * min(max(math.log10(max(per_second or 0, 1)) / 3, 0), 1), 2)


def _figures(node: model.Node, flow: model.Flow | None) -> str:
    if node.kind == model.NAMESPACE:
        size = f"{node.members} workload{'s' if node.members > 1 else ''}"
        return f"{size} · {_rate_and_latency(flow)}" if flow else size
    if flow is None:
        return _NOT_REPORTED
    return f"sends {format.rate(flow.rate)}" if flow is node.sent else _rate_and_latency(flow)


def _rate_and_latency(flow: model.Flow) -> str:
    return " · ".join(filter(None, (_rate(flow), _latency(flow))))


def _rate(flow: model.Flow) -> str:
    if flow.total is None:
        return _NOT_REPORTED
    return format.rate(flow.rate) if flow.total else "idle"


def _latency(flow: model.Flow) -> str:
    if not flow.total or flow.p99 is None:
        return ""
    return latency(flow, quantile="p99")


def _trouble(flow: model.Flow | None) -> str:
    return format.failure(flow.failure) if flow and flow.failure else ""


def _aria_label(name: str, flow: model.Flow | None, node_health: verdict.Health) -> str:
    """The label of a node or an edge for screen readers."""
    parts = [name, labels.TEXTS[node_health].lower()]
    if flow and flow.total:
        parts += [f"{flow.rate:.3g} requests per second", f"{format.success(flow.success)} success"]
    if flow and flow.p99 is not None:
        spoken = "".join(
            _SPOKEN_MARKS.get(character, character) for character in latency(flow, quantile="p99")
        )
        parts.append(f"P99 {spoken}")
        if flow.limits.not_timed:
            parts.append(f"without {' and '.join(flow.limits.not_timed)}")
    return ", ".join(parts)
