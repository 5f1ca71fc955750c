"""The collector for the chosen profiles: one for each, combined if there are several."""

from __future__ import annotations

import functools
from collections.abc import Collection, Sequence
from concurrent import futures

from metrics_server.collect import backend as collect_backend
from metrics_server.collect import collector, multi_mesh
from metrics_server.profiles import policy, schema
from metrics_server.store import store


def taker(
    backend: collect_backend.QueryBackend,
    meshes: Sequence[schema.Profile],
    *,
    decisions: policy.Policy,
    watcher: collect_backend.CollectionObserver,
    clock: collect_backend.Clock,
    stale_after: float,
    chosen: Collection[str] = (),
) -> store.SnapshotSource:
    """Return the source of snapshots of these meshes. One thread decodes for all of them.

    `chosen`: the labels by which the settings choose among the targets of several clusters.
    """
    executor = futures.ThreadPoolExecutor(max_workers=1, thread_name_prefix="taking")
    takers = [
        (
            mesh,
            collector.Collector(
                backend,
                mesh=mesh,
                watcher=watcher,
                clock=clock,
                stale_after=stale_after,
                strict=functools.partial(decisions.is_strict, mesh.name),
                chosen=chosen,
                executor=executor,
                by_requests=len(meshes) == 1 and not mesh.fallback,
            ),
        )
        for mesh in meshes
    ]
    if len(takers) == 1 and not any(one.profiles for one in decisions.namespaces.values()):
        return takers[0][1]
    return multi_mesh.MultiMeshCollector(
        backend, takers, allowed=decisions.allows, clock=clock, executor=executor
    )
