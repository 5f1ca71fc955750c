"""A reflection of a fake kube-apiserver's objects, and what it has told."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping

from apiservice import listwatch, reflecting
from tests.fakes import kubernetes

PODS = listwatch.Resource(kind="Pod", plural="pods", form=listwatch.ROWS, columns=("Node",))
NODES = listwatch.Resource(kind="Node", plural="nodes")


class Heard:
    """What a reflection has told, and what there is by that."""

    def __init__(self) -> None:
        self.things: dict[listwatch.Key, str] = {}
        self.lists = 0
        self.notices: list[str] = []

    def listed(self, found: Mapping[listwatch.Key, str]) -> None:
        self.things = dict(found)
        self.lists += 1

    def seen(self, key: listwatch.Key, found: str) -> None:
        self.things[key] = found

    def gone(self, key: listwatch.Key) -> None:
        self.things.pop(key, None)

    def notice(self, changed: reflecting.Reflection[str]) -> None:
        told = type(changed.trouble).__name__ if changed.trouble else "well"
        if not self.notices or self.notices[-1] != told:
            self.notices.append(told)

    def nodes(self) -> dict[str, str]:
        return {name: node for (_, name), node in self.things.items()}


@contextlib.asynccontextmanager
async def reflected(
    kube: kubernetes.Kubernetes,
    heard: Heard,
    *,
    resource: listwatch.Resource = PODS,
    silence: float = 10.0,
) -> AsyncIterator[reflecting.Reflection[str]]:
    async with kubernetes.ask(kube) as api:
        reflection = reflecting.Reflection(
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
