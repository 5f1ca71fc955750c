"""The ConfigMap in which a cluster publishes its delegation, watched for as long as the server runs.

A round is a list and then a watch from there. Whatever ends it begins the next after a pause, so nothing
that goes wrong has to be told from anything else. What was last good is kept meanwhile.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping
from typing import Any

from apiservice.authn import delegated_config
from apiservice.kube import client, rbac_hints
from apiservice.runtime import backoff, throttled_log

_log = logging.getLogger(__name__)

NAMESPACE = "kube-system"
NAME = "extension-apiserver-authentication"
_PATH = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
_SELECTED = {"fieldSelector": f"metadata.name={NAME}"}
"""The role `extension-apiserver-authentication-reader` allows to list and watch this name only."""

_ROUND = 300
"""Seconds a watch lasts."""
_SILENCE = _ROUND + 30.0
"""Seconds without a word after which the connection must be dead."""


class DelegationMap:
    """What is known of the ConfigMap. `watch` keeps it up to date."""

    def __init__(self, api: client.KubeApi, *, pauses: backoff.Backoff) -> None:
        self._api = api
        self._pauses = pauses
        self._current = delegated_config.NOBODY
        self._complaints = throttled_log.Complaints(_log)
        self.looked = asyncio.Event()
        """The kube-apiserver was asked once, whatever it said."""

    def current(self) -> delegated_config.Delegation:
        return self._current

    async def run(self) -> None:
        """Until it is cancelled."""
        pauses = self._pauses.pauses()
        while True:
            try:
                await self._round()
                pauses = self._pauses.pauses()
            except client.KubeApiError as error:
                self._complain(error)
            except Exception:
                # Were the watch to end for good, it would be missed only when certificates are next replaced.
                _log.exception("a defect reading ConfigMap %s/%s", NAMESPACE, NAME)
            self.looked.set()
            await asyncio.sleep(next(pauses))

    async def _round(self) -> None:
        found = await self._api.get(_PATH, query=_SELECTED)
        match found.get("items"):
            case [config_map, *_]:
                self._take(config_map)
            case _:
                self._complain_of_none()
        self.looked.set()
        version = _part(found, "metadata").get("resourceVersion", "")
        query = {
            **_SELECTED,
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": str(version),
            "timeoutSeconds": str(_ROUND),
        }
        async with contextlib.aclosing(self._api.watch(_PATH, query=query, silence=_SILENCE)) as events:
            async for event in events:
                if event.get("type") == "ERROR":
                    # Usually the version is too old; the next round knows a newer one.
                    return
                self._hear(event)

    def _hear(self, event: Mapping[str, Any]) -> None:
        match event.get("type"):
            case "ADDED" | "MODIFIED":
                self._take(event.get("object"))
            case "DELETED":
                self._complaints.warn(f"ConfigMap {NAMESPACE}/{NAME} was deleted: {self._current}, as before")

    def _take(self, config_map: Any) -> None:
        data = _part(config_map, "data")
        try:
            found = delegated_config.parse({key: str(value) for key, value in data.items()})
        except delegated_config.BadDelegation as error:
            self._complaints.warn(
                f"ConfigMap {NAMESPACE}/{NAME} cannot be used: {error}; {self._current}, as before"
            )
            return
        found = found.or_else(self._current)
        if str(found) != str(self._current):
            _log.info("by ConfigMap %s/%s, %s", NAMESPACE, NAME, found)
        self._current = found

    def _complain_of_none(self) -> None:
        self._complaints.warn(
            f"there is no ConfigMap {NAMESPACE}/{NAME}: does the kube-apiserver have "
            "--requestheader-client-ca-file and --client-ca-file? Until there is, "
            f"{self._current}"
        )

    def _complain(self, error: client.KubeApiError) -> None:
        hint = ""
        if isinstance(error, client.Refused) and error.code == 403:
            hint = f"; allow it with: {rbac_hints.to_read_settings(str(error))}"
        self._complaints.warn(f"ConfigMap {NAMESPACE}/{NAME} cannot be read: {error}{hint}")


@contextlib.asynccontextmanager
async def watch(
    api: client.KubeApi, *, patience: float = 10.0, pauses: backoff.Backoff | None = None
) -> AsyncIterator[DelegationMap]:
    """Watches until the block is left, which begins with the first answer or after `patience` seconds."""
    watched = DelegationMap(api, pauses=pauses or backoff.Backoff())
    running = asyncio.ensure_future(watched.run())
    try:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(watched.looked.wait(), patience)
        yield watched
    finally:
        running.cancel()
        await asyncio.wait((running,))


def _part(value: Any, name: str) -> Mapping[str, Any]:
    """A part of an object that is an object; an empty one where it is something else."""
    part = value.get(name) if isinstance(value, dict) else None
    return part if isinstance(part, dict) else {}
