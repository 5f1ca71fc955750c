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

ONE_BY_ONE = 12  # most namespaces that are read one by one, with two requests each
_AT_ONCE = 8  # most requests of one viewer at once

_Lists = tuple[traffic.Traffic, ...]


def excess(question: state.GraphRequest) -> str:
    """The message for a question with too many namespaces; else empty."""
    named = len(question.namespaces)
    if named <= state.MOST_NAMESPACES:
        return ""
    return (
        f"{named} namespaces are chosen, and at most {state.MOST_NAMESPACES} can be shown at once. "
        "Choose fewer, or show all namespaces."
    )


class ThreadedReader:
    """Reads one API in the threads of a pool."""

    def __init__(self, source: api.TrafficApi, *, pool: concurrent.futures.Executor) -> None:
        self._source = source
        self._pool = pool
        self._places = threading.BoundedSemaphore(_AT_ONCE)

    def graph(self, question: state.GraphRequest) -> model.Graph:
        """The graph of a question. Raises the `faults.Fault` of the first request that failed."""
        named = question.namespaces
        if len(named) > ONE_BY_ONE:
            return self._of_many(question)
        return build.build(*self._lists(question, named or (None,)))

    def _of_many(self, question: state.GraphRequest) -> model.Graph:
        wanted = frozenset(question.namespaces)
        try:
            metrics, edges = self._lists(question, (None,))
        except faults.Unauthenticated:
            raise
        except faults.Denied as fault:
            raise faults.Denied(
                f"{fault} More than {ONE_BY_ONE} namespaces need the right to read all. Choose fewer."
            ) from fault
        return build.build(
            [item for item in metrics if item.resource.namespace in wanted],
            [
                item
                for item in edges
                if item.resource.namespace in wanted or (item.peer and item.peer.namespace in wanted)
            ],
        )

    def _lists(self, question: state.GraphRequest, places: Sequence[str | None]) -> tuple[_Lists, _Lists]:
        kind = state.KINDS[question.kind]
        metrics = functools.partial(self._source.metrics, window=question.window, described=kind)
        edges = functools.partial(self._source.edges, window=question.window, described=kind)
        reads = [self._submit(read, place) for read in (metrics, edges) for place in places]
        # Wait even if one failed, so that requests to a slow API do not pile up.
        concurrent.futures.wait(reads)
        answers = [read.result() for read in reads]
        return _joined(answers[: len(places)]), _joined(answers[len(places) :])

    def _submit(self, read: Callable[..., _Lists], place: str | None) -> concurrent.futures.Future[_Lists]:
        self._places.acquire()
        try:
            submitted = self._pool.submit(read, namespace=place)
        except BaseException:
            self._places.release()
            raise
        submitted.add_done_callback(lambda _: self._places.release())
        return submitted


def _joined(answers: Sequence[_Lists]) -> _Lists:
    return tuple(item for answer in answers for item in answer)
