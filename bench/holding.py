"""A process that holds the ownership of a cluster and nothing else: `python -m bench.holding KUBECONFIG`.

It prints a line of JSON when its first list is complete, and answers each line of its input with another: the
costs of a read of the inventory. The caller measures its memory by the process id.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvloop

from apiservice.kube import client, config
from metrics_server.cluster import owners
from metrics_server.inventory import objects, tombstones
from metrics_server.model import kinds


async def hold(kubeconfig: Path) -> None:
    """Until there is nothing more to read."""
    connection = await config.from_kubeconfig(kubeconfig)
    begun = time.perf_counter()
    async with client.connect(connection) as api, owners.watched(api, clock=time.time) as watched:
        await watched.complete()
        _say({"seconds": time.perf_counter() - begun, "things": len(watched.current().objects)})
        while line := await asyncio.to_thread(sys.stdin.readline):
            _say(_answer(watched, question=line.strip()))


def _answer(watched: owners.Watched, *, question: str) -> dict[str, Any]:
    if question == "keep":
        return _keep()
    found, first = _timed(watched.current)
    _, again = _timed(watched.current)
    _, indexed = _timed(lambda: (found.known, found.services, found.units, found.namespaces))
    moved = [thing.labels.get("moved", "") for thing in found.things.values() if "moved" in thing.labels]
    return {"first": first, "again": again, "indexed": indexed, "moved": moved, "gone": len(found.gone)}


_kept: list[tombstones.Tombstones] = []


def _keep() -> dict[str, Any]:
    """Fill the memory of deleted pods up to its limit."""
    memory = tombstones.Tombstones(clock=time.monotonic)
    for number in range(tombstones.MOST):
        app = f"job-{number}"
        thing = objects.Object(
            ref=kinds.Ref("Pod", "team-1", f"{app}-x7k2p"),
            labels={"batch.kubernetes.io/job-name": app, "app": "job", "version": "v1"},
            owner=kinds.Ref("Job", "team-1", app),
            node="node-1",
        )
        memory.put(thing)
        memory.drop(thing.ref)
    _kept.append(memory)
    return {"kept": len(memory.current().gone)}


def _timed(call: Callable[[], Any]) -> tuple[Any, float]:
    begun = time.perf_counter()
    value = call()
    return value, time.perf_counter() - begun


def _say(content: dict[str, Any]) -> None:
    print(json.dumps(content), flush=True)


if __name__ == "__main__":
    uvloop.run(hold(Path(sys.argv[1])))
