"""What the callbacks read: the source of readings, and the graph that the page shows for an address."""

from typing import Protocol

from dashboard.graph import collapse, model
from dashboard.web import elements, feed, state

_SHARE_OF_REFRESH = 0.8  # of the refresh interval; a younger reading is used again, as timers may be early


class ReadingSource(Protocol):
    """The source of readings: a feed, or the feed of the current viewer."""

    @property
    def namespaces(self) -> list[str]:
        """The namespaces that a viewer can choose."""
        ...

    def read(self, request: state.GraphRequest, *, max_age: float) -> feed.Reading:
        """A reading at most `max_age` seconds old."""
        ...


def latest(source: ReadingSource, shown: state.State) -> feed.Reading:
    """The reading for a state, younger than its refresh interval. While paused, at most 24 seconds old."""
    interval = shown.seconds or state.REFRESHES["30s"]
    return source.read(shown.graph_request, max_age=interval * _SHARE_OF_REFRESH)


def grouped(graph: model.Graph | None, shown: state.State) -> model.Graph:
    """The graph as it is drawn: grouped by namespace if the state says so; empty without a graph."""
    if graph is None:
        return model.Graph(nodes={}, edges={})
    big = len(graph.nodes) > elements.COLLAPSE_ABOVE_NODES
    if shown.grouping == "closed" or (shown.grouping == "auto" and big):
        return collapse.by_namespace(graph)
    return graph
