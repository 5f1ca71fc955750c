"""A moment of a mesh, made by hand: a few series as its proxies report them, read with a profile."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from metrics_server.aggregate import rollup
from metrics_server.decode import decoder, targets
from metrics_server.inventory import objects
from metrics_server.model import kinds, snapshot
from metrics_server.ownership import graph
from metrics_server.profiles import loading, schema
from metrics_server.query import plan
from metrics_server.query import reach as query_reach
from tests.metrics_server import recording

NOW, WINDOW, _EVERY = 1000.0, 30.0, 5.0
TIMES = [965.0 + _EVERY * step for step in range(8)]
MESHES = {mesh.name: mesh for mesh in loading.shipped()}
_OLD = 9000.0
REACH = query_reach.Reach(usual=query_reach.Times(window=WINDOW, before=10.0, interval=_EVERY))


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """A scrape target, and what it reported at each scrape."""

    labels: Mapping[str, str]
    job: str = "mesh"

    def reported(self, name: str, values: Sequence[float | None], **labels: str) -> recording.Series:
        """None: the series did not exist at that scrape."""
        samples = [
            (time, value)
            for time, value in zip(TIMES[-len(values) :], values, strict=True)
            if value is not None
        ]
        where = {"job": self.job, "instance": self.labels.get("pod", "one"), **self.labels}
        return recording.series(name, samples, **{**where, **labels})

    def growing(self, name: str, by: float, **labels: str) -> recording.Series:
        """Values that grow by `by` from scrape to scrape: in the window, by six times as much."""
        return self.reported(name, [100 + by * step for step in range(len(TIMES))], **labels)

    def itself(self, mesh: schema.Profile, /, **labels: str) -> list[recording.Series]:
        found = [self.reported(plan.UP, [1.0] * len(TIMES))]
        if mesh.process:
            ages = [time + _OLD if mesh.process.tells == "age" else 1.0 for time in TIMES]
            found.append(self.reported(mesh.process.metric, ages, **labels))
        return found


def pod(namespace: str, name: str, **labels: str) -> Target:
    return Target({"namespace": namespace, "pod": name, **labels})


def moment(mesh: schema.Profile, *series: recording.Series) -> snapshot.Snapshot:
    """Return what the profile reads from the answers to the plan for the whole mesh."""
    asked = plan.make(mesh, scope=plan.QueryScope(), window=WINDOW, reach=REACH)
    recorded = recording.Recording(series)
    counters = [one for query in asked.counters for one in recorded.ask(query, at=NOW)]
    buckets = recorded.ask(asked.buckets, at=NOW) if asked.buckets else []
    proxies = targets.find(counters, mesh)
    return decoder.read(counters, buckets, proxies=proxies, taken=NOW, window=WINDOW, interval=_EVERY)


def edges(
    taken: snapshot.Snapshot, inventory: objects.Inventory | None = None
) -> dict[tuple[str, str], rollup.Edge]:
    """The edges between workloads, by the names of both ends."""
    owners = graph.Ownership(taken, inventory or objects.Inventory())
    found = rollup.Rollup(taken, owners).edges(graph.WORKLOAD)
    return {(str(edge.caller), str(edge.callee)): edge for edge in found}


def received(
    taken: snapshot.Snapshot, inventory: objects.Inventory | None = None
) -> dict[str, rollup.Received]:
    """What each workload received, by its name."""
    owners = graph.Ownership(taken, inventory or objects.Inventory())
    found = rollup.Rollup(taken, owners).received(graph.WORKLOAD)
    return {str(row.resource): row for row in found}


def counted(taken: snapshot.Snapshot, side: kinds.Side) -> tuple[float, float]:
    """Return the sums of all successes and failures of a side."""
    calls = taken.calls[side]
    return float(calls.success.sum()), float(calls.failure.sum())


def services(*names: tuple[str, str]) -> objects.Inventory:
    """Namespaces and names of the services in Kubernetes."""
    refs = [kinds.Ref(kinds.SERVICE.name, namespace, name) for namespace, name in names]
    return objects.Inventory({ref: objects.Object(ref=ref) for ref in refs})
