"""Who may work at once: so many in all, and so many for each viewer.

A place is had at once or not at all. Whoever waited would hold a thread of the server meanwhile, and the
threads are what has to be shared.
"""

import collections
import contextlib
import threading
from collections.abc import Hashable, Iterator


class Busy(Exception):
    """There is no place."""


class Turns:
    """`most` places in all, of which one key holds `each` at most. Safe to use from several threads."""

    def __init__(self, *, most: int, each: int) -> None:
        self._most = most
        self._each = each
        self._held: collections.Counter[Hashable] = collections.Counter()
        self._guard = threading.Lock()

    @contextlib.contextmanager
    def taken(self, key: Hashable) -> Iterator[None]:
        """A place for the time inside; `Busy` without one."""
        with self._guard:
            if self._held.total() >= self._most or self._held[key] >= self._each:
                raise Busy
            self._held[key] += 1
        try:
            yield
        finally:
            with self._guard:
                self._held[key] -= 1
                self._held += collections.Counter()  # forgets who holds none
