"""Keeps the splits up to date by watching those kinds of object that the cluster serves.

A kind that is not served is no error: it is looked for every minute and, once served, watched in the newest
version that both sides support. The splits of a kind that is no longer served are dropped. Readiness does not
wait for splits; an answer with splits has a warning about what is missing.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from apiservice.kube import client, list_watch, rbac_hints, reflector
from apiservice.runtime import backoff, throttled_log
from metrics_server.model import kinds as model_kinds
from metrics_server.splits import fields, model, sources

logger = logging.getLogger(__name__)

_PAUSES = backoff.Backoff(jitter=1.0, longest=10.0)
"""Between two attempts to watch; as in `owners`."""
_AFTER = backoff.Backoff(first=5.0, jitter=0.2, longest=60.0)
"""Between two looks for a kind that is not served."""
_FORBIDDEN, _ABSENT = 403, 404
"""HTTP statuses: not allowed, and not served."""
_LONGEST_NAMED = 6
"""Kinds named in one message."""


class WatchState(enum.Enum):
    """Whether a kind is watched, and why not."""

    UNKNOWN = "not known yet"
    WATCHED = "watched"
    AWAY = "no answer"
    ABSENT = "not served"
    FORBIDDEN = "not allowed"


class Declarations:
    """What the objects of some kinds declare about splits."""

    def __init__(self, kinds: Sequence[sources.SourceKind]) -> None:
        self.states = dict.fromkeys(kinds, WatchState.UNKNOWN)
        self._declared: dict[model_kinds.Ref, model.Declared] = {}
        self._made: tuple[model.Split, ...] | None = ()
        """The present splits; None after a change."""
        self._routes: model.Routes | None = {}
        """The present routes; None after a change."""

    def current(self) -> Sequence[model.Split]:
        """Return all splits; the same object until something changes."""
        if self._made is None:
            self._made = model.joined(self._declared.values())
        return self._made

    def routes(self) -> model.Routes:
        """Return the rules of all routes; the same object until something changes."""
        if self._routes is None:
            self._routes = model.routes(self._declared)
        return self._routes

    def put(self, ref: model_kinds.Ref, said: model.Declared) -> None:
        """Set what an object declares."""
        if self._declared.get(ref, model.NOTHING) != said:
            self._declared[ref] = said
            self._made = self._routes = None

    def drop(self, ref: model_kinds.Ref) -> None:
        """Remove an object, if it is there."""
        if self._declared.pop(ref, None) is not None:
            self._made = self._routes = None

    def replace(self, kind: sources.SourceKind, found: Mapping[model_kinds.Ref, model.Declared]) -> None:
        """Make `found` the objects of a kind; its other objects are removed."""
        for ref in [ref for ref in self._declared if ref.kind == kind.kind and ref not in found]:
            self.drop(ref)
        for ref, declared in found.items():
            self.put(ref, declared)

    def complaints(self) -> Sequence[str]:
        """Return messages for viewers about splits that are missing or old."""
        if not self.states:
            return ("splits are not looked for: the server runs with --splits none",)
        texts = (
            (WatchState.UNKNOWN, "splits are incomplete: the kube-apiserver has not answered yet about"),
            (WatchState.AWAY, "splits are as they last were: the kube-apiserver does not answer about"),
            (WatchState.FORBIDDEN, "splits are incomplete: the kube-apiserver does not let the server watch"),
        )
        found = [f"{text} {self._named(state)}" for state, text in texts if self._in(state)]
        if all(state is WatchState.ABSENT for state in self.states.values()):
            found.append(
                f"nothing splits traffic here: this cluster does not serve {self._named(WatchState.ABSENT)}, "
                "and --splits names no other source"
            )
        return found

    def _in(self, state: WatchState) -> list[sources.SourceKind]:
        return [kind for kind, now in self.states.items() if now is state]

    def _named(self, state: WatchState) -> str:
        return ", ".join(map(str, self._in(state)[:_LONGEST_NAMED]))


@contextlib.asynccontextmanager
async def followed(
    api: client.KubeApi,
    *,
    kinds: Sequence[sources.SourceKind],
    clock: Callable[[], float],
    pauses: backoff.Backoff = _PAUSES,
    after: backoff.Backoff = _AFTER,
) -> AsyncIterator[Declarations]:
    """Watch these kinds until the block is left.

    `clock`: Unix seconds. `pauses`: between two attempts to watch. `after`: between two looks for a kind that
    is not served.
    """
    found = Declarations(kinds)
    warnings = throttled_log.ThrottledLog(logger)
    followers = [_Follower(api, kind, found, warnings, clock, pauses, after) for kind in kinds]
    running = [asyncio.create_task(one.run(), name=f"splits by {one.kind}") for one in followers]
    try:
        yield found
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


class _Follower:
    """Watches one kind while the cluster serves it, and looks for it while it does not. It is the listener of
    its own watch.
    """

    def __init__(
        self,
        api: client.KubeApi,
        kind: sources.SourceKind,
        known: Declarations,
        warnings: throttled_log.ThrottledLog,
        clock: Callable[[], float],
        pauses: backoff.Backoff,
        after: backoff.Backoff,
    ) -> None:
        self.kind = kind
        self._api = api
        self._known = known
        self._warnings = warnings
        self._clock = clock
        self._pauses = pauses
        self._after = after
        self._gone = asyncio.Event()
        """Set when the watch finds that the kind is not served (any more)."""

    async def run(self) -> None:
        """Run until it is cancelled."""
        waits = self._after.pauses()
        while True:
            version = await self._served()
            if version is not None:
                await self._watch(version)
                waits = self._after.pauses()
            await asyncio.sleep(next(waits))

    async def _served(self) -> str | None:
        """Return the version to watch; None if none is served, or the kube-apiserver does not say."""
        try:
            group = await self._ask(f"/apis/{self.kind.group}")
            served = listed_in(group, "versions", "version")
            for version in self.kind.versions:
                if version in served:
                    answer = await self._ask(f"/apis/{self.kind.group}/{version}")
                    if self.kind.plural in listed_in(answer, "resources", "name"):
                        return version
        except client.Refused as error:
            # A refused discovery does not mean that the kind is not served.
            self._become(WatchState.FORBIDDEN if error.code == _FORBIDDEN else WatchState.AWAY, str(error))
            return None
        except client.KubeApiError as error:
            self._become(WatchState.AWAY, str(error))
            return None
        self._become(WatchState.ABSENT, "they are looked for again within a minute or so")
        return None

    async def _ask(self, path: str) -> dict[str, Any]:
        """Return an answer of the discovery API, empty for a 404."""
        try:
            return await self._api.get(path, query={})
        except client.Refused as error:
            if error.code == _ABSENT:
                return {}
            raise

    async def _watch(self, version: str) -> None:
        """Watch until the kind is no longer served."""
        self._gone.clear()
        resource = list_watch.WatchedResource(
            kind=self.kind.kind,
            plural=self.kind.plural,
            group=self.kind.group,
            version=version,
            form=list_watch.WHOLE,
        )
        reflection = reflector.Reflection(
            self._api, resource, make=self._read, listener=self, notice=self._notice, clock=self._clock,
            pauses=self._pauses,
        )  # fmt: skip
        running = asyncio.create_task(reflection.run(), name=f"watch of {resource}")
        try:
            await self._gone.wait()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    def _notice(self, changed: reflector.Reflection[model.Declared]) -> None:
        trouble = changed.trouble
        if isinstance(trouble, client.Refused) and trouble.code == _ABSENT:
            self._gone.set()
        elif isinstance(trouble, client.Refused) and trouble.code == _FORBIDDEN:
            allowing = rbac_hints.to_watch(str(trouble), resource=str(self.kind))
            self._become(WatchState.FORBIDDEN, f"{trouble}; allow it with: {allowing}")
        elif trouble is not None:
            self._become(WatchState.AWAY, str(trouble))
        elif changed.listed:
            self._become(WatchState.WATCHED, "")

    def _become(self, state: WatchState, why: str) -> None:
        """Set the state of the kind, and log the change."""
        before, self._known.states[self.kind] = self._known.states[self.kind], state
        if state is before:
            return
        if state is WatchState.ABSENT:
            self._known.replace(self.kind, {})
        if state in (WatchState.FORBIDDEN, WatchState.AWAY):
            logger.warning("%s, which split traffic, cannot be watched: %s", self.kind, why)
        elif before is not WatchState.UNKNOWN or state is WatchState.ABSENT:
            logger.info("%s, which split traffic, are %s%s", self.kind, state.value, why and f": {why}")

    def _read(self, seen: list_watch.ObjectProperties) -> model.Declared:
        """Return what an object declares; nothing, with a warning, if it is invalid."""
        given = fields.SourceObject(ref=self._ref(seen.key), labels=seen.labels, spec=seen.spec)
        try:
            return self.kind.read(given)
        except fields.Malformed as error:
            self._warnings.warn(f"{self.kind} {'/'.join(seen.key)} is left out: {error}")
            return model.NOTHING

    def _ref(self, key: list_watch.Key) -> model_kinds.Ref:
        return model_kinds.Ref(self.kind.kind, *key)

    # The listener of the watch

    def listed(self, found: Mapping[list_watch.Key, model.Declared]) -> None:
        """Replace the objects of the kind by those of a list."""
        self._known.replace(self.kind, {self._ref(key): declared for key, declared in found.items()})

    def seen(self, key: list_watch.Key, found: model.Declared) -> None:
        """Set what a new or changed object declares."""
        self._known.put(self._ref(key), found)

    def gone(self, key: list_watch.Key) -> None:
        """Remove a deleted object."""
        self._known.drop(self._ref(key))


def listed_in(answer: Mapping[str, Any], key: str, name: str) -> set[str]:
    """Return the field `name` of each object in the list at `key` of an answer; empty if it is no list."""
    listed = answer.get(key)
    return (
        {str(one.get(name)) for one in listed if isinstance(one, dict)} if isinstance(listed, list) else set()
    )
