"""The viewers, each with a feed of their own.

Readings are shared only by browsers with the same token. Viewers are stored by a keyed hash of the token; the
key is random for each process.
"""

import collections
import concurrent.futures
import contextlib
import dataclasses
import hashlib
import hmac
import re
import secrets
import threading
import time
from collections.abc import Callable

from dashboard import escaping
from dashboard.client import api, faults
from dashboard.web import concurrency, feed

_MOST_VIEWERS = 200  # viewers; the one with the oldest request is dropped first
_MOST_ELEMENTS = 100_000  # nodes and edges in the feeds of all viewers, about 1 KB each
_MOST_ACCEPTED = 2000  # hashes of accepted tokens in memory
_PARALLEL_CHECKS = 6  # tokens that are checked with the API at once
_IDLE_S = 15 * 60.0  # seconds
_PARALLEL_READS = 32  # of all viewers together
WAITING, WAITING_PER_VIEWER = 24, 6  # threads that wait for the API: for all viewers, for one
# RFC 6750, section 2.1: the token after `Bearer`. A line break in it would start another header.
_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
_LONGEST_TOKEN = 16 * 1024


@dataclasses.dataclass(slots=True)
class Viewer:
    """A user whose token the API accepted."""

    name: str
    feed: feed.Feed
    last_request: float  # time of the latest request, seconds of the monotonic clock


class Viewers:
    """The viewers with recent requests. Safe to use from several threads."""

    def __init__(
        self,
        connect: Callable[[str], api.TrafficApi],
        *,
        most: int = _MOST_VIEWERS,
        uptime: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connect = connect
        self._most = most
        self._uptime = uptime
        self._key = secrets.token_bytes(32)
        self._viewers: collections.OrderedDict[bytes, Viewer] = collections.OrderedDict()
        self._lock = threading.Lock()
        self._accepted: collections.OrderedDict[bytes, None] = collections.OrderedDict()
        self._waiting_limit = concurrency.KeyedLimit(total=WAITING, per_key=WAITING_PER_VIEWER)
        self._check_limit = concurrency.KeyedLimit(total=_PARALLEL_CHECKS, per_key=_PARALLEL_CHECKS)
        self._pool = concurrent.futures.ThreadPoolExecutor(_PARALLEL_READS, "traffic-read")

    def __len__(self) -> int:
        return len(self._viewers)

    def admit(self, token: str) -> Viewer:
        """The viewer of `token`, which the API checks if it is new here. Raises `faults.Fault`."""
        if viewer := self.find(token):
            return viewer
        if len(token) > _LONGEST_TOKEN or not _TOKEN.fullmatch(token):
            raise faults.Unauthenticated("This is not a bearer token.")
        try:
            with self._check_limit.slot(None):
                name, source = self._connect_as(token)
        except concurrency.LimitReached as error:
            raise faults.Excessive("Too many logins wait for the API at once. Try again later.") from error
        viewer_feed = feed.Feed(source, pool=self._pool, limit=self._waiting_limit, uptime=self._uptime)
        viewer = Viewer(name, viewer_feed, self._uptime())
        with self._lock:
            self._accepted[self.digest(token)] = None
            if len(self._accepted) > _MOST_ACCEPTED:
                self._accepted.popitem(last=False)
            # If two requests came at once, the first one's feed is used.
            viewer = self._viewers.setdefault(self.digest(token), viewer)
            removed = self._remove_expired()
        _close(removed)
        return viewer

    def _connect_as(self, token: str) -> tuple[str, api.TrafficApi]:
        with contextlib.ExitStack() as refused:
            source = self._connect(token)
            refused.callback(source.close)
            name = _name(source)
            refused.pop_all()
        return name, source

    def was_accepted(self, token: str) -> bool:
        """Whether the API has accepted `token` before, even if long ago."""
        with self._lock:
            return self.digest(token) in self._accepted

    def find(self, token: str) -> Viewer | None:
        """The viewer of `token`, if the API checked it recently."""
        digest = self.digest(token)
        with self._lock:
            removed = self._remove_expired()
            viewer = self._viewers.get(digest)
            if viewer:
                viewer.last_request = self._uptime()
                self._viewers.move_to_end(digest)
        _close(removed)
        return viewer

    def forget(self, token: str) -> None:
        """Drop a viewer, who must sign in again."""
        with self._lock:
            viewer = self._viewers.pop(self.digest(token), None)
        _close([viewer] if viewer else [])

    def close(self) -> None:
        """Close all feeds and the threads."""
        with self._lock:
            removed = list(self._viewers.values())
            self._viewers.clear()
        _close(removed)
        self._pool.shutdown(cancel_futures=True)

    def digest(self, token: str) -> bytes:
        """The keyed hash of `token`."""
        return hmac.digest(self._key, token.encode(errors="replace"), hashlib.sha256)

    def _remove_expired(self) -> list[Viewer]:
        """Remove and return the viewers that are idle or above the limits; the oldest stand first."""
        removed = []
        while self._viewers:
            digest, viewer = next(iter(self._viewers.items()))
            fits = len(self._viewers) <= self._most and (
                len(self._viewers) == 1 or self._size() <= _MOST_ELEMENTS
            )
            if fits and self._uptime() - viewer.last_request < _IDLE_S:
                break
            del self._viewers[digest]
            removed.append(viewer)
        return removed

    def _size(self) -> int:
        return sum(viewer.feed.size for viewer in self._viewers.values())


def _name(source: api.TrafficApi) -> str:
    """The user name; a viewer who may not send a SelfSubjectReview is accepted without one."""
    try:
        return escaping.one_line(source.whoami())
    except faults.Unauthenticated:
        raise
    except faults.Denied:
        return "unknown user"


def _close(removed: list[Viewer]) -> None:
    for viewer in removed:
        viewer.feed.close()
