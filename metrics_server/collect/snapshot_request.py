"""One request for a snapshot of a mesh, and its query for buckets."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine
from dataclasses import dataclass, field
from typing import Any

from metrics_server.collect import backend
from metrics_server.model import kinds
from metrics_server.query import plan
from metrics_server.upstream import time_limits

Buckets = backend.QueryResult | None
"""The answer with buckets; None if none are wanted."""


@dataclass(slots=True)
class SnapshotRequest:
    """What is asked for. The answer with buckets takes longer than the others, so it is a task; one runs at a
    time.
    """

    scope: plan.QueryScope
    window: float
    """As requested, in seconds."""
    latency: Collection[kinds.Side]
    """The sides whose latencies are wanted."""
    _buckets: asyncio.Task[Buckets] | None = field(default=None, init=False)

    async def start_buckets(self, answer: Coroutine[Any, Any, Buckets]) -> asyncio.Task[Buckets]:
        """Return the task that waits for an answer with buckets. An earlier one is cancelled."""
        await self.end()
        self._buckets = asyncio.create_task(answer, name="buckets")
        return self._buckets

    async def end(self) -> None:
        """Cancel the task if it is not done."""
        if self._buckets is not None:
            await time_limits.given_up([self._buckets])
