"""Limit work at once: in total, and for each viewer.

There is no queue: a waiting request would hold one of the threads that the limit protects.
"""

import collections
import contextlib
import threading
from collections.abc import Hashable, Iterator


class NoPlace(Exception):
    """All places are taken."""


class KeyedPlaces:
    """`most` places in total, at most `each` for one key. Safe to use from several threads."""

    def __init__(self, *, most: int, each: int) -> None:
        self._most = most
        self._each = each
        self._held: collections.Counter[Hashable] = collections.Counter()
        self._guard = threading.Lock()

    @contextlib.contextmanager
    def taken(self, key: Hashable) -> Iterator[None]:
        """Hold a place inside the block. Raises Busy without a free one."""
        with self._guard:
            if self._held.total() >= self._most or self._held[key] >= self._each:
                raise NoPlace
            self._held[key] += 1
        try:
            yield
        finally:
            with self._guard:
                self._held[key] -= 1
                self._held += collections.Counter()  # drops the keys without places
