"""A log with a limited rate, for warnings that any client can cause."""

import collections
import logging
import time
from collections.abc import Callable


class ThrottledLog:
    """Logs each warning at most once in `every` seconds, and at most `most` different ones in that time."""

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
        self._logged: collections.OrderedDict[str, float] = collections.OrderedDict()
        """The time of each warning, the oldest first."""

    def warn(self, text: str) -> None:
        """Logs the warning, unless a limit is reached."""
        now = self._clock()
        while self._logged and now - next(iter(self._logged.values())) >= self._every:
            self._logged.popitem(last=False)
        if text in self._logged or len(self._logged) >= self._most:
            return
        self._logged[text] = now
        self._log.warning("%s", text)
        if len(self._logged) == self._most:
            self._log.warning(
                "so many different warnings in %g seconds: further ones are left out", self._every
            )
