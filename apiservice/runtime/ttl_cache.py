"""Answers that are asked for once and then known for a while: bounded, and one question at a time.

Whoever asks while the same question is on its way waits for that answer. It is sought on behalf of all who
wait, so none of them that leaves takes it from the others.
"""

import asyncio
import collections
import dataclasses
import time
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

_Answer = TypeVar("_Answer")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Known(Generic[_Answer]):
    answer: _Answer
    until: float


class Memory(Generic[_Answer]):
    """Remembers each answer for `lifetime` seconds, and of more than `most` the latest used."""

    def __init__(self, *, lifetime: float, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._lifetime = lifetime
        self._most = most
        self._clock = clock
        self._known: collections.OrderedDict[Hashable, _Known[_Answer]] = collections.OrderedDict()
        self._sought: dict[Hashable, asyncio.Task[_Answer]] = {}

    def __len__(self) -> int:
        return len(self._known)

    async def recall(self, key: Hashable, *, seek: Callable[[], Coroutine[Any, Any, _Answer]]) -> _Answer:
        """The answer to the question `key`. What `seek` raises is raised here, and not remembered."""
        known = self._known.get(key)
        if known is not None and self._clock() < known.until:
            self._known.move_to_end(key)
            return known.answer
        seeking = self._seeking(key, seek=seek)
        await asyncio.wait((seeking,))
        return seeking.result()

    async def aclose(self) -> None:
        """Gives up what is still being sought."""
        seeking = list(self._sought.values())
        for task in seeking:
            task.cancel()
        await asyncio.gather(*seeking, return_exceptions=True)

    def _seeking(
        self, key: Hashable, *, seek: Callable[[], Coroutine[Any, Any, _Answer]]
    ) -> asyncio.Task[_Answer]:
        task = self._sought.get(key)
        if task is None:
            task = asyncio.ensure_future(seek())
            self._sought[key] = task
            task.add_done_callback(lambda found: self._found(key, found=found))
        return task

    def _found(self, key: Hashable, *, found: asyncio.Task[_Answer]) -> None:
        del self._sought[key]
        # Asking for the exception also tells asyncio that it was seen, should all who waited have left.
        if found.cancelled() or found.exception() is not None:
            return
        self._known[key] = _Known(answer=found.result(), until=self._clock() + self._lifetime)
        self._known.move_to_end(key)
        if len(self._known) > self._most:
            self._known.popitem(last=False)
