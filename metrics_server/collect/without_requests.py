"""Says why a mesh that is there counts no requests."""

from __future__ import annotations

from collections.abc import Sequence

from metrics_server.collect import backend as collect_backend
from metrics_server.model import validation
from metrics_server.profiles import schema
from metrics_server.query import promql

_LABEL = "trafficmetrics_metric"


async def reason(
    backend: collect_backend.QueryBackend, meshes: Sequence[schema.Profile], *, at: float
) -> str:
    """Return why the meshes of which there is a metric without requests count none; an empty text if there is
    no such metric. `at`: Unix seconds. Raises faults.Unavailable.
    """
    because = {one.metric: one.because for mesh in meshes for one in mesh.without_requests}
    if not because:
        return ""
    looked_for = [promql.marked(promql.count(promql.selector([name])), _LABEL, name) for name in because]
    (series,) = await backend.ask([promql.either(looked_for)], at=at)
    found = [one["metric"].get(_LABEL, "") for one in validation.checked(series)]
    validation.asked(found, because)
    return " ".join(dict.fromkeys(because[name] for name in found))
