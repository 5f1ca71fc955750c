"""Watches the ConfigMap with the cluster's settings for delegated authentication while the server runs.

A round lists the ConfigMap and then watches it from that version. However a round ends, the next one begins
after a pause, so all errors are handled alike. Until then the last good settings stay in use.
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
"""Seconds without any data after which the connection counts as dead."""


class DelegationMap:
    """The newest good settings of the ConfigMap. `watch` keeps them up to date."""

    def __init__(self, api: client.KubeApi, *, pauses: backoff.Backoff) -> None:
        self._api = api
        self._pauses = pauses
        self._current = delegated_config.EMPTY
        self._throttled = throttled_log.ThrottledLog(_log)
        self.looked = asyncio.Event()
        """Set after the first request to the kube-apiserver, also if it failed."""

    def current(self) -> delegated_config.Delegation:
        """The newest good settings; `delegated_config.EMPTY` before there are any."""
        return self._current

    async def run(self) -> None:
        """Watches until it is cancelled."""
        pauses = self._pauses.pauses()
        while True:
            try:
                await self._round()
                pauses = self._pauses.pauses()
            except client.KubeApiError as error:
                self._complain(error)
            except Exception:
                # The watch must go on: that it has ended is noticed only when certificates are replaced.
                _log.exception("a defect while reading ConfigMap %s/%s", NAMESPACE, NAME)
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
                    # Usually the version is too old; the next round lists a newer one.
                    return
                self._apply(event)

    def _apply(self, event: Mapping[str, Any]) -> None:
        match event.get("type"):
            case "ADDED" | "MODIFIED":
                self._take(event.get("object"))
            case "DELETED":
                self._throttled.warn(
                    f"ConfigMap {NAMESPACE}/{NAME} was deleted; still in use: {self._current}"
                )

    def _take(self, config_map: Any) -> None:
        data = _part(config_map, "data")
        try:
            found = delegated_config.parse({key: str(value) for key, value in data.items()})
        except delegated_config.BadDelegation as error:
            self._throttled.warn(
                f"ConfigMap {NAMESPACE}/{NAME} cannot be used: {error}; still in use: {self._current}"
            )
            return
        found = found.or_else(self._current)
        if str(found) != str(self._current):
            _log.info("read from ConfigMap %s/%s: %s", NAMESPACE, NAME, found)
        self._current = found

    def _complain_of_none(self) -> None:
        self._throttled.warn(
            f"there is no ConfigMap {NAMESPACE}/{NAME}: does the kube-apiserver have "
            f"--requestheader-client-ca-file and --client-ca-file? Until it exists: {self._current}"
        )

    def _complain(self, error: client.KubeApiError) -> None:
        hint = ""
        if isinstance(error, client.Refused) and error.code == 403:
            hint = f"; allow it with: {rbac_hints.to_read_settings(str(error))}"
        self._throttled.warn(f"ConfigMap {NAMESPACE}/{NAME} cannot be read: {error}{hint}")


@contextlib.asynccontextmanager
async def watch(
    api: client.KubeApi, *, patience: float = 10.0, pauses: backoff.Backoff | None = None
) -> AsyncIterator[DelegationMap]:
    """Watches until the block is left. The block begins after the first answer or `patience` seconds."""
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
    """The field of an object; an empty object if the field is missing or no object."""
    part = value.get(name) if isinstance(value, dict) else None
    return part if isinstance(part, dict) else {}
