"""Build a graph from lists of traffic.

Every resource of the lists is a node, idle ones included, and so is every peer of an edge. An edge that is in
the lists of two namespaces is kept once, as observed at its caller, whose latency includes the network.
"""

import collections
import dataclasses
from collections.abc import Iterable

from dashboard.client import traffic
from dashboard.graph import model


def build(metrics: Iterable[traffic.Traffic], edges: Iterable[traffic.Traffic]) -> model.Graph:
    """The graph of the items of `trafficmetrics` and `trafficedges` lists."""
    metrics, edges = list(metrics), list(edges)
    nodes: dict[str, model.Node] = {}
    for item in metrics:
        node = _node(item.resource, "")
        nodes[node.id] = dataclasses.replace(node, received=_flow(item))
    drawn: dict[str, model.Edge] = {}
    for item in sorted(edges, key=lambda item: item.direction == "to"):
        source, target = _ends(item)
        nodes.setdefault(source.id, source)
        nodes.setdefault(target.id, target)
        edge = model.Edge(
            source=source.id, target=target.id, flow=_flow(item), side=item.side, profile=item.profile
        )
        drawn[edge.id] = edge
    arriving, leaving = collections.defaultdict(list), collections.defaultdict(list)
    for edge in drawn.values():
        arriving[edge.target].append(edge.flow)
        leaving[edge.source].append(edge.flow)
    items = [*metrics, *edges]
    return model.Graph(
        nodes={
            name: dataclasses.replace(
                node,
                received=_received(node.received, arriving[name]),
                sent=model.total(leaving[name]),
            )
            for name, node in sorted(nodes.items())
        },
        edges=dict(sorted(drawn.items())),
        timestamp=max((item.timestamp for item in items), default=None),
        window=max((item.window for item in items), default=0.0),
    )


def node_id(kind: str, *, namespace: str, name: str) -> str:
    """The id of a node: `kind/namespace/name`."""
    return f"{kind}/{namespace}/{name}"


def _ends(item: traffic.Traffic) -> tuple[model.Node, model.Node]:
    if item.direction == "to":
        return _node(item.resource, ""), _node(item.peer, model.UNKNOWN)
    return _node(item.peer, model.OUTSIDE), _node(item.resource, "")


def _node(resource: traffic.ResourceReference | None, nameless: str) -> model.Node:
    if resource is None:
        resource = traffic.ResourceReference(nameless, nameless.lower())
    return model.Node(
        id=node_id(resource.kind, namespace=resource.namespace, name=resource.name),
        kind=resource.kind,
        name=resource.name,
        namespace=resource.namespace,
    )


def _received(reported: model.Flow | None, arriving: list[model.Flow]) -> model.Flow | None:
    """The counts of the node itself, else the sum of the edges to it."""
    if reported and reported.total is not None:
        return reported
    return model.total(arriving) or reported


def _flow(item: traffic.Traffic) -> model.Flow:
    return model.Flow(
        success_count=item.success_count,
        failure_count=item.failure_count,
        window=item.window,
        p50=item.p50,
        p90=item.p90,
        p99=item.p99,
        limits=item.limits,
    )
