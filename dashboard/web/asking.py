"""One question of a page → the lists of the API → a graph.

A question about a few namespaces is asked in each of them, because many may read some and not all. About more
it is asked once in all namespaces, and what is elsewhere is left out: what a question costs the API does not
grow with its length. One viewer's questions never take all the threads that viewers share.
"""

import concurrent.futures
import functools
import threading
from collections.abc import Callable, Sequence

from dashboard.client import api, faults, traffic
from dashboard.graph import build, model
from dashboard.web import state

ONE_BY_ONE = 12  # namespaces, each with two requests
_AT_ONCE = 8  # requests of one viewer

_Lists = tuple[traffic.Traffic, ...]


def excess(question: state.Question) -> str:
    """Why a question is not asked at all; empty for all but absurd ones."""
    named = len(question.namespaces)
    if named <= state.MOST_NAMESPACES:
        return ""
    return (
        f"{named} namespaces are named, and at most {state.MOST_NAMESPACES} can be shown at once. "
        "Name fewer, or show all namespaces."
    )


class Asking:
    """Asks one API in the threads of a pool."""

    def __init__(self, source: api.TrafficApi, *, pool: concurrent.futures.Executor) -> None:
        self._source = source
        self._pool = pool
        self._places = threading.BoundedSemaphore(_AT_ONCE)

    def graph(self, question: state.Question) -> model.Graph:
        """The graph of a question, or the fault of one of its requests."""
        named = question.namespaces
        if len(named) > ONE_BY_ONE:
            return self._of_many(question)
        return build.build(*self._lists(question, named or (None,)))

    def _of_many(self, question: state.Question) -> model.Graph:
        wanted = frozenset(question.namespaces)
        try:
            metrics, edges = self._lists(question, (None,))
        except faults.Unauthenticated:
            raise
        except faults.Denied as fault:
            raise faults.Denied(
                f"{fault} More than {ONE_BY_ONE} namespaces are read from all at once: name fewer."
            ) from fault
        return build.build(
            [item for item in metrics if item.resource.namespace in wanted],
            [
                item
                for item in edges
                if item.resource.namespace in wanted or (item.peer and item.peer.namespace in wanted)
            ],
        )

    def _lists(self, question: state.Question, places: Sequence[str | None]) -> tuple[_Lists, _Lists]:
        kind = state.KINDS[question.kind]
        metrics = functools.partial(self._source.metrics, window=question.window, described=kind)
        edges = functools.partial(self._source.edges, window=question.window, described=kind)
        reads = [self._submit(read, place) for read in (metrics, edges) for place in places]
        # Also when one fails: what is still on its way would pile up behind an API in trouble.
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
