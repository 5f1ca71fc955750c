"""A store with a source that returns a recorded snapshot as soon as a test allows it."""

from __future__ import annotations

import asyncio
import dataclasses

from metrics_server.collect import collector
from metrics_server.inventory import objects
from metrics_server.model import faults, kinds, snapshot
from metrics_server.profiles import loading
from metrics_server.store import store as store_store
from tests.metrics_server import recording

(ENVOY,) = [mesh for mesh in loading.shipped() if mesh.name == "envoy"]
REFRESH = 5.0
Asked = tuple[str | None, float, frozenset[kinds.Side]]
BOTH = kinds.SIDES


@dataclasses.dataclass(slots=True)
class Source:
    """Returns a recorded snapshot once `open` is set; fails if `failing`, has no proxies if `empty`."""

    taken: snapshot.Snapshot
    clock: recording.Clock
    asked: list[Asked] = dataclasses.field(default_factory=list)
    open: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)
    began: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)
    failing: bool = False
    empty: bool = False

    async def take(
        self, namespace: str | None, *, window: float, latency: frozenset[kinds.Side]
    ) -> snapshot.Snapshot | None:
        self.asked.append((namespace, window, latency))
        self.began.set()
        await self.open.wait()
        if self.failing:
            raise faults.BackendDown("no")
        return None if self.empty else dataclasses.replace(self.taken, taken=self.clock(), window=window)


@dataclasses.dataclass(frozen=True, slots=True)
class Scene:
    source: Source
    store: store_store.Store
    clock: recording.Clock


async def scene() -> Scene:
    clock = recording.Clock()
    taker = collector.Collector(
        recording.Backend(recording.shop(taken=clock())),
        mesh=ENVOY,
        watcher=recording.Deaf(),
        clock=clock,
        stale_after=90.0,
    )
    taken = await taker.take(None, window=30.0)
    assert taken is not None
    source = Source(taken, clock)
    source.open.set()
    moments = store_store.Store(source, inventory=objects.Inventory, clock=clock, refresh=REFRESH)
    return Scene(source, moments, clock)
