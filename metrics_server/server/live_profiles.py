"""Takes snapshots with the profiles of a profile pack as it is now: the pack is read again when it changes.

A pack that cannot be used is named in the log, once, and the profiles that were read last stay.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from metrics_server.model import kinds, snapshot
from metrics_server.profiles import pack, policy, registry, schema
from metrics_server.server import setting_files
from metrics_server.settings import mistakes, settings
from metrics_server.store import store

logger = logging.getLogger(__name__)
LOOK = 2.0
"""Seconds between two looks at the pack."""

Make = Callable[[Sequence[schema.Profile]], store.SnapshotSource]


class LiveProfiles:
    """A source of snapshots that begins anew when the profile pack has changed."""

    def __init__(
        self, chosen: settings.Settings, folder: Path, *, decisions: policy.Policy, make: Make
    ) -> None:
        """`make`: returns the source of snapshots for some profiles. Raises mistakes.BadSettings if the pack
        cannot be used now.
        """
        self._chosen = chosen
        self._folder = folder
        self._decisions = decisions
        self._make = make
        self._complaint = ""
        with mistakes.about("profile_pack"):
            self._seen = pack.fingerprint(folder)
        self._source = make(setting_files.profiles(chosen))

    async def take(
        self, namespace: str | None, *, window: float, latency: frozenset[kinds.Side]
    ) -> snapshot.Snapshot | None:
        """Return a new snapshot, None if the namespace has no proxy. Raises faults.Unavailable."""
        return await self._source.take(namespace, window=window, latency=latency)

    def look(self) -> None:
        """Use the pack as it is now, if it has changed and is valid."""
        try:
            with mistakes.about("profile_pack"):
                seen = pack.fingerprint(self._folder)
                if seen == self._seen:
                    return
                self._seen = seen
                read = setting_files.profiles(self._chosen)
                if self._chosen.policy is not None:
                    registry.check_names(self._decisions, read, source=str(self._chosen.policy))
        except mistakes.BadSettings as error:
            self._complain(str(error))
            return
        self._source = self._make(read)
        self._complaint = ""
        logger.info(
            "the profile pack was read again; the profiles are %s", ", ".join(one.name for one in read)
        )

    def _complain(self, text: str) -> None:
        """Log a problem once, however often the pack is looked at."""
        if text != self._complaint:
            self._complaint = text
            logger.warning(
                "the profile pack could not be read again, and the profiles read before stay; correct it: %s",
                text.replace("\n", "; "),
            )


@contextlib.asynccontextmanager
async def following(
    chosen: settings.Settings, *, decisions: policy.Policy, make: Make, look: float = LOOK
) -> AsyncIterator[store.SnapshotSource]:
    """Provide the source of snapshots until the block is left. `look`: seconds between two looks at the pack.

    Raises mistakes.BadSettings.
    """
    folder = chosen.profile_pack
    if folder is None:
        yield make(setting_files.profiles(chosen))
        return
    live = LiveProfiles(chosen, folder, decisions=decisions, make=make)

    async def follow() -> None:
        while True:
            await asyncio.sleep(look)
            await asyncio.to_thread(live.look)

    task = asyncio.create_task(follow(), name="profile pack")
    try:
        yield live
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
