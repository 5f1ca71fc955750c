"""The clock of Prometheus, as this server knows it.

Samples have times by Prometheus' clock, so queries are evaluated, and ages are computed, by that clock. This
server's own clock may be wrong by any amount: it is only compared, so that a difference can be reported.
Between two looks at Prometheus' clock a monotonic clock counts on.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from metrics_server.model import faults, validation
from metrics_server.query import promql

logger = logging.getLogger(__name__)
_AGAIN = 60.0
"""Seconds after which Prometheus' clock is looked at again."""
_NOTABLE = 2.0
"""Seconds by which the two clocks may differ without a message."""


class TimeBackend(Protocol):
    """Evaluates PromQL at its own present time. Raises faults.Unavailable."""

    async def ask(self, queries: Sequence[str], *, at: float | None) -> Sequence[Iterable[Any]]: ...


class SkewObserver(Protocol):
    """Gets the seconds by which Prometheus' clock is ahead of this server's, when it was looked at."""

    def clock_compared(self, *, ahead: float) -> None: ...


class BackendClock:
    """The clock of one backend. All who ask at the same time share one look."""

    def __init__(
        self,
        backend: TimeBackend,
        *,
        wall: Callable[[], float],
        uptime: Callable[[], float],
        observer: SkewObserver | None = None,
    ) -> None:
        """`wall`: this server's clock, Unix seconds. `uptime`: a monotonic clock in seconds."""
        self._backend = backend
        self._wall = wall
        self._uptime = uptime
        self._observer = observer
        self._looking = asyncio.Lock()
        self._known: float | None = None
        self._looked = -math.inf
        """The uptime at which the backend's clock showed `_known`."""
        self._reported = 0.0

    def __call__(self) -> float:
        """Return the present time of the backend, Unix seconds; this server's until it is known."""
        return self._wall() if self._known is None else self._known + self._uptime() - self._looked

    @property
    def ahead(self) -> float:
        """The seconds by which the backend's clock is ahead of this server's; 0 until it is known."""
        return 0.0 if self._known is None else self() - self._wall()

    async def read(self) -> float:
        """Return the present time of the backend, and look at its clock if that was not done lately.

        Raises faults.Unavailable.
        """
        async with self._looking:
            if self._uptime() - self._looked >= _AGAIN:
                await self._look()
        return self()

    async def _look(self) -> None:
        begun = self._uptime()
        (answer,) = await self._backend.ask([promql.NOW], at=None)
        found = validation.checked(answer)
        known = float(found[0]["value"][1]) if len(found) == 1 else math.nan
        if not math.isfinite(known):
            raise faults.BackendRefused("Prometheus did not answer with its present time")
        ended = self._uptime()
        self._known, self._looked = known + (ended - begun) / 2, ended
        self._report()

    def _report(self) -> None:
        ahead = self.ahead
        if self._observer is not None:
            self._observer.clock_compared(ahead=ahead)
        if abs(ahead) >= _NOTABLE and abs(ahead - self._reported) >= _NOTABLE:
            logger.warning(
                "the clock of Prometheus is %.1f s %s this server's; figures have the times of Prometheus. "
                "Is time synchronized on both machines?",
                abs(ahead),
                "ahead of" if ahead > 0 else "behind",
            )
        self._reported = ahead
