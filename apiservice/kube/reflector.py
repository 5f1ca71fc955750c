"""All objects of one resource, followed for as long as the server runs: a list in pages, then a watch.

A watch that ends goes on from where it was; one that went wrong, or was away for too long, begins with a new
list. Whatever goes wrong is survived, and `trouble` is what it is for as long as it lasts. A watch that
breaks is no trouble yet: only the next attempt tells whether the kube-apiserver is away.

Lists ask for the newest state (no `resourceVersion`), not for any (`0`): that one comes whole, whatever the
limit, and after a reconnection to another kube-apiserver it may be older than what is known here.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from typing import Any, Generic, Protocol, TypeVar

from apiservice.kube import client, list_watch
from apiservice.runtime import backoff

_log = logging.getLogger(__name__)
T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)

PAGE = 500
"""Objects; kubectl and client-go ask for as many."""
_LASTS = (300.0, 600.0)
"""Seconds from which each watch draws its own end, lest all end together."""
_ATTEMPTS = 10
"""Of a watch, a minute or so, before a list is tried: an etcd restored from a backup is behind us."""
_QUOTED = 200
"""Letters of an event that is none."""
SILENCE = 90.0
"""Seconds without a word after which a connection is taken for dead: bookmarks come every minute."""


class Listener(Protocol[T_contra]):
    """Hears what there is. Called in order, and never by two at a time."""

    def listed(self, found: Mapping[list_watch.Key, T_contra]) -> None:
        """These there are, and no others."""

    def seen(self, key: list_watch.Key, found: T_contra) -> None:
        """This one is new or other than before."""

    def gone(self, key: list_watch.Key) -> None: ...


class Reflection(Generic[T]):
    """One resource. `make` reduces an object to what the listener keeps of it."""

    def __init__(
        self,
        api: client.KubeApi,
        resource: list_watch.Resource,
        *,
        make: Callable[[list_watch.Seen], T],
        listener: Listener[T],
        notice: Callable[["Reflection[T]"], None],
        clock: Callable[[], float],
        pauses: backoff.Backoff,
        silence: float = SILENCE,
    ) -> None:
        """`notice` is called when `listed` or `trouble` has changed."""
        self.resource = resource
        self.listed = False
        """All objects have been heard of once."""
        self.trouble: client.KubeApiError | None = None
        """Why it is not being watched."""
        self.heard: float | None = None
        """When the kube-apiserver last spoke: what is known is no older than that."""
        self._api = api
        self._make = make
        self._listener = listener
        self._notice = notice
        self._clock = clock
        self._pauses = pauses
        self._silence = silence
        self._reader = list_watch.Reader(resource)
        self._version = ""
        """Where to go on; empty where only a list helps."""
        self._failures = 0
        """Rounds since the last watch that began."""
        self._open = False
        """The watch of this round has begun."""
        self._moved = False
        """And has told something."""

    async def run(self) -> None:
        """Until it is cancelled."""
        pauses = self._pauses.pauses()
        while True:
            self._open = self._moved = False
            try:
                await self._round()
            except client.KubeApiError as error:
                self._stumble(error)
            except Exception as error:
                if self.trouble is None:
                    _log.exception("a defect following %s", self.resource)
                self._stumble(client.Garbled(f"{self.resource.path}: a defect: {error!r}"))
            if self._moved:
                pauses = self._pauses.pauses()
            await asyncio.sleep(next(pauses))

    async def _round(self) -> None:
        if not self._version:
            await self._list()
        await self._watch()
        self._moved = True

    def _stumble(self, error: client.KubeApiError) -> None:
        self._failures += 1
        match error:
            case client.Garbled():
                # Something was missed.
                self._version = ""
            case client.Refused(code=410) if self._version:
                self._version = ""
                return
            case client.Refused():
                self._version = ""
            case _ if self._open:
                return
            case _ if self._failures >= _ATTEMPTS:
                self._version = ""
        before, self.trouble = self.trouble, error
        if str(before) != str(error):
            self._notice(self)

    async def _list(self) -> None:
        found: dict[list_watch.Key, T] = {}
        version, more = await self._page(found, more="")
        while more:
            version, more = await self._page(found, more=more)
        self._listener.listed(found)
        self._version = version
        self.heard = self._clock()
        if not self.listed:
            self.listed = True
            self._notice(self)

    async def _page(self, found: dict[list_watch.Key, T], *, more: str) -> tuple[str, str]:
        """The version and what follows. The page itself is let go before the next is asked for."""
        query = {"limit": str(PAGE), **self.resource.form.query}
        if more:
            query["continue"] = more
        page = self._reader.page(
            await self._api.get(self.resource.path, query=query, accept=self.resource.form.listed)
        )
        found.update((seen.key, self._make(seen)) for seen in page.seen)
        return page.version, page.more

    async def _watch(self) -> None:
        query = {
            **self.resource.form.query,
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": str(int(random.uniform(*_LASTS))),  # noqa: S311 - no secret
        }
        async with self._api.watching(
            self.resource.path, query=query, silence=self._silence, accept=self.resource.form.watched
        ) as events:
            self._began()
            async for event in events:
                self._hear(event)
                self.heard = self._clock()
        self.heard = self._clock()

    def _began(self) -> None:
        self._open = True
        self._failures = 0
        self.heard = self._clock()
        if self.trouble is not None:
            self.trouble = None
            self._notice(self)

    def _hear(self, event: Mapping[str, Any]) -> None:
        match event.get("type"):
            case "ADDED" | "MODIFIED":
                seen, version = self._reader.told(event)
                self._listener.seen(seen.key, self._make(seen))
            case "DELETED":
                seen, version = self._reader.told(event)
                self._listener.gone(seen.key)
            case "BOOKMARK":
                version = self._reader.reached(event)
            case _:
                # Usually the version is so old that it is forgotten.
                self._version = ""
                raise client.Unreachable(f"{self.resource.path}: the watch said {str(event)[:_QUOTED]}")
        self._version = version
        self._moved = True
