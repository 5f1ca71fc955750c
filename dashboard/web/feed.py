"""The latest answer to each question, shared by everyone who looks.

However many browsers are open, a question is asked at most once per refresh and by one thread at a time; the
others get what is there. When the API fails, the last good graph stays and carries the fault, because an old
picture with a mark says more than an empty page; not so when it refuses, for then it is nothing to look at.
"""

import collections
import concurrent.futures
import dataclasses
import datetime as dt
import threading
import time
from collections.abc import Callable

from dashboard.client import api, faults, traffic
from dashboard.graph import build, model
from dashboard.web import state

_MOST_QUESTIONS = 64  # remembered; a page's controls reach a few dozen
_PARALLEL_READS = 8


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What is known now: a graph, why there is no newer one, or both."""

    graph: model.Graph | None
    fault: faults.Fault | None
    asked: dt.datetime  # when the API was last asked
    good: dt.datetime | None  # when it last answered


@dataclasses.dataclass(slots=True)
class _Slot:
    asking: threading.Lock = dataclasses.field(default_factory=threading.Lock)
    reading: Reading | None = None
    asked: float = 0.0  # when, in seconds that nobody sets


class Feed:
    """Readings of one API."""

    def __init__(
        self,
        source: api.TrafficApi,
        *,
        pool: concurrent.futures.Executor | None = None,
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
        uptime: Callable[[], float] = time.monotonic,
    ) -> None:
        """Reads in the threads of `pool`, whose owner ends it, or in its own. `now` is shown; `uptime`, in
        seconds that nobody sets, says what is too old.
        """
        self._source = source
        self._now = now
        self._uptime = uptime
        self._slots: collections.OrderedDict[state.Question, _Slot] = collections.OrderedDict()
        self._guard = threading.Lock()
        self._owns_pool = pool is None
        self._pool = pool or concurrent.futures.ThreadPoolExecutor(_PARALLEL_READS, "traffic-read")
        self._namespaces: frozenset[str] = frozenset()

    @property
    def namespaces(self) -> list[str]:
        """Those seen so far, in any answer: what a viewer may want to choose."""
        return sorted(self._namespaces)

    def read(self, question: state.Question, *, max_age: float) -> Reading:
        """A reading at most `max_age` seconds old, or the last one while somebody else is getting a newer."""
        slot = self._slot(question)
        if slot.reading and not slot.asking.acquire(blocking=False):
            return slot.reading
        if not slot.reading:
            slot.asking.acquire()
        try:
            if slot.reading is None or self._uptime() - slot.asked >= max_age:
                asked = self._uptime()
                slot.reading = self._ask(question, slot.reading)
                slot.asked = asked
            return slot.reading
        finally:
            slot.asking.release()

    def close(self) -> None:
        if self._owns_pool:
            self._pool.shutdown(cancel_futures=True)
        self._source.close()

    def _slot(self, question: state.Question) -> _Slot:
        with self._guard:
            slot = self._slots.setdefault(question, _Slot())
            self._slots.move_to_end(question)
            while len(self._slots) > _MOST_QUESTIONS:
                self._slots.popitem(last=False)
            return slot

    def _ask(self, question: state.Question, before: Reading | None) -> Reading:
        asked = self._now()
        try:
            graph = self._graph(question)
        except faults.Fault as fault:
            kept = None if isinstance(fault, faults.Denied) else before
            return Reading(
                graph=kept.graph if kept else None,
                fault=fault,
                asked=asked,
                good=kept.good if kept else None,
            )
        self._namespaces |= {node.namespace for node in graph.nodes.values() if node.namespace}
        return Reading(graph=graph, fault=None, asked=asked, good=asked)

    def _graph(self, question: state.Question) -> model.Graph:
        places: tuple[str | None, ...] = question.namespaces or (None,)
        kind = state.KINDS[question.kind]

        def metrics(place: str | None) -> tuple[traffic.Traffic, ...]:
            return self._source.metrics(namespace=place, window=question.window, described=kind)

        def edges(place: str | None) -> tuple[traffic.Traffic, ...]:
            return self._source.edges(namespace=place, window=question.window, described=kind)

        reads = [self._pool.submit(read, place) for read in (metrics, edges) for place in places]
        # Also when one fails: what is still on its way would pile up behind an API in trouble.
        concurrent.futures.wait(reads)
        answers = [read.result() for read in reads]
        return build.build(
            [item for answer in answers[: len(places)] for item in answer],
            [item for answer in answers[len(places) :] for item in answer],
        )
