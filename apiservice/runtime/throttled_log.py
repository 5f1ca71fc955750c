"""Warnings that anybody can cause, logged at a rate that nobody can raise."""

import collections
import logging
import time
from collections.abc import Callable


class Complaints:
    """Logs each different warning at most once in `every` seconds, and `most` different ones."""

    def __init__(
        self,
        log: logging.Logger,
        *,
        every: float = 60.0,
        most: int = 64,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._every = every
        self._most = most
        self._clock = clock
        self._said: collections.OrderedDict[str, float] = collections.OrderedDict()
        """When, the oldest first."""

    def warn(self, text: str) -> None:
        now = self._clock()
        while self._said and now - next(iter(self._said.values())) >= self._every:
            self._said.popitem(last=False)
        if text in self._said or len(self._said) >= self._most:
            return
        self._said[text] = now
        self._log.warning("%s", text)
        if len(self._said) == self._most:
            self._log.warning(
                "so many different warnings in %g seconds: further ones are left out", self._every
            )
