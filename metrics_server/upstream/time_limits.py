"""How long answers are waited for: a backend that does not answer, or stops, is given up; one at work is not.

What is looked at is whether bytes arrive. A backend that has sent nothing for a while is asked a second,
trivial query: one that does not answer that either is given up within three seconds, one that does may take
its time. An answer that has begun must go on: when too few bytes come for a while, it is given up. A fault
says which of these it was.

Time is counted in steps, none of which counts for more than it should last, so that a pause of this very
process is not taken for one of the backend. Failures are results of tasks, not exceptions of them: an
exception that is kept holds the frames it went through, with all that was received, and they hold it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from metrics_server.model import faults

T = TypeVar("T")
_STEPS = 8
"""Into how many the shortest wait is divided."""
_LEAST = 1024
"""Bytes that must arrive within `Patience.stall`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait, in seconds."""

    connect: float = 1.0
    doubt: float = 1.5
    """After this long without a byte, ask whether anybody is there."""
    probe: float = 1.0
    """How long the answer to that may take."""
    stall: float = 2.0
    """How long an answer that has begun may send nothing, or next to nothing."""
    answer: float = 20.0
    """How long a living backend may take."""


@dataclass(slots=True)
class Progress:
    """How far the answer to one query is."""

    reached: str = "waits for a connection to Prometheus"
    """What is being done until the query is sent; empty from then on."""
    began: bool = False
    """Whether it began to arrive."""
    size: int = 0
    """Bytes of its body that have arrived."""
    given_up: bool = False
    """Whether it took too long."""


@dataclass(slots=True)
class Question(Generic[T]):
    """A query under way."""

    task: asyncio.Task[T | faults.Unavailable]
    progress: Progress
    _counted: int = 0
    """Bytes of the body when last enough of them had come."""
    _quiet: float = 0.0
    """Seconds since then."""

    @property
    def fault(self) -> faults.Unavailable | None:
        """Why it failed, to be raised `anew`; None if it did not, or not yet."""
        result = self.task.result() if self.task.done() else None
        return result if isinstance(result, faults.Unavailable) else None

    def look(self, seconds: float, patience: Patience) -> None:
        """Look at it after so many seconds more. Raises faults.BackendSlow if it has stopped."""
        if not self.progress.began:
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
    """Return the same fault, as if it had been raised nowhere yet."""
    return type(fault)(fault.message, detail=fault.detail)


class Waiting(Generic[T]):
    """Waits for the answers to some queries. `probe` asks the trivial one."""

    def __init__(
        self, asked: Sequence[Question[T]], *, patience: Patience, probe: Callable[[], Question[T]]
    ) -> None:
        self._asked = asked
        self._patience = patience
        self._ask = probe
        self._probe: Question[T] | None = None
        self._probed = 0.0
        self._waited = 0.0
        self._step = min(patience.doubt, patience.probe, patience.stall, patience.answer) / _STEPS

    async def done(self) -> None:
        """Return when all are answered. Raises faults.Unavailable as soon as one is not, or will not be."""
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
    def _late(self) -> list[Question[T]]:
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
        silent = [one for one in late if not one.progress.began]
        if silent and self._probe is None and self._waited >= self._patience.doubt:
            self._probe, self._probed = self._ask(), self._waited
        if silent and self._probe is not None:
            self._look_at(self._probe, silent[0])
        if late and self._waited >= self._patience.answer:
            raise faults.BackendSlow(self._too_long(late))

    def _look_at(self, probe: Question[T], silent: Question[T]) -> None:
        if (fault := probe.fault) is not None:
            raise anew(fault)
        if probe.task.done() or self._waited - self._probed < self._patience.probe:
            return
        waited = f"{self._waited:.1f} s"
        if probe.progress.began:
            message = f"Prometheus does not finish even the smallest answer, which it began, within {waited}"
        elif silent.progress.reached:
            message = f"The server still {silent.progress.reached} after {waited}"
        else:
            message = "Prometheus accepts connections but does not answer"
        raise faults.BackendSlow(message, detail=f"nothing arrived within {waited}")

    def _too_long(self, late: Sequence[Question[T]]) -> str:
        limit = f"{self._patience.answer:g} s"
        if any(one.progress.began for one in late):
            return f"Prometheus was still sending its answer after {limit}"
        if self._probe is not None and self._probe.task.done():
            return f"Prometheus answers small queries, but took longer than {limit} to answer this one"
        return f"Prometheus took longer than {limit} to answer"


async def given_up(tasks: Sequence[asyncio.Task[T]]) -> None:
    """End those tasks that are not done, whatever becomes of them."""
    left = [task for task in tasks if not task.done()]
    for task in left:
        task.cancel()
    if left:
        # Not `gather`, which would hold the answers for one more turn of the loop.
        await asyncio.wait(left)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # looked at, lest it be reported
