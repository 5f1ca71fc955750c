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

from dashboard.client import api, faults
from dashboard.graph import model
from dashboard.web import asking, state, turns

_MOST_QUESTIONS = 64  # remembered; a page's controls reach a few dozen
_MOST_ELEMENTS = 20_000  # nodes and edges remembered, about 1 KB each
_WAITING = 12  # for the API at once, where nobody says otherwise
_PARALLEL_READS = 8


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What is known now: a graph, why there is no newer one, or both."""

    graph: model.Graph | None
    fault: faults.Fault | None
    asked: dt.datetime  # when the API was last asked
    good: dt.datetime | None  # when it last answered


_BUSY = "Too many of your questions wait for the API at once. This page asks again by itself."


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
        places: turns.Turns | None = None,
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
        uptime: Callable[[], float] = time.monotonic,
    ) -> None:
        """Reads in the threads of `pool`, whose owner ends it, or in its own. `now` is shown; `uptime`, in
        seconds that nobody sets, says what is too old. `places` is who may wait for the API at once.
        """
        self._source = source
        self._now = now
        self._uptime = uptime
        self._slots: collections.OrderedDict[state.Question, _Slot] = collections.OrderedDict()
        self._guard = threading.Lock()
        self._owns_pool = pool is None
        self._pool = pool or concurrent.futures.ThreadPoolExecutor(_PARALLEL_READS, "traffic-read")
        self._asking = asking.Asking(source, pool=self._pool)
        self._turns = places or turns.Turns(most=_WAITING, each=_WAITING)
        self._namespaces: frozenset[str] = frozenset()

    @property
    def namespaces(self) -> list[str]:
        """Those seen so far, in any answer: what a viewer may want to choose."""
        return sorted(self._namespaces)

    def read(self, question: state.Question, *, max_age: float) -> Reading:
        """A reading at most `max_age` seconds old, or the last one while somebody else is getting a newer."""
        if excess := asking.excess(question):
            return self._without(excess)
        slot = self._slot(question)
        try:
            with self._turns.taken(self):
                return self._renewed(slot, question, max_age)
        except turns.Busy:
            return slot.reading or self._without(_BUSY)

    def _renewed(self, slot: _Slot, question: state.Question, max_age: float) -> Reading:
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

    def _without(self, words: str) -> Reading:
        return Reading(graph=None, fault=faults.Excessive(words), asked=self._now(), good=None)

    @property
    def weight(self) -> int:
        """Nodes and edges that are remembered."""
        return sum(_weight(slot.reading) for slot in list(self._slots.values()))

    def close(self) -> None:
        if self._owns_pool:
            self._pool.shutdown(cancel_futures=True)
        self._source.close()

    def _slot(self, question: state.Question) -> _Slot:
        with self._guard:
            slot = self._slots.setdefault(question, _Slot())
            self._slots.move_to_end(question)
            while len(self._slots) > _MOST_QUESTIONS or (
                len(self._slots) > 1 and self.weight > _MOST_ELEMENTS
            ):
                self._slots.popitem(last=False)
            return slot

    def _ask(self, question: state.Question, before: Reading | None) -> Reading:
        asked = self._now()
        try:
            graph = self._asking.graph(question)
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


def _weight(reading: Reading | None) -> int:
    graph = reading.graph if reading else None
    return len(graph.nodes) + len(graph.edges) if graph else 0
