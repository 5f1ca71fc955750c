"""The equal read of both: the requests per second of each pod that a label selector finds.

First whether both answer the same. Then how quickly, each at its own address and in turns, so that other work
of the machine affects both; the best of the rounds is shown. Then through the kube-apiserver, as an HPA
reads.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench import client, hpas, joined, load, peer, report, usage
from demo import wait
from metrics_server.model import quantity

_CONNECTIONS = (1, 8, 32)
_WITHIN = 120.0
_AIMS: Mapping[int, float] = {10: 20.0, 100: 100.0}
"""How many times the reads of the lifted adapter, by the pods found."""
OURS = "TrafficMetrics"


async def measure(
    ours: joined.Joined,
    program: Path,
    *,
    rounds: int,
    seconds: float,
    show: Callable[[report.Table], None],
    say: Callable[[str], None],
) -> None:
    """Show the tables as they come. Raises demo.faults.DemoError, RuntimeError."""
    say("writing the pods of one namespace")
    await peer.write_pods(ours, _namespace(ours))
    through = await _rows(ours, {OURS: ours.through}, rounds=1, seconds=seconds)
    rows: dict[str, report.Cells] = {}
    say(f"{peer.NAME}, {peer.LIFTED}")
    async with peer.serving(ours, program, limit=peer.LIFTED) as its:
        name = f"{peer.NAME}, {peer.LIFTED}"
        show(await _agreement(ours.direct, its.direct, namespace=_namespace(ours)))
        rows = await _rows(ours, {OURS: ours.direct, name: its.direct}, rounds=rounds, seconds=seconds)
        through |= await _rows(ours, {name: its.through}, rounds=1, seconds=seconds)
    say(f"{peer.NAME}, {peer.LIMITED}")
    async with peer.serving(ours, program, limit=peer.LIMITED) as its:
        name = f"{peer.NAME}, {peer.LIMITED}"
        rows |= await _rows(ours, {name: its.direct}, rounds=1, seconds=seconds)
    show(_table("directly", rows))
    show(_ratios(rows))
    show(_table("through the kube-apiserver", through))


def _namespace(joint: joined.Joined) -> str:
    return joint.place.cluster.namespaces[0]


def _path(namespace: str, size: int) -> str:
    return hpas.of_pods(namespace, "v1beta1", **{f"of-{size}": "0"})


async def _agreement(ours: client.Server, its: client.Server, *, namespace: str) -> report.Table:
    """Compare the answers of both, because the speed of an empty or wrong answer means nothing."""
    rows: dict[str, report.Cells] = {}
    for size in hpas.SIZES:
        path = _path(namespace, size)
        reply = [await _until_told(door, path, size=size) for door in (ours, its)]
        mine, others = reply
        if mine.keys() != others.keys():
            raise RuntimeError(f"{path}: one tells {sorted(mine)}, the other {sorted(others)}")
        apart = max(abs(mine[pod] - others[pod]) / others[pod] for pod in mine)
        rows[f"{size} pods"] = {"pods told by both": len(mine), "apart at most %": 100 * apart}
    return report.Table(name="Do both answer the same?", about="rates of the same pods", rows=rows)


async def _until_told(door: client.Server, path: str, *, size: int) -> Mapping[str, float]:
    reply: dict[str, float] = {}

    async def tells_all() -> bool:
        connection = await client.Connection.open(door)
        try:
            status, body = await connection.get(path)
        finally:
            await connection.aclose()
        items: list[Any] = json.loads(body)["items"] if status == 200 else []
        reply.update(
            (item["describedObject"]["name"], float(quantity.parse(item["value"]))) for item in items
        )
        return len(items) == size

    await wait.until(tells_all, what=f"{path}: figures of {size} pods", within=_WITHIN, pause=0.5)
    return reply


async def _rows(
    joint: joined.Joined, doors: Mapping[str, client.Server], *, rounds: int, seconds: float
) -> dict[str, report.Cells]:
    """Return the best round of each address, read and number of connections."""
    rows: dict[str, report.Cells] = {}
    for size in hpas.SIZES:
        path = _path(_namespace(joint), size)
        for connections in _CONNECTIONS:
            job = load.Job(path=path, accept=client.JSON, connections=connections, seconds=seconds)
            seen: dict[str, list[load.Outcome]] = {name: [] for name in doors}
            for _ in range(rounds):
                for name, door in doors.items():
                    seen[name].append(await joint.place.family.guard(load.run(job, door)))
            for name, outcomes in seen.items():
                rows[_row(name, size, connections)] = _cells(outcomes, doors[name])
    return rows


def _row(name: str, size: int, connections: int) -> str:
    return f"{name}: {size} pods, {connections} conn."


def _cells(outcomes: list[load.Outcome], door: client.Server) -> report.Cells:
    now, most = usage.memory(door.pid)
    refused: dict[str, int] = {}
    for outcome in outcomes:
        for status, count in outcome.refused.items():
            refused[status] = refused.get(status, 0) + count
    return {
        "reads/s": max(outcome.per_second for outcome in outcomes),
        "p50 ms": min(outcome.p50 for outcome in outcomes),
        "p99 ms": min(outcome.p99 for outcome in outcomes),
        "CPU ms": min(outcome.cpu for outcome in outcomes),
        "kB": outcomes[0].kilobytes,
        "not 200": load.statuses(refused),
        "MB": now,
        "MB most": most,
    }


def _table(where: str, rows: dict[str, report.Cells]) -> report.Table:
    return report.Table(
        name=f"The rate of each pod that a selector finds, {where}",
        about="TLS, keep-alive; the best of the rounds; CPU of the server alone, per read",
        rows=rows,
        compared="reads/s",
    )


def _ratios(rows: Mapping[str, report.Cells]) -> report.Table:
    reply: dict[str, report.Cells] = {}
    for size in hpas.SIZES:
        for connections in _CONNECTIONS:
            mine, *others = (
                rows[_row(name, size, connections)]
                for name in (OURS, *(f"{peer.NAME}, {limit}" for limit in (peer.LIFTED, peer.LIMITED)))
            )
            lifted, limited = (float(mine["reads/s"]) / float(other["reads/s"]) for other in others)
            reply[f"{size} pods, {connections} conn."] = {
                "× lifted": lifted,
                "aim": _AIMS.get(size, "-"),
                "× as shipped": limited,
                "p99, × quicker than lifted": float(others[0]["p99 ms"]) / float(mine["p99 ms"]),
            }
    return report.Table(
        name=f"How many times {peer.NAME}", about="reads per second", rows=reply, compared="× lifted"
    )
