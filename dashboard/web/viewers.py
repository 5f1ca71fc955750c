"""Everyone who looks, each with a feed of their own.

Readings belong to the credential they were read with: two viewers share them only if they brought the same
token. Viewers are known by a keyed hash of it, with a key that dies with the process.
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

_MOST = 200  # viewers; the one who looked longest ago makes place
_MOST_ELEMENTS = 100_000  # nodes and edges remembered for all viewers, about 1 KB each
_MOST_ACCEPTED = 2000  # tokens remembered, as hashes only
_ASKED_ABOUT = 6  # tokens at once
_IDLE = 15 * 60.0  # seconds
_PARALLEL_READS = 32  # of all viewers together
WAITING, WAITING_EACH = 24, 6  # threads that wait for answers to viewers at once, and to one of them
# RFC 6750, section 2.1: what may follow `Bearer`. A line break in it would be a header of the viewer's own.
_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
_LONGEST = 16 * 1024


@dataclasses.dataclass(slots=True)
class Viewer:
    """Somebody whom the API knows."""

    name: str
    feed: feed.Feed
    looked: float  # when, in seconds that nobody sets


class Viewers:
    """Whom the API has known lately. Safe to use from several threads."""

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
        self._reading = turns.Turns(most=WAITING, each=WAITING_EACH)
        self._reviewing = turns.Turns(most=_ASKED_ABOUT, each=_ASKED_ABOUT)
        self._pool = concurrent.futures.ThreadPoolExecutor(_PARALLEL_READS, "traffic-read")

    def __len__(self) -> int:
        return len(self._known)

    def admit(self, token: str) -> Viewer:
        """The viewer who brings `token`; asks the API about one not seen lately, with its faults."""
        if viewer := self.find(token):
            return viewer
        if len(token) > _LONGEST or not _TOKEN.fullmatch(token):
            raise faults.Unauthenticated("This is not a bearer token.")
        try:
            with self._reviewing.taken(None):
                name, source = self._ask(token)
        except turns.Busy as error:
            raise faults.Excessive("The API is being asked about too many tokens at once.") from error
        watched = feed.Feed(source, pool=self._pool, places=self._reading, uptime=self._uptime)
        viewer = Viewer(name, watched, self._uptime())
        with self._guard:
            self._accepted[self.digest(token)] = None
            if len(self._accepted) > _MOST_ACCEPTED:
                self._accepted.popitem(last=False)
            # Two requests may have come at once: the first to be done is the viewer's feed.
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
        """Whether the API has known `token`, also if that was long ago."""
        with self._guard:
            return self.digest(token) in self._accepted

    def find(self, token: str) -> Viewer | None:
        """The viewer, if the API was asked about `token` lately."""
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
        with self._guard:
            viewer = self._known.pop(self.digest(token), None)
        _close([viewer] if viewer else [])

    def close(self) -> None:
        with self._guard:
            leaving = list(self._known.values())
            self._known.clear()
        _close(leaving)
        self._pool.shutdown(cancel_futures=True)

    def digest(self, token: str) -> bytes:
        """What stands for `token` where it must not be kept."""
        return hmac.digest(self._key, token.encode(errors="replace"), hashlib.sha256)

    def _leaving(self) -> list[Viewer]:
        """Those who looked longest ago stand first."""
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
    """Whoever is refused the question is known all the same."""
    try:
        return outside.plain(source.whoami())
    except faults.Unauthenticated:
        raise
    except faults.Denied:
        return "a viewer without a name"


def _close(leaving: list[Viewer]) -> None:
    for viewer in leaving:
        viewer.feed.close()
