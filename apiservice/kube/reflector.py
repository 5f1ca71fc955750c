"""Keeps all objects of one resource up to date while the server runs: a list in pages, then a watch.

When a watch ends, the next one continues at its resource version. After an error of the watch, or if that
version is too old, a new list begins. No error ends the reflector; `trouble` is the present error. A broken
connection alone does not count as trouble, as the next attempt usually succeeds.

Lists request the newest state (no `resourceVersion`) and not any cached state (`0`): a cached list ignores
`limit`, and may be older than the known state if it comes from another kube-apiserver.
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
"""Objects on a page, as in kubectl and client-go."""
_LASTS = (300.0, 600.0)
"""Seconds: each watch has a random length between these, so that not all watches end at the same time."""
_ATTEMPTS = 10
"""Attempts to continue a watch (about a minute) before a new list: an etcd that was restored from a backup
has older versions than the one to continue at.
"""
_QUOTED = 200
"""Characters of an unknown event that are quoted."""
SILENCE = 90.0
"""Seconds without an event after which a connection counts as dead: a bookmark comes about every minute."""


class ReflectionListener(Protocol[T_contra]):
    """Receives the objects of a reflection. The calls come in order and never at the same time."""

    def listed(self, found: Mapping[list_watch.Key, T_contra]) -> None:
        """These are all objects; any other known object no longer exists."""

    def seen(self, key: list_watch.Key, found: T_contra) -> None:
        """The object was added or changed."""

    def gone(self, key: list_watch.Key) -> None:
        """The object was deleted."""


class Reflection(Generic[T]):
    """Reflects one resource to a listener. `make` reduces an object to what the listener keeps of it."""

    def __init__(
        self,
        api: client.KubeApi,
        resource: list_watch.WatchedResource,
        *,
        make: Callable[[list_watch.ObjectProperties], T],
        listener: ReflectionListener[T],
        notice: Callable[["Reflection[T]"], None],
        clock: Callable[[], float],
        pauses: backoff.Backoff,
        silence: float = SILENCE,
    ) -> None:
        """`notice` is called when `listed` or `trouble` has changed. `silence` is in seconds."""
        self.resource = resource
        self.listed = False
        """Whether all objects have been listed once."""
        self.trouble: client.KubeApiError | None = None
        """Why there is no watch at present."""
        self.heard: float | None = None
        """Time of the newest answer or event, by `clock`. The known state is at least as new as that."""
        self._api = api
        self._make = make
        self._listener = listener
        self._notice = notice
        self._clock = clock
        self._pauses = pauses
        self._silence = silence
        self._reader = list_watch.ResourceReader(resource)
        self._version = ""
        """The resource version to continue at; empty if a new list is needed."""
        self._failures = 0
        """Failed rounds since a watch last began."""
        self._open = False
        """Whether the watch of this round has begun."""
        self._moved = False
        """Whether the watch of this round has had an event or ended normally."""

    async def run(self) -> None:
        """Lists and watches until it is cancelled."""
        pauses = self._pauses.pauses()
        while True:
            self._open = self._moved = False
            try:
                await self._round()
            except client.KubeApiError as error:
                self._failed(error)
            except Exception as error:
                if self.trouble is None:
                    _log.exception("a defect while watching %s", self.resource)
                self._failed(client.Garbled(f"{self.resource.path}: a defect: {error!r}"))
            if self._moved:
                pauses = self._pauses.pauses()
            await asyncio.sleep(next(pauses))

    async def _round(self) -> None:
        if not self._version:
            await self._list()
        await self._watch()
        self._moved = True

    def _failed(self, error: client.KubeApiError) -> None:
        self._failures += 1
        match error:
            case client.Garbled():
                # An event was lost.
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
        """The list's version and the next continue token. The page is freed before the next is requested."""
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
            "timeoutSeconds": str(int(random.uniform(*_LASTS))),  # noqa: S311 - jitter is no secret
        }
        async with self._api.watching(
            self.resource.path, query=query, silence=self._silence, accept=self.resource.form.watched
        ) as events:
            self._began()
            async for event in events:
                self._apply(event)
                self.heard = self._clock()
        self.heard = self._clock()

    def _began(self) -> None:
        self._open = True
        self._failures = 0
        self.heard = self._clock()
        if self.trouble is not None:
            self.trouble = None
            self._notice(self)

    def _apply(self, event: Mapping[str, Any]) -> None:
        match event.get("type"):
            case "ADDED" | "MODIFIED":
                seen, version = self._reader.changed(event)
                self._listener.seen(seen.key, self._make(seen))
            case "DELETED":
                seen, version = self._reader.changed(event)
                self._listener.gone(seen.key)
            case "BOOKMARK":
                version = self._reader.reached(event)
            case _:
                # Usually an ERROR with code 410: the version is too old.
                self._version = ""
                raise client.Unreachable(f"{self.resource.path}: the watch sent {str(event)[:_QUOTED]}")
        self._version = version
        self._moved = True
