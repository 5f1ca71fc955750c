"""Who guesses wrongly too often has to wait.

Tokens cannot be guessed; this keeps the API from being asked about wrong ones without end.
"""

import collections
import datetime as dt
import threading
from collections.abc import Callable

_MOST_ADDRESSES = 1024  # remembered


class Attempts:
    """Failures by address; `most` of them are forgiven within `span`."""

    def __init__(
        self,
        *,
        most: int = 10,
        span: dt.timedelta = dt.timedelta(minutes=1),
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        self._most = most
        self._span = span
        self._now = now
        self._failures: collections.OrderedDict[str, collections.deque[dt.datetime]] = (
            collections.OrderedDict()
        )
        self._guard = threading.Lock()

    def are_too_many(self, address: str) -> bool:
        with self._guard:
            failures = self._failures.get(address, ())
            return sum(moment > self._now() - self._span for moment in failures) >= self._most

    def failed(self, address: str) -> None:
        with self._guard:
            self._failures.setdefault(address, collections.deque(maxlen=self._most)).append(self._now())
            self._failures.move_to_end(address)
            while len(self._failures) > _MOST_ADDRESSES:
                self._failures.popitem(last=False)
