"""The store as views see it: the moment that a request is about, and words for what is not in it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from apiservice import errors, resources
from metrics_server import store, words
from metrics_server.splits import values
from metrics_server.views import questions


@dataclass(frozen=True, slots=True)
class View:
    """The store, and the window (seconds) where a request names none."""

    moments: store.Store
    window: float
    splits: Callable[[], Sequence[values.Split]] = tuple
    """What is known to split traffic now."""
    of_splits: Callable[[], Sequence[str]] = tuple
    """What readers of splits are to be told now."""

    async def moment(self, query: resources.Query, namespace: str | None) -> store.Moment | None:
        """Return the moment a query is about; None for a known namespace without proxies."""
        window = questions.window(query, default=self.window)
        return await self.at(namespace, window=window, user=query.user.name)

    async def at(
        self,
        namespace: str | None,
        *,
        window: float,
        latency: frozenset[words.Side] = words.SIDES,
        lag: float = 0.0,
        user: str,
    ) -> store.Moment | None:
        """Return the moment of a namespace, or (None) of all; None for a known namespace without proxies.

        `latency`, `lag` and `user` are those of `store.Store.moment`. Raises errors.StatusError.
        """
        with questions.answered():
            moment = await self.moments.moment(namespace, window=window, latency=latency, lag=lag, user=user)
            if namespace is None or (moment and namespace in moment.owners.namespaces):
                return moment
            if words.Ref(words.NAMESPACE.name, "", namespace) in self.moments.things.things:
                return None
            everything = await self.moments.moment(None, window=window, latency=latency, lag=lag, user=user)
        known = everything.owners.namespaces if everything else set()
        why = questions.nearest(namespace, known, what=words.NAMESPACE.singular)
        raise errors.NotFound(f'namespaces "{namespace}" not found: {why}')

    def missing(self, query: resources.Query, ref: words.Ref, known: Collection[str]) -> errors.NotFound:
        """Return the 404 for the resource asked for: it exists unscraped, or what known name is near."""
        return query.not_found(self.absence(ref, query.name or "", known))

    def absence(self, ref: words.Ref, asked: str, known: Collection[str]) -> str:
        """Return why a resource is not found that was asked for by a name such as the known ones."""
        if ref in self.moments.things.things:
            return "it exists, but none of its proxies is scraped by Prometheus"
        return questions.nearest(asked, known, what=ref.kind.lower() or "workload")
