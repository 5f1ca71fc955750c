"""A cache with a lifetime and a limited size. Each key is fetched only once at a time.

A caller whose key is already being fetched waits for that answer. The fetch is a task of its own, so a caller
that is cancelled does not cancel it for the others.
"""

import asyncio
import collections
import dataclasses
import time
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

_Answer = TypeVar("_Answer")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Entry(Generic[_Answer]):
    answer: _Answer
    until: float


class TtlCache(Generic[_Answer]):
    """Caches each answer for `lifetime` seconds. Above `most` answers, the least recently used is dropped."""

    def __init__(self, *, lifetime: float, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._lifetime = lifetime
        self._most = most
        self._clock = clock
        self._known: collections.OrderedDict[Hashable, _Entry[_Answer]] = collections.OrderedDict()
        self._sought: dict[Hashable, asyncio.Task[_Answer]] = {}

    def __len__(self) -> int:
        return len(self._known)

    async def recall(self, key: Hashable, *, seek: Callable[[], Coroutine[Any, Any, _Answer]]) -> _Answer:
        """The answer for `key`, from the cache or from `seek`. Errors of `seek` are raised and not cached."""
        known = self._known.get(key)
        if known is not None and self._clock() < known.until:
            self._known.move_to_end(key)
            return known.answer
        seeking = self._seeking(key, seek=seek)
        await asyncio.wait((seeking,))
        return seeking.result()

    async def aclose(self) -> None:
        """Cancels the fetches that are under way."""
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
        # Reading the exception also keeps asyncio from logging it if all waiting callers were cancelled.
        if found.cancelled() or found.exception() is not None:
            return
        self._known[key] = _Entry(answer=found.result(), until=self._clock() + self._lifetime)
        self._known.move_to_end(key)
        if len(self._known) > self._most:
            self._known.popitem(last=False)
