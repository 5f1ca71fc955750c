"""Cache the latest answer to each request for all browsers of one credential.

However many browsers are open, a request is sent to the API at most once per refresh and by one thread at a
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
from dashboard.web import concurrency, state, threaded_reader

_MOST_REQUESTS = 64  # in the cache; the controls of a page need a few dozen
_MOST_ELEMENTS = 20_000  # nodes and edges in the cache, about 1 KB each
_WAITING = 12  # threads that wait for the API at once, unless a `limit` is given
_PARALLEL_READS = 8


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The latest graph, the fault of the latest request, or both."""

    graph: model.Graph | None
    fault: faults.Fault | None
    requested_at: dt.datetime  # time of the latest request
    succeeded_at: dt.datetime | None  # time of the latest successful request


_BUSY = "Too many of your requests wait for the API. The page tries again by itself."


@dataclasses.dataclass(slots=True)
class _Slot:
    in_progress: threading.Lock = dataclasses.field(default_factory=threading.Lock)
    reading: Reading | None = None
    requested_at: float = 0.0  # seconds of the monotonic clock


class Feed:
    """Readings of one API."""

    def __init__(
        self,
        source: api.TrafficApi,
        *,
        pool: concurrent.futures.Executor | None = None,
        limit: concurrency.KeyedLimit | None = None,
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
        uptime: Callable[[], float] = time.monotonic,
    ) -> None:
        """`pool` has the threads, and its owner closes it; without one the feed has its own. `limit` is for
        the threads that wait for the API. `now` is the time that is shown; `uptime`, monotonic seconds,
        decides which reading is too old.
        """
        self._source = source
        self._now = now
        self._uptime = uptime
        self._slots: collections.OrderedDict[state.GraphRequest, _Slot] = collections.OrderedDict()
        self._lock = threading.Lock()
        self._owns_pool = pool is None
        self._pool = pool or concurrent.futures.ThreadPoolExecutor(_PARALLEL_READS, "traffic-read")
        self._reader = threaded_reader.ThreadedReader(source, pool=self._pool)
        self._waiting_limit = limit or concurrency.KeyedLimit(total=_WAITING, per_key=_WAITING)
        self._namespaces: frozenset[str] = frozenset()

    @property
    def namespaces(self) -> list[str]:
        """The namespaces in all answers so far, sorted."""
        return sorted(self._namespaces)

    def read(self, request: state.GraphRequest, *, max_age: float) -> Reading:
        """A reading at most `max_age` seconds old, or the last one while another thread gets a newer one."""
        if too_many := threaded_reader.limit_message(request):
            return self._refusal(too_many)
        slot = self._slot(request)
        try:
            with self._waiting_limit.slot(self):
                return self._refreshed(slot, request, max_age)
        except concurrency.LimitReached:
            return slot.reading or self._refusal(_BUSY)

    def _refreshed(self, slot: _Slot, request: state.GraphRequest, max_age: float) -> Reading:
        if slot.reading and not slot.in_progress.acquire(blocking=False):
            return slot.reading
        if not slot.reading:
            slot.in_progress.acquire()
        try:
            if slot.reading is None or self._uptime() - slot.requested_at >= max_age:
                requested_at = self._uptime()
                slot.reading = self._fetch(request, slot.reading)
                slot.requested_at = requested_at
            return slot.reading
        finally:
            slot.in_progress.release()

    def _refusal(self, text: str) -> Reading:
        return Reading(graph=None, fault=faults.Excessive(text), requested_at=self._now(), succeeded_at=None)

    @property
    def size(self) -> int:
        """The number of nodes and edges in the cache."""
        return sum(_reading_size(slot.reading) for slot in list(self._slots.values()))

    def close(self) -> None:
        """Close the connections, and the threads if they are its own."""
        if self._owns_pool:
            self._pool.shutdown(cancel_futures=True)
        self._source.close()

    def _slot(self, request: state.GraphRequest) -> _Slot:
        with self._lock:
            slot = self._slots.setdefault(request, _Slot())
            self._slots.move_to_end(request)
            while len(self._slots) > _MOST_REQUESTS or (len(self._slots) > 1 and self.size > _MOST_ELEMENTS):
                self._slots.popitem(last=False)
            return slot

    def _fetch(self, request: state.GraphRequest, previous: Reading | None) -> Reading:
        requested_at = self._now()
        try:
            graph = self._reader.graph(request)
        except faults.Fault as fault:
            kept = None if isinstance(fault, faults.Denied) else previous
            return Reading(
                graph=kept.graph if kept else None,
                fault=fault,
                requested_at=requested_at,
                succeeded_at=kept.succeeded_at if kept else None,
            )
        self._namespaces |= {node.namespace for node in graph.nodes.values() if node.namespace}
        return Reading(graph=graph, fault=None, requested_at=requested_at, succeeded_at=requested_at)


def _reading_size(reading: Reading | None) -> int:
    graph = reading.graph if reading else None
    return len(graph.nodes) + len(graph.edges) if graph else 0
