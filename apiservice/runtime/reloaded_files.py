"""A value made from files, which is made again when they change. It needs no task of its own.

The files are read when the value is used, at most every few seconds. If they are incomplete or damaged, the
last good value stays in use and the log has the reason.
"""

import logging
import pathlib
import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from apiservice.runtime import files, throttled_log

_log = logging.getLogger(__name__)

_Value = TypeVar("_Value")


class Reloading(Generic[_Value]):
    """The value that `make` returns for the contents of the files.

    `make` gets the contents in the order of `paths`. It raises `ValueError` or `OSError` to refuse them.
    """

    def __init__(
        self,
        paths: Sequence[pathlib.Path],
        *,
        make: Callable[[Sequence[bytes]], _Value],
        every: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
        named: str = "",
    ) -> None:
        """Reads the files after `every` seconds. `named` is the setting that has the paths, for the log.

        Raises `OSError` and what `make` raises, as there is no earlier value yet.
        """
        self._named = f"{named}: " if named else ""
        self._paths = tuple(paths)
        self._make = make
        self._every = every
        self._clock = clock
        self._throttled = throttled_log.ThrottledLog(_log, clock=clock)
        self._looked = clock()
        self._seen = self._read()
        self._value = make(self._seen)

    def current(self) -> _Value:
        """The newest good value."""
        now = self._clock()
        if now - self._looked >= self._every:
            self._looked = now
            self._look()
        return self._value

    def _look(self) -> None:
        try:
            found = self._read()
            if found != self._seen:
                self._value = self._make(found)
                self._seen = found
                _log.info("%s%s changed and is used from now on", self._named, self._names)
        except (OSError, ValueError) as error:
            self._throttled.warn(
                f"{self._named}{self._names} changed and cannot be used, what was is kept: "
                f"{files.reason(error, several=len(self._paths) > 1)}"
            )

    @property
    def _names(self) -> str:
        return " and ".join(map(files.shown, self._paths))

    def _read(self) -> tuple[bytes, ...]:
        return tuple(files.read(path) for path in self._paths)
