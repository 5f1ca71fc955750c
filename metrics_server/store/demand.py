"""What clients that allow a lag, such as autoscalers, asked for lately. They ask again and again: what they
asked for is what they will ask for next.
"""

from __future__ import annotations

from collections.abc import Callable

from metrics_server.model import kinds
from metrics_server.store import bounded_cache, snapshot_key

_MANY = 6
"""If more namespaces than this were asked for lately, the whole mesh is fetched."""
_LATELY = 60.0
"""Seconds that count as lately. Autoscalers ask every 15 s."""
_MOST_NAMES = 512
"""Keys kept at most with the time of their last request."""


class Demand:
    """The keys that requests with a lag asked for lately, and which of them are for the same snapshot."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        """`clock`: monotonic seconds."""
        self._clock = clock
        self._asked_at: bounded_cache.BoundedCache[snapshot_key.Key, float] = bounded_cache.BoundedCache(
            most=_MOST_NAMES
        )
        """When a request with a lag last asked for a key."""

    def note(self, key: snapshot_key.Key) -> None:
        """Note a request for a key."""
        self._asked_at.put(key, self._clock())

    def is_for_many(self, key: snapshot_key.Key) -> bool:
        """Return whether so many namespaces were asked for lately, with this window and these latencies, that
        the whole mesh is to be fetched.
        """
        return len([other for other in self._lately() if other[1:] == key[1:]]) > _MANY

    def sorts(self) -> set[tuple[float, frozenset[kinds.Side]]]:
        """Return the windows and latency sides that were asked for lately, of whatever namespace."""
        return {(key.window, key.latency) for key in self._lately()}

    def forget(self) -> None:
        """Drop the keys that were not asked for lately."""
        now = self._clock()
        for key, at in self._asked_at.items():
            if now - at >= _LATELY:
                self._asked_at.drop(key)

    def _lately(self) -> list[snapshot_key.Key]:
        now = self._clock()
        return [key for key, at in self._asked_at.items() if now - at < _LATELY]
