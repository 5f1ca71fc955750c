"""The truth: every request as observed by its caller and as answered by its callee.

A caller observes what its own sidecar counts: one final outcome per request, after retries and timeouts. So
per edge the counts here and the counters of the caller's Envoy (`envoy_cluster_upstream_rq_xx`) are equal
once nothing is in flight. Code 0 is a request without a response: no sidecar accepted it, or the caller had
closed the connection before the callee was done.

Single requests are kept for a while, for spans and quantiles; the counts since the start are kept until the
end.
"""

import collections
import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from demo import blueprint, placement

NO_ANSWER = 0
OUTSIDE = "outside"
_QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}


@dataclasses.dataclass(frozen=True, slots=True)
class Edge:
    caller: placement.Pod | None
    """The caller outside the mesh."""
    asked: blueprint.Name
    chosen: blueprint.Name
    """The same service, or the one that a split chose."""


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    at: float
    """Seconds since the epoch, when it ended."""
    code: int
    seconds: float
    peer: str
    """The pod that answered; empty if it is not known."""


@dataclasses.dataclass(slots=True)
class _Ledger:
    recent: collections.deque[Outcome] = dataclasses.field(default_factory=collections.deque)
    total: collections.Counter[int] = dataclasses.field(default_factory=collections.Counter)

    def add(self, outcome: Outcome, *, keep: float) -> None:
        self.total[outcome.code] += 1
        self.recent.append(outcome)
        while self.recent[0].at < outcome.at - keep:
            self.recent.popleft()

    def report(self, since: float | None, until: float) -> dict[str, Any]:
        """Without `since` the counts are those since the start, even of requests no longer kept singly."""
        span = [o for o in self.recent if (since is None or since <= o.at) and o.at < until]
        counts = self.total if since is None else collections.Counter(o.code for o in span)
        return {
            "counts": {str(code): counts[code] for code in sorted(counts)},
            "latency": latency([o.seconds for o in span]),
            "pods": dict(sorted(collections.Counter(o.peer for o in span if o.peer).items())),
        }


class Truth:
    def __init__(self, *, clock: Callable[[], float], keep: float = 600.0) -> None:
        self._clock = clock
        self._keep = keep
        self._edges: collections.defaultdict[Edge, _Ledger] = collections.defaultdict(_Ledger)
        self._received: collections.defaultdict[placement.Pod, _Ledger] = collections.defaultdict(_Ledger)

    def sent(self, edge: Edge, *, code: int, seconds: float, peer: str = "") -> None:
        self._edges[edge].add(Outcome(self._clock(), code, seconds, peer), keep=self._keep)

    def received(self, pod: placement.Pod, *, code: int, seconds: float) -> None:
        self._received[pod].add(Outcome(self._clock(), code, seconds, ""), keep=self._keep)

    def report(self, *, since: float | None = None, until: float | None = None) -> Mapping[str, Any]:
        """The requests that ended in [since, until)."""
        now = self._clock()
        end = math.inf if until is None else until
        edges = [
            {
                "from": _describe(edge.caller),
                "to": _service(edge.asked),
                "chosen": _service(edge.chosen),
                **ledger.report(since, end),
            }
            for edge, ledger in self._edges.items()
        ]
        received = [{"by": _describe(pod), **led.report(since, end)} for pod, led in self._received.items()]
        for row in received:
            del row["pods"]
        return {
            "since": since,
            "until": now if until is None else until,
            "edges": sorted((e for e in edges if e["counts"]), key=_edge_order),
            "received": sorted((r for r in received if r["counts"]), key=_receiver),
        }


def together(reports: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """One report of several ledgers with different callers and receivers, for the same span."""
    return {
        "since": reports[0]["since"],
        "until": max(report["until"] for report in reports),
        "edges": sorted((row for report in reports for row in report["edges"]), key=_edge_order),
        "received": sorted((row for report in reports for row in report["received"]), key=_receiver),
    }


def latency(seconds: Iterable[float]) -> dict[str, float]:
    """Quantiles in seconds; empty without samples."""
    ordered = sorted(seconds)
    if not ordered:
        return {}
    return {name: round(quantile(ordered, q), 6) for name, q in _QUANTILES.items()}


def quantile(ordered: Sequence[float], q: float) -> float:
    """Linear between the two nearest ranks."""
    rank = q * (len(ordered) - 1)
    low = math.floor(rank)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (rank - low)


def _describe(pod: placement.Pod | None) -> dict[str, str]:
    if pod is None:
        return {"kind": OUTSIDE, "namespace": "", "name": OUTSIDE, "pod": ""}
    name = pod.workload.name
    return {"kind": pod.workload.kind, "namespace": name.namespace, "name": name.name, "pod": pod.name}


def _service(name: blueprint.Name) -> dict[str, str]:
    return {"namespace": name.namespace, "name": name.name}


def _receiver(row: Mapping[str, Any]) -> str:
    return str(row["by"]["pod"])


def _edge_order(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return (row["from"]["pod"], row["chosen"]["namespace"], row["chosen"]["name"])
