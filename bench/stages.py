"""Where the time of a cold read goes, stage by stage, on recorded answers of Prometheus.

`python -m bench.stages FOLDER` repeats it on what a sitting recorded there, without a mesh: the same input
before and after a change. The stages are called as the server calls them; a part of a
stage is measured by difference (buckets: decoding with and without them).
"""

import dataclasses
import gc
import itertools
import json
import pathlib
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import rich.console

from apiservice.http import encoding
from bench import report
from metrics_server.api.smi import rows
from metrics_server.decode import decoder, targets
from metrics_server.inventory import file_source, objects
from metrics_server.model import snapshot
from metrics_server.ownership import graph
from metrics_server.profiles import loading
from metrics_server.store import store
from metrics_server.upstream import response

T = TypeVar("T")
_INTERVAL = 15.0
_AFTER = ("rows", "encoding")
"""The results that are computed from a roll-up."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Answers of Prometheus to one plan, as bytes."""

    mesh: str = "envoy"
    namespace: str | None
    """The namespace of the plan; None for all namespaces."""
    taken: float
    window: float
    counters: list[bytes]
    buckets: bytes
    inventory: str


def save(recording: Recording, folder: pathlib.Path) -> None:
    """Write a recording into a folder of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, body in enumerate(recording.counters):
        (folder / f"counters-{number}.json").write_bytes(body)
    (folder / "buckets.json").write_bytes(recording.buckets)
    (folder / "inventory.json").write_text(recording.inventory, encoding="utf-8")
    about = {
        "mesh": recording.mesh,
        "namespace": recording.namespace,
        "taken": recording.taken,
        "window": recording.window,
    }
    (folder / "about.json").write_text(json.dumps(about), encoding="utf-8")


def load(folder: pathlib.Path) -> Recording:
    """Read a recording. Raises OSError."""
    about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    return Recording(
        **about,
        counters=[path.read_bytes() for path in sorted(folder.glob("counters-*.json"))],
        buckets=(folder / "buckets.json").read_bytes(),
        inventory=(folder / "inventory.json").read_text(encoding="utf-8"),
    )


def measure(recording: Recording, *, rounds: int) -> report.Table:
    """Return what each stage of reading all edges took."""
    watch = _measured(recording, rounds)
    total = sum(statistics.median(times) for times in watch.times.values())
    return report.Table(
        name=f"Stages of a cold read of edges, {recording.namespace or 'all namespaces'}",
        about=f"processor time, in-process, {rounds} rounds",
        rows={
            **{stage: _cells(times, total) for stage, times in watch.times.items()},
            "all of it": _cells([sum(each) for each in zip(*watch.times.values(), strict=True)], total),
        },
        compared="median ms",
    )


def _cells(times: list[float], total: float) -> report.Cells:
    median = statistics.median(times)
    return {"best ms": min(times) * 1e3, "median ms": median * 1e3, "share": f"{median / total:.0%}"}


class _Stopwatch:
    """Seconds of processor time by stage, one entry per round; without other processes."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = {}

    def time(self, stage: str, work: Callable[[], T]) -> T:
        begun = time.thread_time()
        result = work()
        self.add(stage, time.thread_time() - begun)
        return result

    def add(self, stage: str, seconds: float) -> None:
        self.times.setdefault(stage, []).append(seconds)


def decoding_and_rollup(recording: Recording, *, rounds: int) -> float:
    """Return the seconds it takes from the bytes of the answers to the roll-up."""
    watch = _measured(recording, rounds)
    each = zip(*(times for stage, times in watch.times.items() if stage not in _AFTER), strict=True)
    return statistics.median(map(sum, each))


def _measured(recording: Recording, rounds: int) -> _Stopwatch:
    things = file_source.read(recording.inventory, source="recording")
    watch = _Stopwatch()
    for _ in range(rounds):
        gc.collect()
        _read(recording, things, watch)
    return watch


def _read(recording: Recording, things: objects.Inventory, watch: _Stopwatch) -> None:
    counters = [response.PrometheusAnswer(body) for body in recording.counters]
    buckets = response.PrometheusAnswer(recording.buckets)
    mesh = next(mesh for mesh in loading.shipped() if mesh.name == recording.mesh)

    def counted(*metrics: str) -> Iterator[Any]:
        return itertools.chain.from_iterable(answer.among(metrics) for answer in counters)

    proxies = watch.time(
        "finding targets", lambda: targets.find(counted(*targets.needed_metrics(mesh)), mesh)
    )

    def decode(summed: Iterable[Any]) -> snapshot.Snapshot:
        return decoder.read(
            counted(),
            summed,
            proxies=proxies,
            taken=recording.taken,
            window=recording.window,
            interval=_INTERVAL,
        )

    watch.time("JSON of counters, counting", lambda: decode([]))
    begun = time.thread_time()
    taken = decode(buckets)
    counting = watch.times["JSON of counters, counting"][-1]
    watch.add("JSON of buckets, histograms", time.thread_time() - begun - counting)
    watch.time("ownership", lambda: graph.Ownership(taken, things))
    moment = store.Moment(taken, things, arrived=taken.taken)
    watch.time("roll-up", lambda: moment.once(("edges of", ""), lambda: moment.rollup.edges("")))
    index = watch.time("rows", lambda: rows.edges(moment, "", recording.namespace))
    objects = [row.object for row in index.within(recording.namespace)]
    watch.time("encoding", lambda: encoding.dump({"items": objects}, subtype="json", pretty=False))


if __name__ == "__main__":
    table = measure(load(pathlib.Path(sys.argv[1])), rounds=int(sys.argv[2]) if len(sys.argv) > 2 else 7)
    report.show(table, before={}, console=rich.console.Console())
