"""Child processes with an owner: watched, and always ended by their own ids.

Each child writes into a log file of its own, works in the project's folder, gets no signal from the
terminal (its owner decides the order of the end), and is ended by the kernel if its owner is killed. If a
child ends unexpectedly, `watch` and `guard` end with an error.
"""

import asyncio
import contextlib
import ctypes
import dataclasses
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from demo import faults

T = TypeVar("T")

_GRACE = 5.0
"""Seconds a child has to end after SIGTERM."""
_TAIL_LINES = 12
_PR_SET_PDEATHSIG = 1
_PROJECT = Path(__file__).resolve().parents[1]


@dataclasses.dataclass(frozen=True, slots=True)
class Death:
    name: str
    status: int
    log: Path

    def __str__(self) -> str:
        how = f"by {signal.Signals(-self.status).name}" if self.status < 0 else f"with status {self.status}"
        return f"{self.name} ended {how}; its log is {self.log}{_quote(tail(self.log))}"


@dataclasses.dataclass(slots=True)
class _Child:
    process: asyncio.subprocess.Process
    log: Path
    watch: "asyncio.Task[None] | None" = None
    unasked: bool = True


class Family:
    """Made by `family`, which ends every child at the end of its block."""

    def __init__(self, logs: Path, *, grace: float) -> None:
        self._logs = logs
        self._grace = grace
        self._children: dict[str, _Child] = {}
        self._known: set[str] = set()
        self._first_death: asyncio.Future[Death] = asyncio.get_running_loop().create_future()

    def pid(self, name: str) -> int:
        return self._children[name].process.pid

    def runs(self, name: str) -> bool:
        return name in self._children

    async def start(self, name: str, command: Sequence[str]) -> None:
        """Start a child. A name that is in use is a mistake of the caller."""
        if name in self._children:
            raise ValueError(f"{name} runs already")
        self._logs.mkdir(parents=True, exist_ok=True)
        log = self._logs / f"{name}.log"
        # A restarted child appends to its log, which has the reason why it ended before.
        with log.open("ab" if name in self._known else "wb") as output:
            try:
                process = await asyncio.create_subprocess_exec(
                    *command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=asyncio.subprocess.STDOUT,
                    cwd=_PROJECT,
                    start_new_session=True,
                    preexec_fn=_end_with_parent(),
                )
            except OSError as error:
                raise faults.DemoError(f"{name} cannot start: {command[0]}: {error.strerror}") from error
        self._known.add(name)
        child = _Child(process, log)
        self._children[name] = child
        child.watch = asyncio.create_task(self._watch(name, child))

    async def stop(self, name: str, *, ask: signal.Signals = signal.SIGTERM) -> None:
        """End one child and wait for it; it may have ended already."""
        child = self._children.get(name)
        if child is None:
            return
        child.unasked = False
        with contextlib.suppress(ProcessLookupError):
            child.process.send_signal(ask)
        try:
            await asyncio.wait_for(child.process.wait(), self._grace)
        except TimeoutError:
            child.process.kill()
            await child.process.wait()
        if child.watch is not None:
            await child.watch

    async def stop_all(self) -> None:
        await asyncio.gather(*(self.stop(name) for name in list(self._children)))

    async def watch(self) -> NoReturn:
        """Wait until a child ends unexpectedly."""
        death = await asyncio.shield(self._first_death)
        raise faults.DemoError(str(death))

    async def guard(self, work: Coroutine[Any, Any, T]) -> T:
        """Do the work, unless a child ends unexpectedly before."""
        task = asyncio.create_task(work)
        try:
            waited: set[asyncio.Future[Any]] = {task, self._first_death}
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise faults.DemoError(str(self._first_death.result()))
        finally:
            await cancelled(task)

    async def _watch(self, name: str, child: _Child) -> None:
        status = await child.process.wait()
        del self._children[name]
        if child.unasked and not self._first_death.done():
            self._first_death.set_result(Death(name, status, child.log))


@contextlib.asynccontextmanager
async def family(logs: Path, *, grace: float = _GRACE) -> AsyncIterator[Family]:
    members = Family(logs, grace=grace)
    try:
        yield members
    finally:
        await asyncio.shield(members.stop_all())


async def cancelled(task: "asyncio.Task[Any]") -> None:
    """Cancel a task and wait for it; its result is ignored."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()


def tail(log: Path) -> list[str]:
    if not log.exists():
        return []
    return log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]


def _quote(lines: Sequence[str]) -> str:
    return "".join(f"\n    {line}" for line in lines)


def _end_with_parent() -> Callable[[], None] | None:
    """The function that a child runs before its program: the kernel shall end it together with its parent.

    The library is loaded here, in the parent: a child should not between fork and exec.
    """
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    parent = os.getpid()

    def ask() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return ask
