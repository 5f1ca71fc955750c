"""Many clients that run `kubectl get trafficmetrics` at the same moment, and again.

Each has a TLS connection of its own, discovers once as kubectl does, then reads the Table with the headers of
kubectl, one read at a time. Unlike kubectl they use HTTP/1.1, and do not repeat a request after a 429.

A kube-apiserver limits each user: it queues some 300 requests of one user, and refuses more. So the clients
are different users (impersonated), and the server has to check the rights of each one.
https://kubernetes.io/docs/concepts/cluster-administration/flow-control/
"""

import asyncio
import collections
import dataclasses
import json
import textwrap
import time

import numpy as np

from bench import client, joined, report, usage

_TABLE = ",".join(
    (
        "application/json;as=Table;v=v1;g=meta.k8s.io",
        "application/json;as=Table;v=v1beta1;g=meta.k8s.io",
        client.JSON,
    )
)
_GROUPS = ",".join(
    (
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
        "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",
        client.JSON,
    )
)
_AGAIN = 4
"""Lists of each after its first."""
_WORDS = 200
_ABOUT = f"ms; all begin at once; further lists: {_AGAIN} each, one after another"
_PATIENCE = 120.0
"""Seconds until a client gives up."""
_CONNECTED, _DISCOVERED = "connected", "discovery: /api, /apis"
_FIRST, _FURTHER = "first list", "further lists"
_COMMAND = "from nothing to the first list"


@dataclasses.dataclass(frozen=True, slots=True)
class Seen:
    """By the name of a step: the seconds of each success, and how often each other answer came."""

    took: dict[str, list[float]]
    refused: dict[str, collections.Counter[str]]
    words: dict[str, str]
    """The message of the first refusal of each kind."""


async def measure(
    door: client.Server, *, path: str, clients: int, users: int, front: int, name: str
) -> tuple[report.Table, report.Table]:
    """The results of the clients, and the costs of the server and the kube-apiserver, whose id is `front`."""
    before, _ = usage.memory(door.pid)
    usage.forget_most(door.pid)
    used = {pid: usage.cpu(pid) for pid in (door.pid, front)}
    begun = time.perf_counter()
    seen = await _crowd(door, path=path, clients=clients, users=users)
    seconds = time.perf_counter() - begun
    after, most = usage.memory(door.pid)
    cost: report.Cells = {
        "seconds": seconds,
        "MB before": before,
        "MB most": most,
        "MB after": after,
        "CPU s": usage.cpu(door.pid) - used[door.pid],
        "CPU s of the kube-apiserver": usage.cpu(front) - used[front],
    }
    name = f"{clients} at once of {users} {'user' if users == 1 else 'users'}, {name}"
    return (
        report.Table(
            name=name,
            about="; ".join((_ABOUT, *(f"{wrong}: {words}" for wrong, words in seen.words.items()))),
            rows=_rows(seen),
            compared="p50 ms",
        ),
        report.Table(
            name=f"The cost of {name}",
            about="of the server, but for the last column",
            rows={"all of it": cost},
            compared="CPU s",
        ),
    )


async def _crowd(door: client.Server, *, path: str, clients: int, users: int) -> Seen:
    seen = Seen(collections.defaultdict(list), collections.defaultdict(collections.Counter), {})
    await asyncio.gather(
        *(_one(door, path=path, user=f"person-{number % users}", seen=seen) for number in range(clients))
    )
    return seen


async def _one(door: client.Server, *, path: str, user: str, seen: Seen) -> None:
    """A failed connection ends the client, and is counted for the step in which it failed."""
    headers = {"Impersonate-User": user, "Impersonate-Group": joined.PEOPLE}
    begun = time.perf_counter()
    step = _CONNECTED
    connection: client.Connection | None = None
    try:
        async with asyncio.timeout(_PATIENCE):
            connection = await client.Connection.open(door, headers=headers)
            seen.took[step].append(time.perf_counter() - begun)
            step = _DISCOVERED
            for root in ("/api", "/apis"):
                await _read(connection, root, accept=_GROUPS, step=step, seen=seen)
            step = _FIRST
            if await _read(connection, path, accept=_TABLE, step=step, seen=seen):
                seen.took[_COMMAND].append(time.perf_counter() - begun)
            step = _FURTHER
            for _ in range(_AGAIN):
                await _read(connection, path, accept=_TABLE, step=step, seen=seen)
    except (OSError, EOFError, TimeoutError) as error:
        seen.refused[step][type(error).__name__] += 1
    finally:
        if connection is not None:
            await connection.aclose()


async def _read(connection: client.Connection, path: str, *, accept: str, step: str, seen: Seen) -> bool:
    sent = time.perf_counter()
    status, body = await connection.get(path, accept=accept)
    took = time.perf_counter() - sent
    wrong = str(status) if status != 200 else _not_a_table(body) if accept == _TABLE else None
    if wrong:
        seen.refused[step][wrong] += 1
        seen.words.setdefault(wrong, _message(body))
    else:
        seen.took[step].append(took)
    return not wrong


def _not_a_table(body: bytes) -> str | None:
    """The reason why kubectl could not print this answer; empty if it could."""
    answer = json.loads(body)
    if answer.get("kind") != "Table":
        return "no Table"
    return None if answer["rows"] else "no rows"


def _message(body: bytes) -> str:
    """The message of a Status, else the text; shortened."""
    try:
        said = str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        said = body.decode(errors="replace")
    return textwrap.shorten(said, _WORDS, placeholder=" …")


def _rows(seen: Seen) -> dict[str, report.Cells]:
    return {
        step: {
            "answered": len(took := seen.took[step]),
            "not": ", ".join(f"{count} × {what}" for what, count in seen.refused[step].items()) or "-",
            "p50 ms": _percentile(took, 50),
            "p99 ms": _percentile(took, 99),
            "most ms": _percentile(took, 100),
        }
        for step in (_CONNECTED, _DISCOVERED, _FIRST, _COMMAND, _FURTHER)
    }


def _percentile(took: list[float], share: float) -> float:
    return float(np.percentile(took, share)) * 1e3 if took else 0.0
