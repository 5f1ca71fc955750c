"""Limits how long to wait for answers: a silent or stalled backend is given up, a working one is not.

The limits depend on whether bytes arrive. If a backend has sent nothing for a while, a trivial second
query (the probe) is sent. If that is not answered either, the backend is given up within three seconds;
otherwise it may work on the first query up to a longer limit. If an answer has begun and too few bytes
arrive for a while, it is given up. The fault says which limit was exceeded.

Time is counted in steps, and a step counts at most double its planned length, so that a pause of this
process is not attributed to the backend. Tasks return faults instead of raising them: a stored exception
references the frames that it passed through, with everything that was received, and these frames reference
the exception.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from metrics_server.model import faults

T = TypeVar("T")
_STEPS = 8
"""The number of steps in the shortest limit."""
_LEAST = 1024
"""Bytes that must arrive within `TimeLimits.stall`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLimits:
    """How long to wait, in seconds."""

    connect: float = 1.0
    doubt: float = 1.5
    """After this long without a byte, the probe is sent."""
    probe: float = 1.0
    """How long the answer to the probe may take."""
    stall: float = 2.0
    """How long an answer that has begun may go on with fewer than `_LEAST` bytes."""
    answer: float = 20.0
    """How long a backend that answers the probe may take."""


@dataclass(slots=True)
class Progress:
    """How far one query and its answer have got."""

    reached: str = "waits for a connection to Prometheus"
    """The step before the query is sent, as a message quotes it; empty once there is a connection."""
    began: bool = False
    """Whether the answer has begun to arrive."""
    size: int = 0
    """Bytes of its decompressed body that have arrived."""
    given_up: bool = False
    """Whether it was given up because it took too long."""
    paused: bool = False
    """Whether the backend is too busy, and the query waits to be sent again."""


@dataclass(slots=True)
class PendingQuery(Generic[T]):
    """A query that is being answered."""

    task: asyncio.Task[T | faults.Unavailable]
    progress: Progress
    _counted: int = 0
    """`progress.size` when enough bytes had last arrived."""
    _quiet: float = 0.0
    """Seconds since then."""

    @property
    def fault(self) -> faults.Unavailable | None:
        """Its fault, to be raised through `anew`; None if it has not failed, or not yet."""
        result = self.task.result() if self.task.done() else None
        return result if isinstance(result, faults.Unavailable) else None

    def look(self, seconds: float, patience: TimeLimits) -> None:
        """Check the answer after so many more seconds. Raises faults.BackendSlow if it has stalled."""
        if not self.progress.began or self.progress.paused:
            self._quiet = 0.0
            return
        come = self.progress.size - self._counted
        if come >= _LEAST or self._quiet == 0.0:
            self._counted, self._quiet, come = self.progress.size, 0.0, 0
        self._quiet += seconds
        if self._quiet >= patience.stall:
            raise faults.BackendSlow(
                f"Prometheus sends its answer too slowly: {come} bytes in {self._quiet:.1f} s"
                if come
                else f"Prometheus began to answer, then stopped sending for {self._quiet:.1f} s"
            )


def anew(fault: faults.Unavailable) -> faults.Unavailable:
    """Return a copy of a fault without its traceback."""
    return type(fault)(fault.message, detail=fault.detail)


class QueryWaiter(Generic[T]):
    """Waits for the answers to several queries. `probe` sends the trivial query."""

    def __init__(
        self, asked: Sequence[PendingQuery[T]], *, patience: TimeLimits, probe: Callable[[], PendingQuery[T]]
    ) -> None:
        self._asked = asked
        self._patience = patience
        self._ask = probe
        self._probe: PendingQuery[T] | None = None
        self._probed = 0.0
        self._waited = 0.0
        self._step = min(patience.doubt, patience.probe, patience.stall, patience.answer) / _STEPS

    async def done(self) -> None:
        """Return when all queries are answered. Raises faults.Unavailable as soon as one fails or is given
        up.
        """
        try:
            while under_way := [one.task for one in self._asked if not one.task.done()]:
                probing = [self._probe.task] if self._probe and not self._probe.task.done() else []
                await self._wait([*under_way, *probing])
            self._look(0.0)
        except faults.BackendSlow:
            for one in self._late:
                one.progress.given_up = True
            raise
        finally:
            if self._probe is not None:
                self._probe.progress.given_up = True
                await given_up([self._probe.task])

    @property
    def _late(self) -> list[PendingQuery[T]]:
        return [one for one in self._asked if not one.task.done()]

    async def _wait(self, tasks: Sequence[asyncio.Task[T | faults.Unavailable]]) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        await asyncio.wait(tasks, timeout=self._step, return_when=asyncio.FIRST_COMPLETED)
        self._look(min(loop.time() - begun, 2 * self._step))

    def _look(self, seconds: float) -> None:
        self._waited += seconds
        for one in self._asked:
            if (fault := one.fault) is not None:
                raise anew(fault)
        late = self._late
        for one in late:
            one.look(seconds, self._patience)
        silent = [one for one in late if not (one.progress.began or one.progress.paused)]
        if silent and self._probe is None and self._waited >= self._patience.doubt:
            self._probe, self._probed = self._ask(), self._waited
        if silent and self._probe is not None:
            self._look_at(self._probe, silent[0])
        if late and self._waited >= self._patience.answer:
            raise faults.BackendSlow(self._too_long(late))

    def _look_at(self, probe: PendingQuery[T], silent: PendingQuery[T]) -> None:
        if (fault := probe.fault) is not None:
            raise anew(fault)
        if probe.task.done() or probe.progress.paused or self._waited - self._probed < self._patience.probe:
            return
        waited = f"{self._waited:.1f} s"
        if probe.progress.began:
            message = f"Prometheus begins but does not finish even the smallest answer within {waited}"
        elif silent.progress.reached:
            message = f"The server still {silent.progress.reached} after {waited}"
        else:
            message = "Prometheus accepts connections but does not answer"
        raise faults.BackendSlow(message, detail=f"nothing arrived within {waited}")

    def _too_long(self, late: Sequence[PendingQuery[T]]) -> str:
        limit = f"{self._patience.answer:g} s"
        if any(one.progress.began for one in late):
            return f"Prometheus was still sending its answer after {limit}"
        if self._probe is not None and self._probe.task.done():
            return f"Prometheus answers small queries, but took longer than {limit} to answer this one"
        return f"Prometheus took longer than {limit} to answer"


async def given_up(tasks: Sequence[asyncio.Task[T]]) -> None:
    """Cancel the tasks that are not done and wait until they end, whatever their result."""
    left = [task for task in tasks if not task.done()]
    for task in left:
        task.cancel()
    if left:
        # Not `gather`, which would keep the answers for one more iteration of the event loop.
        await asyncio.wait(left)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # retrieved, or asyncio would log it
