"""Looks up with small queries how a mesh is labelled, and why an answer has no proxies."""

from __future__ import annotations

from metrics_server.collect import backend as collect_backend
from metrics_server.collect import without_requests
from metrics_server.model import faults, validation
from metrics_server.profiles import endpoints, schema
from metrics_server.query import plan, promql

_SAMPLE = 20
"""Number of series from which the labels of a mesh's targets are learned."""


class Lookups:
    """Small queries about one mesh."""

    def __init__(
        self,
        backend: collect_backend.QueryBackend,
        *,
        mesh: schema.Profile,
        clock: collect_backend.Clock,
        stale_after: float,
    ) -> None:
        """`clock`: that of the backend. `stale_after`: seconds."""
        self._backend = backend
        self._mesh = mesh
        self._clock = clock
        self._stale_after = stale_after
        self._namespace_label: str | None = None

    async def scope(self, namespace: str | None) -> plan.QueryScope:
        """Return what to read for a namespace, or for all. Raises faults.Unavailable."""
        if namespace is None:
            return plan.QueryScope()
        if not self._mesh.reports_of_targets:
            return plan.QueryScope(namespace=namespace)
        if self._namespace_label is None:
            at = await self._clock.read()
            (series,) = await self._backend.ask([promql.sample(self._mesh.sign, _SAMPLE)], at=at)
            carried = {label for one in validation.checked(series) for label in one["metric"]}
            self._namespace_label = next(
                (name for name in self._mesh.target.namespace if name in carried), None
            )
            if any(namespace in carried for _, namespace in endpoints.CARRIED_PODS):
                self._namespace_label = None  # then a proxy's namespace may be in one of two labels
        return plan.QueryScope(
            namespace=namespace if self._namespace_label else None, label=self._namespace_label or ""
        )

    async def explain_nothing(self, scope: plan.QueryScope) -> None:
        """Raise the fault that explains an answer without proxies; return if only this namespace has none."""
        at = await self._clock.read()
        newest = await self.newest(at)
        if newest is None:
            because = await without_requests.reason(self._backend, [self._mesh], at=at)
            raise faults.NoMesh(
                because
                or "Prometheus holds no recent metric of a known mesh (looked for "
                f"{' or '.join(map(repr, self._mesh.sign))} of profile "
                f"{self._mesh.name!r}). Does it scrape the proxies? Try `trafficmetrics-server check`."
            )
        if scope.namespace is None:
            raise stale(at - newest, self._stale_after)

    async def newest(self, at: float) -> float | None:
        """Return the time of the newest sample of the mesh, Unix seconds; None if there is none."""
        (series,) = await self._backend.ask([promql.newest(promql.selector(self._mesh.sign))], at=at)
        found = validation.checked(series)
        return float(found[0]["value"][1]) if found else None


def stale(age: float, oldest: float) -> faults.Stale:
    """Return the fault for newest samples of an age; figures older than `oldest` are not served. Seconds."""
    return faults.Stale(
        f"The newest samples of the mesh are {age:.0f} s old; figures older than {oldest:.0f} s are not "
        "served. Does Prometheus still scrape the proxies? If its samples always arrive that late, a greater "
        "`stale-after` allows it."
    )
