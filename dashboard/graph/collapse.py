"""Group a graph: one node for each namespace.

A graph of several hundred workloads is hard to read and slow to lay out. Its namespaces are few, and a viewer
can open one.
"""

import collections
import dataclasses

from dashboard.graph import build, model


def by_namespace(graph: model.Graph) -> model.Graph:
    """The graph with one node for each namespace, without the edges inside a namespace.

    Nodes that have no namespace, such as Outside, stay.
    """
    home = {node.id: _home(node) for node in graph.nodes.values()}
    received: dict[str, list[model.Flow]] = collections.defaultdict(list)
    members: collections.Counter[str] = collections.Counter()
    nodes = {}
    for node in graph.nodes.values():
        place = home[node.id]
        nodes[place.id] = place
        members[place.id] += 1
        if node.received:
            received[place.id].append(node.received)
    between: dict[tuple[str, str], list[model.Edge]] = collections.defaultdict(list)
    sent: dict[str, list[model.Flow]] = collections.defaultdict(list)
    for edge in graph.edges.values():
        source, target = home[edge.source].id, home[edge.target].id
        if source != target:
            between[source, target].append(edge)
            sent[source].append(edge.flow)
    edges = [_join(source, target, parts) for (source, target), parts in sorted(between.items())]
    return dataclasses.replace(
        graph,
        nodes={
            name: dataclasses.replace(
                place,
                received=model.total(received[name]),
                sent=model.total(sent[name]),
                members=members[name],
            )
            for name, place in sorted(nodes.items())
        },
        edges={edge.id: edge for edge in edges},
    )


def _home(node: model.Node) -> model.Node:
    if not node.namespace:
        return dataclasses.replace(node, received=None, sent=None)
    name = build.node_id(model.NAMESPACE, namespace="", name=node.namespace)
    return model.Node(id=name, kind=model.NAMESPACE, name=node.namespace)


def _join(source: str, target: str, parts: list[model.Edge]) -> model.Edge:
    flow = model.total([part.flow for part in parts])
    if flow is None:
        raise ValueError(f"no edges to join from {source} to {target}")
    sides = {part.side for part in parts}
    return model.Edge(
        source=source, target=target, flow=flow, side=sides.pop() if len(sides) == 1 else "both"
    )
