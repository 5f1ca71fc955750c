"""Which meshes Prometheus has series of."""

from __future__ import annotations

from collections.abc import Sequence

from metrics_server.collect import collector
from metrics_server.model import validation
from metrics_server.profiles import schema
from metrics_server.query import promql

_LABEL = "trafficmetrics_profile"


async def find(backend: collector.Backend, meshes: Sequence[schema.Profile], *, at: float) -> frozenset[str]:
    """Return the names of the profiles of which a series is there. Raises faults.Unavailable."""
    looked_for = [
        promql.marked(promql.count(selector), _LABEL, mesh.name)
        for mesh in meshes
        for selector in signs(mesh)
    ]
    (series,) = await backend.ask([promql.either(looked_for)], at=at)
    found = [one["metric"].get(_LABEL, "") for one in validation.checked(series)]
    validation.asked(found, [mesh.name for mesh in meshes])
    return frozenset(found)


def signs(mesh: schema.Profile) -> list[str]:
    """Return a selector for each thing by which a mesh is found: its proxies, which are there before the
    first request, if they are known by what they are scraped with; else requests that only it tells so.
    """
    told = [(view.counters, view.match) for view in mesh.views if not view.shared]
    if mesh.process is not None and (mesh.fallback or mesh.recognises_proxies):
        told = [(mesh.sign, mesh.process.match)]
    return [
        promql.selector(names, [promql.Matcher(label, "=~", pattern) for label, pattern in match.items()])
        for names, match in told
    ]
