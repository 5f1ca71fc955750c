"""Warnings that anybody can cause, logged at a rate that nobody can raise."""

import collections
import logging
import time
from collections.abc import Callable


class Complaints:
    """Logs each different warning at most once in `every` seconds."""

    def __init__(
        self,
        log: logging.Logger,
        *,
        every: float = 60.0,
        most: int = 64,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`most` is how many different warnings are remembered; beyond it the oldest may come again."""
        self._log = log
        self._every = every
        self._most = most
        self._clock = clock
        self._said: collections.OrderedDict[str, float] = collections.OrderedDict()

    def warn(self, text: str) -> None:
        now = self._clock()
        said = self._said.get(text)
        if said is not None and now - said < self._every:
            return
        self._said[text] = now
        self._said.move_to_end(text)
        if len(self._said) > self._most:
            self._said.popitem(last=False)
        self._log.warning("%s", text)
