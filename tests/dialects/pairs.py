"""Two dialects that report the same traffic to one Prometheus, read by one server. No process runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from concurrent import futures

from metrics_server.aggregate import figures
from metrics_server.collect import collector, multi_mesh
from metrics_server.inventory import objects
from metrics_server.ownership import graph
from metrics_server.profiles import registry
from metrics_server.store import store
from tests.dialects import exposition, writers
from tests.metrics_server import recording

NOW, WINDOW = 1_000_000.0, 30.0
_EVERY, _SCRAPES = 5.0, 14
_TIMES = [NOW - _EVERY * step for step in range(_SCRAPES - 1, -1, -1)]
_ALIVE = [(time, 1.0) for time in _TIMES]
_HAPPENED = 3
"""The number of scrapes since the traffic happened once more."""
_BEGAN = NOW - 36_000.0
"""When all proxies began, Unix seconds."""


@dataclasses.dataclass(frozen=True, slots=True)
class Reply:
    """What a server answers."""

    received: Mapping[str, figures.Figures]
    """By workload."""
    edges: Sequence[tuple[str, str, figures.Figures]]
    """Caller, callee and figures; an edge that is listed twice is here twice."""

    def count(self, caller: str, callee: str) -> float:
        """Return the requests of an edge."""
        return sum(one.total or 0.0 for *ends, one in self.edges if ends == [caller, callee])

    @property
    def counts(self) -> Mapping[str, tuple[float | None, float | None]]:
        """The successes and failures of all workloads and edges, by name, as far as they are known."""
        named = [*self.received.items(), *((f"{a} → {b}", one) for a, b, one in self.edges)]
        return {name: (one.success, one.failure) for name, one in named if one.total is not None}


async def read(
    *dialects: writers.Dialect,
    known: objects.Inventory,
    federated: bool = False,
    clusters: Sequence[str] = ("",),
) -> Reply:
    """Return what a server that chooses profiles by itself reads of the traffic that all dialects report.

    `federated`: whether one target carries everything. `clusters`: the traffic happens in each of them.
    """
    backend = recording.Backend(
        recording.Recording(
            [
                _in_cluster(series, cluster)
                for cluster in clusters
                for series in _series(dialects, federated=federated)
            ]
        )
    )
    clock = recording.Clock(NOW)
    # A profile that `auto` leaves out is chosen by name, as its users have to.
    meshes = registry.choose(",".join(("auto", *(each.profile for each in dialects))))
    with futures.ThreadPoolExecutor(max_workers=1) as executor:
        taker = multi_mesh.MultiMeshCollector(
            backend,
            [
                (
                    mesh,
                    collector.Collector(
                        backend,
                        mesh=mesh,
                        watcher=recording.Deaf(),
                        clock=clock,
                        stale_after=90.0,
                        executor=executor,
                    ),
                )
                for mesh in meshes
            ],
            allowed=lambda profile, namespace: True,
            clock=clock,
            executor=executor,
        )
        taken = await taker.take(None, window=WINDOW)
    assert taken is not None
    moment = store.Moment(taken, known, arrived=0.0)
    return Reply(
        received={str(row.resource): row.figures for row in moment.rollup.received(graph.WORKLOAD)},
        edges=[
            (str(edge.caller), str(edge.callee), edge.figures) for edge in moment.rollup.edges(graph.WORKLOAD)
        ],
    )


def _in_cluster(series: recording.Series, cluster: str) -> recording.Series:
    return (
        dataclasses.replace(series, labels={**series.labels, "k8s_cluster": cluster}) if cluster else series
    )


def _series(dialects: Sequence[writers.Dialect], *, federated: bool) -> Iterator[recording.Series]:
    """Yield the series of all sources, each once."""
    found: dict[tuple[tuple[str, str], ...], recording.Series] = {}
    one_envoy = all(dialect.alive is writers.envoy_uptime for dialect in dialects)
    for dialect in dialects:
        for source in dialect.sources(dialect.calls):
            # What two dialects of Envoy report of a pod, its one Envoy reports at one target.
            place = {"job": "envoy", "instance": source.instance}
            if not one_envoy:
                place = {"job": dialect.job, "instance": f"{dialect.name}-{source.instance}"}
            if federated:
                place["instance"] = "prometheus:9090"
            found |= {_key(up): up for up in [recording.series("up", _ALIVE, **place)] if federated}
            for series in _of_source(source, dialect, {**source.labels, **place}):
                if not federated or series.labels["__name__"] != "up":
                    found.setdefault(_key(series), series)
    yield from found.values()


def _key(series: recording.Series) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(series.labels.items()))


def _of_source(
    source: writers.Source, dialect: writers.Dialect, target: Mapping[str, str]
) -> Iterator[recording.Series]:
    yield recording.series("up", _ALIVE, **target)
    for sample in dialect.alive(_BEGAN):
        is_start = sample.value == _BEGAN
        yield _own(sample, source, target, [(time, _BEGAN if is_start else time - _BEGAN) for time in _TIMES])
    for sample in source.samples:
        values = [
            (time, sample.value * (2 if sample.grows and number >= _SCRAPES - _HAPPENED else 1))
            for number, time in enumerate(_TIMES)
        ]
        yield _own(sample, source, target, values)


def _own(
    sample: exposition.Sample,
    source: writers.Source,
    target: Mapping[str, str],
    values: Sequence[tuple[float, float]],
) -> recording.Series:
    """Return a series as it is stored: a label that is also one of the target has `exported_` before it."""
    own = {**source.fixed, **sample.labels}
    kept = {f"exported_{name}" if name in target else name: value for name, value in own.items()}
    labels = {name: value for name, value in {**kept, **target}.items() if value}
    return recording.Series(
        {"__name__": sample.name, **labels}, [(time, repr(float(value))) for time, value in values]
    )
