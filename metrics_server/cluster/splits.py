"""What splits traffic, followed in a cluster: watches of whichever of its objects the cluster serves.

A kind that is not served is no trouble: it is asked after every minute, and watched once it is there, in the
newest of the versions that both sides know. One that is no longer served is forgotten. Readiness waits for
none of this; who reads splits is told what is missing.
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
"""As the watches of `cluster` have them."""
_AFTER = backoff.Backoff(first=5.0, jitter=0.2, longest=60.0)
"""Between two looks for a kind that is not served."""
_FORBIDDEN, _ABSENT = 403, 404
_LONGEST_NAMED = 6
"""Kinds named in one complaint."""


class State(enum.Enum):
    """What is known of a kind."""

    UNKNOWN = "not known yet"
    WATCHED = "watched"
    AWAY = "cannot be asked"
    ABSENT = "not served"
    FORBIDDEN = "not allowed"


class Declarations:
    """What the objects of some kinds say. The splits are made anew only when something has changed."""

    def __init__(self, kinds: Sequence[sources.Kind]) -> None:
        self.states = dict.fromkeys(kinds, State.UNKNOWN)
        self._said: dict[model_kinds.Ref, model.Declared] = {}
        self._made: tuple[model.Split, ...] | None = ()

    def current(self) -> Sequence[model.Split]:
        """Return all splits; the same value until something changes."""
        if self._made is None:
            self._made = model.joined(self._said.values())
        return self._made

    def put(self, ref: model_kinds.Ref, said: model.Declared) -> None:
        if self._said.get(ref, model.NOTHING) != said:
            self._said[ref] = said
            self._made = None

    def drop(self, ref: model_kinds.Ref) -> None:
        if self._said.pop(ref, None) is not None:
            self._made = None

    def replace(self, kind: sources.Kind, found: Mapping[model_kinds.Ref, model.Declared]) -> None:
        """Of this kind there is what was found, and nothing else."""
        for ref in [ref for ref in self._said if ref.kind == kind.kind and ref not in found]:
            self.drop(ref)
        for ref, said in found.items():
            self.put(ref, said)

    def complaints(self) -> Sequence[str]:
        """Return what those who read splits should know of them now."""
        if not self.states:
            return ("splits are not looked for: the server runs with --splits none",)
        told = (
            (State.UNKNOWN, "splits are incomplete: the kube-apiserver has not answered yet about"),
            (State.AWAY, "splits are as they last were: the kube-apiserver does not answer about"),
            (State.FORBIDDEN, "splits are incomplete: the kube-apiserver does not let the server watch"),
        )
        found = [f"{text} {self._named(state)}" for state, text in told if self._in(state)]
        if all(state is State.ABSENT for state in self.states.values()):
            found.append(
                f"nothing splits traffic here: this cluster does not serve {self._named(State.ABSENT)}, "
                "and --splits names no other source"
            )
        return found

    def _in(self, state: State) -> list[sources.Kind]:
        return [kind for kind, now in self.states.items() if now is state]

    def _named(self, state: State) -> str:
        return ", ".join(map(str, self._in(state)[:_LONGEST_NAMED]))


@contextlib.asynccontextmanager
async def followed(
    api: client.KubeApi,
    *,
    kinds: Sequence[sources.Kind],
    clock: Callable[[], float],
    pauses: backoff.Backoff = _PAUSES,
    after: backoff.Backoff = _AFTER,
) -> AsyncIterator[Declarations]:
    """Follow these kinds until the block is left. `clock` is in Unix seconds."""
    found = Declarations(kinds)
    warnings = throttled_log.Complaints(logger)
    followers = [_Follower(api, kind, found, warnings, clock, pauses, after) for kind in kinds]
    running = [asyncio.create_task(one.run(), name=f"splits by {one.kind}") for one in followers]
    try:
        yield found
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


class _Follower:
    """Follows one kind through its coming and going. Is the listener of its watch."""

    def __init__(
        self,
        api: client.KubeApi,
        kind: sources.Kind,
        known: Declarations,
        warnings: throttled_log.Complaints,
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
        """The watch found that the kind is not served (any more)."""

    async def run(self) -> None:
        """Until it is cancelled."""
        waits = self._after.pauses()
        while True:
            version = await self._served()
            if version is not None:
                await self._watch(version)
                waits = self._after.pauses()
            await asyncio.sleep(next(waits))

    async def _served(self) -> str | None:
        """Return the version to watch; None where there is none, or the kube-apiserver does not tell."""
        try:
            group = await self._ask(f"/apis/{self.kind.group}")
            served = listed_in(group, "versions", "version")
            for version in self.kind.versions:
                if version in served:
                    answer = await self._ask(f"/apis/{self.kind.group}/{version}")
                    if self.kind.plural in listed_in(answer, "resources", "name"):
                        return version
        except client.Refused as error:
            # Whatever else is refused, such as a discovery that is closed to us, is no word on the kind.
            self._become(State.FORBIDDEN if error.code == _FORBIDDEN else State.AWAY, str(error))
            return None
        except client.KubeApiError as error:
            self._become(State.AWAY, str(error))
            return None
        self._become(State.ABSENT, "it is looked for again within a minute or so")
        return None

    async def _ask(self, path: str) -> dict[str, Any]:
        """Return an answer of discovery, nothing where there is none."""
        try:
            return await self._api.get(path, query={})
        except client.Refused as error:
            if error.code == _ABSENT:
                return {}
            raise

    async def _watch(self, version: str) -> None:
        """Watch until the kind is served no more."""
        self._gone.clear()
        resource = list_watch.Resource(
            kind=self.kind.kind,
            plural=self.kind.plural,
            group=self.kind.group,
            version=version,
            form=list_watch.WHOLE,
        )
        reflection = reflector.Reflection(
            self._api, resource, make=self._said, listener=self, notice=self._notice, clock=self._clock,
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
            self._become(State.FORBIDDEN, f"{trouble}; allow it with: {allowing}")
        elif trouble is not None:
            self._become(State.AWAY, str(trouble))
        elif changed.listed:
            self._become(State.WATCHED, "")

    def _become(self, state: State, why: str) -> None:
        """Remember and log what begins, once."""
        before, self._known.states[self.kind] = self._known.states[self.kind], state
        if state is before:
            return
        if state is State.ABSENT:
            self._known.replace(self.kind, {})
        if state in (State.FORBIDDEN, State.AWAY):
            logger.warning("%s, which split traffic, cannot be watched: %s", self.kind, why)
        elif before is not State.UNKNOWN or state is State.ABSENT:
            logger.info("%s, which split traffic, are %s%s", self.kind, state.value, why and f": {why}")

    def _said(self, seen: list_watch.Seen) -> model.Declared:
        given = fields.Given(ref=self._ref(seen.key), labels=seen.labels, spec=seen.spec)
        try:
            return self.kind.read(given)
        except fields.Malformed as error:
            self._warnings.warn(f"{self.kind} {'/'.join(seen.key)} is left out: {error}")
            return model.NOTHING

    def _ref(self, key: list_watch.Key) -> model_kinds.Ref:
        return model_kinds.Ref(self.kind.kind, *key)

    # What the watch says

    def listed(self, found: Mapping[list_watch.Key, model.Declared]) -> None:
        self._known.replace(self.kind, {self._ref(key): said for key, said in found.items()})

    def seen(self, key: list_watch.Key, found: model.Declared) -> None:
        self._known.put(self._ref(key), found)

    def gone(self, key: list_watch.Key) -> None:
        self._known.drop(self._ref(key))


def listed_in(answer: Mapping[str, Any], key: str, name: str) -> set[str]:
    """Return what the objects in a list of an answer are called, as far as it is one."""
    listed = answer.get(key)
    return (
        {str(one.get(name)) for one in listed if isinstance(one, dict)} if isinstance(listed, list) else set()
    )
