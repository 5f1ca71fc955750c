"""Nodes, edges and their figures; immutable."""

import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping

from dashboard.client import traffic

OUTSIDE = "Outside"
UNKNOWN = "Unknown"
NAMESPACE = "Namespace"


NO_LIMITS = traffic.LatencyLimits()
"""Those of a flow without latencies."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Requests during one window. An unknown count or quantile is None, never 0."""

    success_count: float | None
    failure_count: float | None
    window: float  # seconds
    p50: float | None = None  # seconds
    p90: float | None = None
    p99: float | None = None
    limits: traffic.LatencyLimits = NO_LIMITS

    @property
    def total(self) -> float | None:
        """Successes and failures together."""
        if self.success_count is None or self.failure_count is None:
            return None
        return self.success_count + self.failure_count

    @property
    def rate(self) -> float | None:
        """Requests per second; None if the counts are unknown."""
        if self.total is None:
            return None
        return self.total / self.window if self.window else 0.0

    @property
    def failure(self) -> float | None:
        """The share of failures; None without requests."""
        return self.failure_count / self.total if self.total and self.failure_count is not None else None

    @property
    def success(self) -> float | None:
        """The share of successes; None without requests."""
        return self.success_count / self.total if self.total and self.success_count is not None else None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A source or destination of traffic.

    `received` is None if no proxy reports its incoming traffic, `sent` if it has no callees. `members` is the
    number of workloads in a namespace's node.
    """

    id: str
    kind: str
    name: str
    namespace: str = ""
    received: Flow | None = None
    sent: Flow | None = None
    members: int = 1

    @property
    def main_flow(self) -> Flow | None:
        """The flow that decides the node's health: received, or sent if the node only calls."""
        if self.sent and self.sent.total and not (self.received and self.received.total):
            return self.sent
        return self.received


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """Requests from `source` to `target` (ids of nodes), as observed at `side`."""

    source: str
    target: str
    flow: Flow
    side: str
    profile: str = ""

    @property
    def id(self) -> str:
        """The ids of caller and callee, joined by `>`."""
        return f"{self.source}>{self.target}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """The traffic of a mesh at one time. `timestamp` is None without any data."""

    nodes: Mapping[str, Node]
    edges: Mapping[str, Edge]
    timestamp: dt.datetime | None = None
    window: float = 0.0  # seconds, the longest that the server used

    @property
    def idle(self) -> bool:
        """Whether it has no request at all."""
        flows = [edge.flow for edge in self.edges.values()]
        flows += [node.received for node in self.nodes.values() if node.received]
        return not any(flow.total for flow in flows)

    def callers(self, node: str) -> list[Edge]:
        """The edges to a node."""
        return [edge for edge in self.edges.values() if edge.target == node]

    def callees(self, node: str) -> list[Edge]:
        """The edges from a node."""
        return [edge for edge in self.edges.values() if edge.source == node]


def total(flows: list[Flow]) -> Flow | None:
    """The sum of the known counts; None without flows.

    Quantiles cannot be summed, so only a single flow keeps its own.
    """
    if not flows:
        return None
    if len(flows) == 1:
        return flows[0]
    counted = [flow for flow in flows if flow.total is not None]
    return Flow(
        success_count=_sum(flow.success_count for flow in counted),
        failure_count=_sum(flow.failure_count for flow in counted),
        window=max(flow.window for flow in flows),
    )


def _sum(counts: Iterable[float | None]) -> float | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
