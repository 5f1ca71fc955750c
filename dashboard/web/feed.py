"""Cache the latest answer to each question for all browsers of one credential.

However many browsers are open, a question is sent to the API at most once per refresh and by one thread at a
time; the others get the cached reading. If the API fails, the last graph stays and is marked as stale. If the
API refuses (401, 403), the graph is removed, because the viewer may not see it any more.
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

_MOST_QUESTIONS = 64  # in the cache; the controls of a page need a few dozen
_MOST_ELEMENTS = 20_000  # nodes and edges in the cache, about 1 KB each
_WAITING = 12  # threads that wait for the API at once, unless `places` is given
_PARALLEL_READS = 8


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The latest graph, the fault of the latest request, or both."""

    graph: model.Graph | None
    fault: faults.Fault | None
    asked: dt.datetime  # time of the latest request
    good: dt.datetime | None  # time of the latest successful request


_BUSY = "Too many of your requests wait for the API. The page tries again by itself."


@dataclasses.dataclass(slots=True)
class _Slot:
    asking: threading.Lock = dataclasses.field(default_factory=threading.Lock)
    reading: Reading | None = None
    asked: float = 0.0  # seconds of the monotonic clock


class Feed:
    """Readings of one API."""

    def __init__(
        self,
        source: api.TrafficApi,
        *,
        pool: concurrent.futures.Executor | None = None,
        places: turns.KeyedPlaces | None = None,
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
        uptime: Callable[[], float] = time.monotonic,
    ) -> None:
        """`pool` has the threads, and its owner closes it; without one the feed has its own. `places` limits
        the threads that wait for the API. `now` is the time that is shown; `uptime`, monotonic seconds,
        decides which reading is too old.
        """
        self._source = source
        self._now = now
        self._uptime = uptime
        self._slots: collections.OrderedDict[state.GraphRequest, _Slot] = collections.OrderedDict()
        self._guard = threading.Lock()
        self._owns_pool = pool is None
        self._pool = pool or concurrent.futures.ThreadPoolExecutor(_PARALLEL_READS, "traffic-read")
        self._asking = asking.ThreadedReader(source, pool=self._pool)
        self._turns = places or turns.KeyedPlaces(most=_WAITING, each=_WAITING)
        self._namespaces: frozenset[str] = frozenset()

    @property
    def namespaces(self) -> list[str]:
        """The namespaces in all answers so far, sorted."""
        return sorted(self._namespaces)

    def read(self, question: state.GraphRequest, *, max_age: float) -> Reading:
        """A reading at most `max_age` seconds old, or the last one while another thread gets a newer one."""
        if excess := asking.excess(question):
            return self._without(excess)
        slot = self._slot(question)
        try:
            with self._turns.taken(self):
                return self._renewed(slot, question, max_age)
        except turns.NoPlace:
            return slot.reading or self._without(_BUSY)

    def _renewed(self, slot: _Slot, question: state.GraphRequest, max_age: float) -> Reading:
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
        """The number of nodes and edges in the cache."""
        return sum(_weight(slot.reading) for slot in list(self._slots.values()))

    def close(self) -> None:
        """Close the connections, and the threads if they are its own."""
        if self._owns_pool:
            self._pool.shutdown(cancel_futures=True)
        self._source.close()

    def _slot(self, question: state.GraphRequest) -> _Slot:
        with self._guard:
            slot = self._slots.setdefault(question, _Slot())
            self._slots.move_to_end(question)
            while len(self._slots) > _MOST_QUESTIONS or (
                len(self._slots) > 1 and self.weight > _MOST_ELEMENTS
            ):
                self._slots.popitem(last=False)
            return slot

    def _ask(self, question: state.GraphRequest, before: Reading | None) -> Reading:
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
