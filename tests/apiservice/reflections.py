"""A reflection of a fake kube-apiserver's objects, and a listener that records its calls."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping

from apiservice.kube import list_watch, reflector
from tests.fakes import kubernetes

PODS = list_watch.WatchedResource(kind="Pod", plural="pods", form=list_watch.ROWS, columns=("Node",))
NODES = list_watch.WatchedResource(kind="Node", plural="nodes")


class Heard:
    """A listener that records a reflection's calls, and the objects that exist according to them."""

    def __init__(self) -> None:
        self.objects: dict[list_watch.Key, str] = {}
        self.lists = 0
        self.notices: list[str] = []

    def listed(self, found: Mapping[list_watch.Key, str]) -> None:
        self.objects = dict(found)
        self.lists += 1

    def seen(self, key: list_watch.Key, found: str) -> None:
        self.objects[key] = found

    def gone(self, key: list_watch.Key) -> None:
        self.objects.pop(key, None)

    def notice(self, changed: reflector.Reflection[str]) -> None:
        reply = type(changed.trouble).__name__ if changed.trouble else "well"
        if not self.notices or self.notices[-1] != reply:
            self.notices.append(reply)

    def nodes(self) -> dict[str, str]:
        return {name: node for (_, name), node in self.objects.items()}


@contextlib.asynccontextmanager
async def reflected(
    kube: kubernetes.Kubernetes,
    heard: Heard,
    *,
    resource: list_watch.WatchedResource = PODS,
    silence: float = 10.0,
) -> AsyncIterator[reflector.Reflection[str]]:
    async with kubernetes.ask(kube) as api:
        reflection = reflector.Reflection(
            api,
            resource,
            make=lambda seen: seen.cells[0] if seen.cells else "",
            listener=heard,
            notice=heard.notice,
            clock=lambda: 1000.0,
            pauses=kubernetes.IMPATIENT,
            silence=silence,
        )
        running = asyncio.create_task(reflection.run())
        try:
            yield reflection
        finally:
            running.cancel()
            await asyncio.wait((running,))


async def until_heard(heard: Heard, nodes: dict[str, str]) -> None:
    await kubernetes.until(lambda: heard.nodes() == nodes, what=str(nodes))


def everywhere(*, since: int = 0) -> dict[str, str]:
    return {f"pod-{number}": "node-a" for number in range(since, 5)}
