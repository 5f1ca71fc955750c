"""Read the lists of the API that a page needs, and build a graph from them.

A few namespaces are read one by one, because many viewers may read some namespaces and not all. More are read
with one request for all namespaces and filtered here, so the cost for the API is limited. One viewer never
uses all the threads that viewers share.
"""

import concurrent.futures
import functools
import threading
from collections.abc import Callable, Sequence

from dashboard.client import api, faults, traffic
from dashboard.graph import build, model
from dashboard.web import state

MOST_SEPARATE_READS = 12  # most namespaces that are read one by one, with two requests each
_PARALLEL_READS = 8  # most requests of one viewer at once

_Lists = tuple[traffic.Traffic, ...]


def limit_message(request: state.GraphRequest) -> str:
    """The message for a request with too many namespaces; else empty."""
    number = len(request.namespaces)
    if number <= state.MOST_NAMESPACES:
        return ""
    return (
        f"{number} namespaces are chosen, and at most {state.MOST_NAMESPACES} can be shown at once. "
        "Choose fewer, or show all namespaces."
    )


class ThreadedReader:
    """Reads one API in the threads of a pool."""

    def __init__(self, source: api.TrafficApi, *, pool: concurrent.futures.Executor) -> None:
        self._source = source
        self._pool = pool
        self._slots = threading.BoundedSemaphore(_PARALLEL_READS)

    def graph(self, request: state.GraphRequest) -> model.Graph:
        """The graph for a request. Raises the `faults.Fault` of the first request that failed."""
        namespaces = request.namespaces
        if len(namespaces) > MOST_SEPARATE_READS:
            return self._filtered(request)
        return build.build(*self._lists(request, namespaces or (None,)))

    def _filtered(self, request: state.GraphRequest) -> model.Graph:
        wanted = frozenset(request.namespaces)
        try:
            metrics, edges = self._lists(request, (None,))
        except faults.Unauthenticated:
            raise
        except faults.Denied as fault:
            raise faults.Denied(
                f"{fault} More than {MOST_SEPARATE_READS} namespaces need the right to read all. "
                "Choose fewer."
            ) from fault
        return build.build(
            [item for item in metrics if item.resource.namespace in wanted],
            [
                item
                for item in edges
                if item.resource.namespace in wanted or (item.peer and item.peer.namespace in wanted)
            ],
        )

    def _lists(self, request: state.GraphRequest, namespaces: Sequence[str | None]) -> tuple[_Lists, _Lists]:
        kind = state.KINDS[request.kind]
        metrics = functools.partial(self._source.metrics, window=request.window, described=kind)
        edges = functools.partial(self._source.edges, window=request.window, described=kind)
        reads = [self._submit(read, namespace) for read in (metrics, edges) for namespace in namespaces]
        # Wait even if one failed, so that requests to a slow API do not pile up.
        concurrent.futures.wait(reads)
        answers = [read.result() for read in reads]
        return _concatenated(answers[: len(namespaces)]), _concatenated(answers[len(namespaces) :])

    def _submit(
        self, read: Callable[..., _Lists], namespace: str | None
    ) -> concurrent.futures.Future[_Lists]:
        self._slots.acquire()
        try:
            submitted = self._pool.submit(read, namespace=namespace)
        except BaseException:
            self._slots.release()
            raise
        submitted.add_done_callback(lambda _: self._slots.release())
        return submitted


def _concatenated(answers: Sequence[_Lists]) -> _Lists:
    return tuple(item for answer in answers for item in answer)
