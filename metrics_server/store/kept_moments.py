"""The moments that are kept, and the reason for each: it is fresh, or a client with a lag may be served it.

* A moment is fresh for the refresh time after it arrived. That a namespace has no proxy is remembered as
  long.
* A moment that was served with a lag is kept for the lag past its refresh time.
* `forget` drops what has no reason left; if too many are kept, the least recently used are dropped.
"""

from __future__ import annotations

from collections.abc import Callable

from metrics_server.store import bounded_cache, moment, snapshot_key

Moment = moment.Moment
_MOST_MOMENTS, _LEAST_MOMENTS, _HEAVIEST_MOMENTS = 256, 4, 128e6
"""Snapshots kept at most, those kept whatever their size, and the bytes that the others may fill."""
_MOST_NAMES = 512
"""Keys kept at most with the end of their lag, or for which no proxy was found."""


class KeptMoments:
    """The moments by key. One thread may change it while another calls `replaced_by`."""

    def __init__(self, *, clock: Callable[[], float], refresh: float) -> None:
        """`clock`: monotonic seconds. `refresh`: seconds for which a moment is fresh."""
        self._clock = clock
        self._refresh = refresh
        self._moments: bounded_cache.BoundedCache[snapshot_key.Key, Moment] = bounded_cache.BoundedCache(
            most=_MOST_MOMENTS, least=_LEAST_MOMENTS, heaviest=_HEAVIEST_MOMENTS
        )
        self._wanted_until: bounded_cache.BoundedCache[snapshot_key.Key, float] = bounded_cache.BoundedCache(
            most=_MOST_NAMES
        )
        """Until when the moment of a key is kept, although not fresh, for requests with a lag."""
        self._empty_at: bounded_cache.BoundedCache[snapshot_key.Key, float] = bounded_cache.BoundedCache(
            most=_MOST_NAMES
        )
        """When a key was last found to have no proxy."""

    def answer(self, key: snapshot_key.Key, *, past: float = 0.0, lag: float = 0.0) -> Moment | None:
        """Return the first moment that answers a request for a key and is past its refresh time by less than
        `past` seconds; None if there is none. It counts as used. `lag`: as for `keep`, if it is not 0.
        """
        now, oldest = self._clock(), self._refresh + past
        for other in snapshot_key.answering(key):
            found = self._moments.peek(other)
            if found is not None and now - found.arrived < oldest:
                self._moments.use(other)
                if lag:
                    self.keep(other, found, lag=lag)
                return found
        return None

    def keep(self, key: snapshot_key.Key, moment: Moment, *, lag: float) -> None:
        """Keep the moment of a key as long as it may be served `lag` seconds past its refresh time."""
        self._wanted_until.put(key, moment.arrived + self._refresh + lag)

    def may_serve(self, key: snapshot_key.Key, *, lag: float) -> bool:
        """Return whether the moment of exactly this key is past its refresh time by less than `lag`
        seconds.
        """
        found = self._moments.peek(key)
        return found is not None and self._clock() - found.arrived < self._refresh + lag

    def replaced_by(self, key: snapshot_key.Key) -> list[Moment]:
        """Return the moments that a new one of a key replaces."""
        found = [self._moments.peek(other) for other in snapshot_key.followed(key)]
        return [before for before in found if before is not None]

    def put(self, key: snapshot_key.Key, moment: Moment) -> None:
        """Keep a new moment."""
        self._moments.put(key, moment, weight=moment.weight)

    def put_empty(self, key: snapshot_key.Key) -> None:
        """Remember that a key has no proxy."""
        self._empty_at.put(key, self._clock())

    def is_empty(self, key: snapshot_key.Key) -> bool:
        """Return whether a key was found to have no proxy, within the refresh time."""
        found = self._empty_at.peek(key)
        return found is not None and self._clock() - found < self._refresh

    def drop_late(self, key: snapshot_key.Key) -> None:
        """Drop the moments that answer a request for a key and are no longer fresh."""
        for late in snapshot_key.answering(key):
            if not self.may_serve(late, lag=0.0):
                self._moments.drop(late)

    def forget(self) -> None:
        """Drop what is never served again, before the next snapshot needs the memory."""
        now = self._clock()
        for key, until in self._wanted_until.items():
            if until <= now:
                self._wanted_until.drop(key)
        for key, kept in self._moments.items():
            if now - kept.arrived >= self._refresh and key not in self._wanted_until:
                self._moments.drop(key)
        for key, at in self._empty_at.items():
            if now - at >= self._refresh:
                self._empty_at.drop(key)
