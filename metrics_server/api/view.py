"""Access of views to the store: the snapshot for a request, and the 404 for what is not in it.

A snapshot can be read only through the reach of a request, so that no view chooses which namespace is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from apiservice.http import errors
from apiservice.resources import declaration
from metrics_server.api import request
from metrics_server.model import kinds
from metrics_server.splits import model
from metrics_server.store import store


@dataclass(frozen=True, slots=True)
class SnapshotReader:
    """What the views of one server share."""

    moments: store.Store
    window: float
    """Seconds, for a request that names no window."""
    splits: Callable[[], Sequence[model.Split]] = tuple
    """The declared splits, as known now."""
    of_splits: Callable[[], Sequence[str]] = tuple
    """Warnings for answers about splits, as of now."""

    async def moment(self, query: declaration.Query) -> store.Moment | None:
        """Return the snapshot for a request; None for a known namespace without proxies. Raises
        errors.StatusError.
        """
        window = request.window(query, default=self.window)
        return await self.at(query.reach, window=window, user=query.user.name)

    async def at(
        self,
        reach: declaration.Reach,
        *,
        window: float,
        latency: frozenset[kinds.Side] = kinds.SIDES,
        lag: float = 0.0,
        user: str,
    ) -> store.Moment | None:
        """Return a snapshot of what a reach covers; None for a known namespace without proxies.

        `latency`, `lag` and `user` are those of `store.Store.moment`. Raises errors.StatusError.
        """
        namespace = reach.namespace
        with request.answered():
            moment = await self.moments.moment(namespace, window=window, latency=latency, lag=lag, user=user)
            if namespace is None or (moment and namespace in moment.owners.namespaces):
                return moment
            if kinds.Ref(kinds.NAMESPACE.name, "", namespace) in self.moments.inventory.objects:
                return None
        why = await self._instead(reach, window=window, latency=latency, lag=lag, user=user)
        raise errors.NotFound(f'namespaces "{namespace}" not found{why}')

    async def _instead(
        self,
        reach: declaration.Reach,
        *,
        window: float,
        latency: frozenset[kinds.Side],
        lag: float,
        user: str,
    ) -> str:
        """Return a hint with the names of other namespaces; empty unless the user may read all of them."""
        named, reach = reach.namespace or "", await reach.widest()
        if reach.namespace is not None:
            return ""
        with request.answered():
            everything = await self.moments.moment(None, window=window, latency=latency, lag=lag, user=user)
        known = everything.owners.namespaces if everything else set()
        homes = [request.HintName(name, name) for name in known]
        return f": {request.nearest(named, homes, what=kinds.NAMESPACE.plural, reach=reach)}"

    def missing(
        self, query: declaration.Query, ref: kinds.Ref, known: Iterable[request.HintName]
    ) -> errors.NotFound:
        """Return the 404 for the requested resource, with its reason: `absence`."""
        return query.not_found(self.absence(ref, query.name or "", known, reach=query.reach))

    def absence(
        self, ref: kinds.Ref, asked: str, known: Iterable[request.HintName], *, reach: declaration.Reach
    ) -> str:
        """Return why a resource is not found: no proxy of it is scraped, or a hint with known names."""
        if ref in self.moments.inventory.objects and reach.covers(request.home(ref)):
            return "it exists, but none of its proxies is scraped by Prometheus"
        kind = kinds.KIND_BY_NAME.get(ref.kind)
        return request.nearest(asked, known, what=kind.plural if kind else "workloads", reach=reach)
