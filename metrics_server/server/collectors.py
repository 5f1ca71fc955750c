"""The collector of the chosen meshes: one per mesh, joined where several are read."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from concurrent import futures

from metrics_server.collect import collector, multi_mesh
from metrics_server.profiles import policy, schema
from metrics_server.store import store


def taker(
    backend: collector.Backend,
    meshes: Sequence[schema.Profile],
    *,
    decisions: policy.Policy,
    watcher: collector.Watcher,
    clock: Callable[[], float],
    stale_after: float,
) -> store.Source:
    """Return what takes snapshots of these meshes; decoding is done by one thread for all of them."""
    beside = futures.ThreadPoolExecutor(max_workers=1, thread_name_prefix="taking")
    takers = [
        (
            mesh,
            collector.Taker(
                backend,
                mesh=mesh,
                watcher=watcher,
                clock=clock,
                stale_after=stale_after,
                strict=functools.partial(decisions.is_strict, mesh.name),
                beside=beside,
            ),
        )
        for mesh in meshes
    ]
    if len(takers) == 1 and not any(one.profiles for one in decisions.namespaces.values()):
        return takers[0][1]
    return multi_mesh.Taker(backend, takers, allowed=decisions.allows, clock=clock, beside=beside)
