"""Nodes, edges and the figures on them; immutable."""

import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping

OUTSIDE = "Outside"
UNKNOWN = "Unknown"
NAMESPACE = "Namespace"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Requests during one window. A count or a quantile is None when nobody knows it, never zero."""

    success_count: float | None
    failure_count: float | None
    window: float  # seconds
    p50: float | None = None  # seconds
    p90: float | None = None
    p99: float | None = None
    approximate: frozenset[str] = frozenset()  # of these names

    @property
    def total(self) -> float | None:
        if self.success_count is None or self.failure_count is None:
            return None
        return self.success_count + self.failure_count

    @property
    def rate(self) -> float | None:
        """Requests per second."""
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
    """A place traffic comes from or goes to.

    `received` is None when nobody reports what arrives there, `sent` when it calls nobody.
    """

    id: str
    kind: str
    name: str
    namespace: str = ""
    received: Flow | None = None
    sent: Flow | None = None
    members: int = 1

    @property
    def telling(self) -> Flow | None:
        """The flow a node is judged by: what it serves, or what it sends when it only calls others."""
        if self.sent and self.sent.total and not (self.received and self.received.total):
            return self.sent
        return self.received


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """Requests from `source` to `target` (ids of nodes), as `side` saw them."""

    source: str
    target: str
    flow: Flow
    side: str
    profile: str = ""

    @property
    def id(self) -> str:
        return f"{self.source}>{self.target}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """One moment of the mesh. `timestamp` is None when it has no data at all."""

    nodes: Mapping[str, Node]
    edges: Mapping[str, Edge]
    timestamp: dt.datetime | None = None
    window: float = 0.0  # seconds, the widest that was really used

    @property
    def idle(self) -> bool:
        """Whether it shows no request at all."""
        flows = [edge.flow for edge in self.edges.values()]
        flows += [node.received for node in self.nodes.values() if node.received]
        return not any(flow.total for flow in flows)

    def callers(self, node: str) -> list[Edge]:
        return [edge for edge in self.edges.values() if edge.target == node]

    def callees(self, node: str) -> list[Edge]:
        return [edge for edge in self.edges.values() if edge.source == node]


def total(flows: list[Flow]) -> Flow | None:
    """Known counts add up, quantiles do not: only a lone flow keeps its own. None of nothing."""
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
