"""Finds the profiles of which Prometheus has series."""

from __future__ import annotations

from collections.abc import Sequence

from metrics_server.collect import backend as collect_backend
from metrics_server.model import validation
from metrics_server.profiles import schema
from metrics_server.query import promql

_LABEL = "trafficmetrics_profile"


async def find(
    backend: collect_backend.QueryBackend, meshes: Sequence[schema.Profile], *, at: float
) -> frozenset[str]:
    """Return the names of the profiles of which there is a series at Unix time `at`. Raises
    faults.Unavailable.
    """
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
    """Return the selectors by which a mesh is found.

    If its process metric shows which proxies are of this mesh, it is that metric, which exists before the
    first request. Otherwise they are the request counters that no other mesh exposes.
    """
    series = [(view.counters, view.match) for view in mesh.views if not view.shared]
    if mesh.process is not None and (mesh.fallback or mesh.recognises_proxies):
        series = [(mesh.sign, mesh.process.match)]
    return [
        promql.selector(names, [promql.Matcher(label, "=~", pattern) for label, pattern in match.items()])
        for names, match in series
    ]
