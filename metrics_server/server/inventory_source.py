"""The source of the inventory: a file, the cluster, or nothing, so that only the labels of targets are known.

In a cluster the server is ready once it has listed all objects. Before, callees would appear as services and
later as workloads.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from apiservice.observe import health
from metrics_server.inventory import file_source, objects
from metrics_server.server import access
from metrics_server.settings import mistakes, settings
from metrics_server.splits import model, sources

_LOOK = 1.0
"""Seconds between two looks at an inventory file."""
_NO_SPLITS = "no traffic splits are known: give the server --inventory or --cluster"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterInventory:
    """The inventory and the splits, and the warnings about them."""

    inventory: Callable[[], objects.Inventory] = objects.Inventory
    notices: Callable[[], Sequence[str]] = tuple
    """Warnings for all answers, as of now."""
    ready: Sequence[health.Check] = ()
    splits: Callable[[], Sequence[model.Split]] = tuple
    """The declared splits, as known now."""
    of_splits: Callable[[], Sequence[str]] = tuple
    """Warnings for answers about splits, as of now."""


def of_file(chosen: settings.Settings, path: Path) -> file_source.File:
    """Return the inventory in a file. Raises mistakes.BadSettings."""
    with mistakes.about("inventory"):
        return file_source.File(path, splitting=chosen.split_sources)


@contextlib.asynccontextmanager
async def _followed(file: file_source.File) -> AsyncIterator[None]:
    """Read the file again whenever it has changed, in a thread, until the block is left."""

    async def follow() -> None:
        while True:
            await asyncio.sleep(_LOOK)
            await asyncio.to_thread(file.current)

    following = asyncio.create_task(follow(), name="inventory file")
    try:
        yield
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


class _WithRoutes:
    """The objects of a cluster with its routes, which are watched separately."""

    def __init__(
        self, inventory: Callable[[], objects.Inventory], routes: Callable[[], model.Routes]
    ) -> None:
        self._inventory = inventory
        self._routes = routes
        self._made = (objects.Inventory(), objects.Inventory())
        """The objects without routes, and with them."""

    def current(self) -> objects.Inventory:
        """Return the present inventory; the same object until something changes."""
        known, routes = self._inventory(), self._routes()
        if known is not self._made[0] or routes is not self._made[1].routes:
            self._made = known, dataclasses.replace(known, routes=routes)
        return self._made[1]


@contextlib.asynccontextmanager
async def known(chosen: settings.Settings, *, admits: access.Access) -> AsyncIterator[ClusterInventory]:
    """Keep the inventory up to date until the block is left. Raises mistakes.BadSettings."""
    if chosen.inventory is not None:
        file = of_file(chosen, chosen.inventory)
        async with _followed(file):
            yield ClusterInventory(inventory=lambda: file.latest, splits=lambda: file.latest.splits)
        return
    if admits.cluster is None:
        yield ClusterInventory(of_splits=lambda: (_NO_SPLITS,))
        return
    # Imported here for the reason given in `access`.
    from metrics_server.cluster import owners, splits

    async with (
        owners.watched(admits.cluster, clock=time.time, uptime=time.monotonic) as watched,
        splits.followed(admits.cluster, kinds=sources.of(chosen.split_sources), clock=time.time) as declared,
    ):

        async def seen() -> None:
            if not watched.is_complete:
                raise RuntimeError(watched.complaint() or "the objects of the cluster are being listed")

        def notices() -> Sequence[str]:
            complaint = watched.complaint()
            return (complaint,) if complaint else ()

        yield ClusterInventory(
            inventory=_WithRoutes(watched.current, declared.routes).current,
            notices=notices,
            ready=(health.Check(name="ownership", probe=seen),),
            splits=declared.current,
            of_splits=declared.complaints,
        )
