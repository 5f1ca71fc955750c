"""Keeps an inventory up to date by watching pods, their controllers, services, nodes and namespaces.

Endpoint slices are not watched: they change whenever a pod becomes ready or unready, and the selectors of
services say the same. While the kube-apiserver does not answer, the inventory stays as it was, and
`complaint` says since when.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import functools
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from apiservice.kube import client, list_watch, rbac_hints, reflector
from apiservice.runtime import backoff
from metrics_server.inventory import objects, tombstones
from metrics_server.model import kinds

logger = logging.getLogger(__name__)

RESOURCES: tuple[list_watch.WatchedResource, ...] = (
    # A pod's metadata has no node and no address; its Table row has both, at a third of the size of the pod.
    list_watch.WatchedResource(kind="Pod", plural="pods", form=list_watch.ROWS, columns=("Node", "IP")),
    list_watch.WatchedResource(kind="Service", plural="services", form=list_watch.WHOLE),
    list_watch.WatchedResource(kind="Node", plural="nodes"),
    list_watch.WatchedResource(kind="Namespace", plural="namespaces"),
    list_watch.WatchedResource(kind="ReplicationController", plural="replicationcontrollers"),
    list_watch.WatchedResource(kind="ReplicaSet", plural="replicasets", group="apps"),
    list_watch.WatchedResource(kind="Deployment", plural="deployments", group="apps"),
    list_watch.WatchedResource(kind="StatefulSet", plural="statefulsets", group="apps"),
    list_watch.WatchedResource(kind="DaemonSet", plural="daemonsets", group="apps"),
    list_watch.WatchedResource(kind="Job", plural="jobs", group="batch"),
    list_watch.WatchedResource(kind="CronJob", plural="cronjobs", group="batch"),
)
_PAUSES = backoff.Backoff(jitter=1.0, longest=10.0)
"""Much jitter: when a kube-apiserver ends, all watches break at the same time."""
_DENIED = frozenset({403, 404})
"""HTTP statuses that only an administrator can change: not allowed, and not served."""

Reflection = reflector.Reflection[objects.Object]


class Watched:
    """The inventory that the watches keep up to date, and what is missing from it."""

    def __init__(self, known: tombstones.Tombstones) -> None:
        self._known = known
        self._reflections: Sequence[Reflection] = ()
        self._complete = asyncio.Event()
        self._denied: set[str] = set()
        self._away = False

    def follow(self, reflections: Sequence[Reflection]) -> None:
        """Set the watches whose state `complaint` and `is_complete` describe."""
        self._reflections = reflections

    def current(self) -> objects.Inventory:
        """Return the present inventory; the same object until something changes."""
        return self._known.current()

    @property
    def is_complete(self) -> bool:
        """Whether every kind that may be listed was listed once."""
        return self._complete.is_set()

    async def complete(self) -> None:
        """Wait until every kind that may be listed was listed once."""
        await self._complete.wait()

    def complaint(self) -> str | None:
        """Return a message for viewers if owners and labels are incomplete or old, else None."""
        texts = [text for text in (self._absence(), self._denial()) if text]
        return "; ".join(texts) or None

    def _absence(self) -> str | None:
        behind = [one for one in self._reflections if _is_behind(one)]
        if not behind:
            return None
        answered = [one.heard for one in behind if one.heard is not None]
        about = "" if len(behind) == len(self._reflections) else f" about {_names(behind)}"
        if len(answered) < len(behind):
            return f"the kube-apiserver has not answered yet{about}: owners and labels are incomplete"
        since = datetime.datetime.fromtimestamp(min(answered), datetime.UTC)
        return (
            f"the kube-apiserver has not answered{about} since {since:%H:%M:%SZ}; "
            "owners and labels are as of then"
        )

    def _denial(self) -> str | None:
        denied = [one for one in self._reflections if _is_denied(one)]
        return (
            "owners and labels are incomplete: the kube-apiserver does not let the server list and watch "
            f"{_names(denied)}"
            if denied
            else None
        )

    def notice(self, changed: Reflection) -> None:
        """Log each problem once when it begins and once when it ends."""
        name = str(changed.resource)
        if not _is_denied(changed):
            self._denied.discard(name)
        elif name not in self._denied:
            self._denied.add(name)
            logger.warning("%s cannot be watched: %s%s", name, changed.trouble, _hint(changed))
        away = any(_is_away(one) for one in self._reflections)
        if away and not self._away:
            logger.warning(
                "the kube-apiserver does not answer, owners and labels stay as they are: %s", changed.trouble
            )
        elif self._away and not away:
            logger.info("the kube-apiserver answers again: owners and labels are up to date")
        self._away = away
        if all(one.listed or _is_denied(one) for one in self._reflections):
            self._complete.set()


@contextlib.asynccontextmanager
async def watched(
    api: client.KubeApi,
    *,
    clock: Callable[[], float],
    uptime: Callable[[], float] = time.monotonic,
    keep: float = tombstones.KEEP,
    pauses: backoff.Backoff = _PAUSES,
) -> AsyncIterator[Watched]:
    """Watch the cluster until the block is left.

    `clock`: Unix seconds, for the times in messages. `uptime`: monotonic seconds. `keep`: seconds that a
    deleted object stays in the inventory. `pauses`: the pauses between two attempts to watch.
    """
    known = tombstones.Tombstones(clock=uptime, keep=keep)
    found = Watched(known)
    reflections = [
        reflector.Reflection(
            api,
            resource,
            make=functools.partial(_object, kind=resource.kind),
            listener=_Listener(known, kind=resource.kind),
            notice=found.notice,
            clock=clock,
            pauses=pauses,
        )
        for resource in RESOURCES
    ]
    found.follow(reflections)
    running = [asyncio.create_task(one.run(), name=f"watch of {one.resource}") for one in reflections]
    try:
        yield found
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


class _Listener:
    """Passes the changes of one kind to the inventory."""

    def __init__(self, known: tombstones.Tombstones, *, kind: str) -> None:
        self._known = known
        self._kind = kind

    def listed(self, found: Mapping[list_watch.Key, objects.Object]) -> None:
        self._known.replace(self._kind, {one.ref: one for one in found.values()})

    def seen(self, key: list_watch.Key, found: objects.Object) -> None:
        self._known.put(found)

    def gone(self, key: list_watch.Key) -> None:
        self._known.drop(kinds.Ref(self._kind, *key))


def _object(seen: list_watch.ObjectProperties, *, kind: str) -> objects.Object:
    namespace, name = seen.key
    owner = None
    if seen.controller:
        owner = objects.owner_of(namespace, kind=seen.controller[0], name=seen.controller[1])
    selector = seen.spec.get("selector") if kind == kinds.SERVICE.name else None
    return objects.Object(
        ref=kinds.Ref(kind, namespace, name),
        labels=seen.labels,
        owner=owner,
        node=seen.cells[0] if seen.cells else "",
        addresses=tuple(filter(None, seen.cells[1:])),
        selector=selector if isinstance(selector, dict) else {},
    )


def _hint(one: Reflection) -> str:
    if isinstance(one.trouble, client.Refused) and one.trouble.code == 403:
        return f"; allow it with: {rbac_hints.to_watch(str(one.trouble), resource=str(one.resource))}"
    return ""


def _is_denied(one: Reflection) -> bool:
    return isinstance(one.trouble, client.Refused) and one.trouble.code in _DENIED


def _is_away(one: Reflection) -> bool:
    return one.trouble is not None and not _is_denied(one)


def _is_behind(one: Reflection) -> bool:
    return _is_away(one) or not (one.listed or _is_denied(one))


def _names(reflections: Sequence[Reflection]) -> str:
    return ", ".join(str(one.resource) for one in reflections)
