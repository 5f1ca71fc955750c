"""Limit work at once: in total, and for each viewer.

There is no queue: a waiting request would hold one of the threads that the limit protects.
"""

import collections
import contextlib
import threading
from collections.abc import Hashable, Iterator


class LimitReached(Exception):
    """All slots are in use."""


class KeyedLimit:
    """At most `total` slots, and at most `per_key` for one key. Safe to use from several threads."""

    def __init__(self, *, total: int, per_key: int) -> None:
        self._total = total
        self._per_key = per_key
        self._in_use: collections.Counter[Hashable] = collections.Counter()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def slot(self, key: Hashable) -> Iterator[None]:
        """Hold a slot inside the block. Raises LimitReached without a free one."""
        with self._lock:
            if self._in_use.total() >= self._total or self._in_use[key] >= self._per_key:
                raise LimitReached
            self._in_use[key] += 1
        try:
            yield
        finally:
            with self._lock:
                self._in_use[key] -= 1
                self._in_use += collections.Counter()  # drops the keys without slots
