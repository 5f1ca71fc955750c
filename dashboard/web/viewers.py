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

from dashboard import outside
from dashboard.client import api, faults
from dashboard.web import feed, turns

_MOST = 200  # viewers; the one with the oldest request is dropped first
_MOST_ELEMENTS = 100_000  # nodes and edges in the feeds of all viewers, about 1 KB each
_MOST_ACCEPTED = 2000  # hashes of accepted tokens in memory
_ASKED_ABOUT = 6  # tokens that are checked with the API at once
_IDLE = 15 * 60.0  # seconds
_PARALLEL_READS = 32  # of all viewers together
WAITING, WAITING_EACH = 24, 6  # threads that wait for the API: for all viewers, for one
# RFC 6750, section 2.1: the token after `Bearer`. A line break in it would start another header.
_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
_LONGEST = 16 * 1024


@dataclasses.dataclass(slots=True)
class Viewer:
    """A user whose token the API accepted."""

    name: str
    feed: feed.Feed
    looked: float  # time of the latest request, seconds of the monotonic clock


class Viewers:
    """The viewers with recent requests. Safe to use from several threads."""

    def __init__(
        self,
        connect: Callable[[str], api.TrafficApi],
        *,
        most: int = _MOST,
        uptime: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connect = connect
        self._most = most
        self._uptime = uptime
        self._key = secrets.token_bytes(32)
        self._known: collections.OrderedDict[bytes, Viewer] = collections.OrderedDict()
        self._guard = threading.Lock()
        self._accepted: collections.OrderedDict[bytes, None] = collections.OrderedDict()
        self._reading = turns.KeyedPlaces(most=WAITING, each=WAITING_EACH)
        self._reviewing = turns.KeyedPlaces(most=_ASKED_ABOUT, each=_ASKED_ABOUT)
        self._pool = concurrent.futures.ThreadPoolExecutor(_PARALLEL_READS, "traffic-read")

    def __len__(self) -> int:
        return len(self._known)

    def admit(self, token: str) -> Viewer:
        """The viewer of `token`, which the API checks if it is new here. Raises `faults.Fault`."""
        if viewer := self.find(token):
            return viewer
        if len(token) > _LONGEST or not _TOKEN.fullmatch(token):
            raise faults.Unauthenticated("This is not a bearer token.")
        try:
            with self._reviewing.taken(None):
                name, source = self._ask(token)
        except turns.NoPlace as error:
            raise faults.Excessive("Too many logins wait for the API at once. Try again later.") from error
        watched = feed.Feed(source, pool=self._pool, places=self._reading, uptime=self._uptime)
        viewer = Viewer(name, watched, self._uptime())
        with self._guard:
            self._accepted[self.digest(token)] = None
            if len(self._accepted) > _MOST_ACCEPTED:
                self._accepted.popitem(last=False)
            # If two requests came at once, the first one's feed is used.
            viewer = self._known.setdefault(self.digest(token), viewer)
            leaving = self._leaving()
        _close(leaving)
        return viewer

    def _ask(self, token: str) -> tuple[str, api.TrafficApi]:
        with contextlib.ExitStack() as refused:
            source = self._connect(token)
            refused.callback(source.close)
            name = _name(source)
            refused.pop_all()
        return name, source

    def was_accepted(self, token: str) -> bool:
        """Whether the API has accepted `token` before, even if long ago."""
        with self._guard:
            return self.digest(token) in self._accepted

    def find(self, token: str) -> Viewer | None:
        """The viewer of `token`, if the API checked it recently."""
        mark = self.digest(token)
        with self._guard:
            leaving = self._leaving()
            viewer = self._known.get(mark)
            if viewer:
                viewer.looked = self._uptime()
                self._known.move_to_end(mark)
        _close(leaving)
        return viewer

    def forget(self, token: str) -> None:
        """Drop a viewer, who must sign in again."""
        with self._guard:
            viewer = self._known.pop(self.digest(token), None)
        _close([viewer] if viewer else [])

    def close(self) -> None:
        """Close all feeds and the threads."""
        with self._guard:
            leaving = list(self._known.values())
            self._known.clear()
        _close(leaving)
        self._pool.shutdown(cancel_futures=True)

    def digest(self, token: str) -> bytes:
        """The keyed hash of `token`."""
        return hmac.digest(self._key, token.encode(errors="replace"), hashlib.sha256)

    def _leaving(self) -> list[Viewer]:
        """Remove and return the viewers that are idle or above the limits; the oldest stand first."""
        leaving = []
        while self._known:
            mark, viewer = next(iter(self._known.items()))
            fits = len(self._known) <= self._most and (
                len(self._known) == 1 or self._weight() <= _MOST_ELEMENTS
            )
            if fits and self._uptime() - viewer.looked < _IDLE:
                break
            del self._known[mark]
            leaving.append(viewer)
        return leaving

    def _weight(self) -> int:
        return sum(viewer.feed.weight for viewer in self._known.values())


def _name(source: api.TrafficApi) -> str:
    """The user name; a viewer who may not send a SelfSubjectReview is accepted without one."""
    try:
        return outside.plain(source.whoami())
    except faults.Unauthenticated:
        raise
    except faults.Denied:
        return "unknown user"


def _close(leaving: list[Viewer]) -> None:
    for viewer in leaving:
        viewer.feed.close()
