"""The clients of an endurance run: keep-alive readers, autoscalers, and browsers with an open dashboard.

Each works until it is cancelled. Their answers are collected and judged later.
"""

import asyncio
import collections
import heapq
import json
import random
import time
from collections.abc import Callable, Sequence

import aiohttp

from bench import churn, client, cold, hpas, judging

_PAUSE = 0.2
"""Seconds between two reads of one reader."""
_WITHIN = 40.0
"""Timeout in seconds; a request may last 25."""
_PERIOD = 15.0
"""Seconds between two reads of an autoscaler."""
_TICK = 5.0
"""Seconds between two refreshes of an open page."""
_WINDOWS = ("", "?window=30s", "?window=45s", "?window=1m")


class Ledger:
    """The answers that are to be judged, and their times."""

    def __init__(self) -> None:
        self.heard: collections.deque[judging.Heard] = collections.deque()
        self.statuses: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
        self.took: dict[str, list[float]] = collections.defaultdict(list)
        self.wrong: collections.Counter[str] = collections.Counter()
        self.kinds: collections.Counter[str] = collections.Counter()
        self.examples: list[str] = []
        """Some of each kind of what was wrong."""
        self.slowest: list[tuple[float, float, str]] = []

    def note(self, who: str, status: str, seconds: float) -> None:
        self.statuses[who][status] += 1
        self.took[who].append(seconds)

    def slow(self, seconds: float, what: str) -> None:
        """Keep the slowest, each with the time when it ended."""
        heapq.heappush(self.slowest, (seconds, time.time(), what))
        if len(self.slowest) > 8:
            heapq.heappop(self.slowest)

    def blame(self, who: str, what: str) -> None:
        self.wrong[who] += 1
        kind = " ".join(what.partition(": ")[2].split()[:3])
        self.kinds[kind] += 1
        if self.kinds[kind] <= 3:
            self.examples.append(f"{time.time():.1f} {who}: {what}")


async def read(
    who: str, server: client.Server, ledger: Ledger, *, turn: Callable[[], tuple[str, str, str, float]]
) -> None:
    """One connection, one read after the other; `turn` returns kind, path, namespace, and a pause before."""
    connection: client.Connection | None = None
    while True:
        kind, path, namespace, pause = turn()
        await asyncio.sleep(pause)
        begun, asked = time.perf_counter(), time.time()
        try:
            async with asyncio.timeout(_WITHIN):
                if connection is None:
                    connection = await client.Connection.open(server)
                status, body = await connection.get(path)
        except (OSError, EOFError, TimeoutError, ValueError) as error:
            connection = None
            ledger.note(who, type(error).__name__, time.perf_counter() - begun)
            ledger.blame(who, f"no answer to {path}: {type(error).__name__}")
            continue
        ledger.note(who, str(status), time.perf_counter() - begun)
        ledger.slow(
            time.perf_counter() - begun, f"{status} {path} {body[:160]!r}" if status != 200 else f"200 {path}"
        )
        ledger.heard.append(
            judging.Heard(
                kind=kind,
                path=path,
                namespace=namespace,
                asked=asked,
                received=time.time(),
                status=status,
                body=body,
            )
        )


def reader(churning: churn.Churn, dice: random.Random) -> Callable[[], tuple[str, str, str, float]]:
    """Return the turns of one reader: lists, edges and gets of one namespace after the other."""

    def turn() -> tuple[str, str, str, float]:
        namespace = dice.choice(churning.cluster.namespaces)
        at = f"{cold.PATHS}/namespaces/{namespace}"
        kind = dice.choices(("pods", "workloads", "edges", "pod"), weights=(3, 3, 2, 4))[0]
        window = dice.choices(_WINDOWS, weights=(6, 2, 1, 1))[0]
        if kind == "pods":
            return kind, f"{at}/pods{window}", namespace, _PAUSE
        if kind == "workloads":
            return kind, f"{at}/trafficmetrics{window}", namespace, _PAUSE
        if kind == "edges":
            selector = "fieldSelector=resource.kind%3DPod"
            return kind, f"{at}/trafficedges{window}{'&' if window else '?'}{selector}", namespace, _PAUSE
        lives = [
            life
            for life in churning.living(time.time())
            if churning.cluster.pods[life.number].workload.namespace == namespace
        ]
        return kind, f"{at}/pods/{churning.name(dice.choice(lives))}{window}", namespace, _PAUSE

    return turn


def autoscalers(churning: churn.Churn, count: int) -> Callable[[], tuple[str, str, str, float]]:
    """Return the turns of the controller: so many autoscalers, each once a period."""
    workloads = churning.cluster.workloads[:count]
    number = 0
    begun = time.monotonic()

    def turn() -> tuple[str, str, str, float]:
        nonlocal number
        workload = workloads[number % len(workloads)]
        due = begun + number * _PERIOD / len(workloads)
        number += 1
        path = hpas.of_pods(workload.namespace, "v1beta2", app=workload.name)
        return "autoscaler", path, workload.namespace, max(0.0, due - time.monotonic())

    return turn


async def browse(url: str, ledger: Ledger, *, queries: Sequence[str], dice: random.Random) -> None:
    """An open page, which requests the drawing as its own refresh does, from time to time of another view."""
    who = "dashboards"
    async with aiohttp.ClientSession(url, headers={"Origin": url.rstrip("/")}) as http:
        async with http.get("/_dash-dependencies") as answer:
            dependencies = await answer.json()
        output = next(one["output"] for one in dependencies if "drawing.data" in one["output"])
        names = [part.rpartition(".") for part in output.strip(".").split("...")]
        tick, query = 0, dice.choice(queries)
        while True:
            tick += 1
            if dice.random() < 0.1:
                query = dice.choice(queries)
            asked = {
                "output": output,
                "outputs": [{"id": name, "property": what} for name, _, what in names],
                "inputs": [
                    {"id": "tick", "property": "n_intervals", "value": tick},
                    {"id": "url", "property": "search", "value": query},
                ],
                "changedPropIds": ["tick.n_intervals"],
            }
            begun = time.perf_counter()
            try:
                async with http.post("/_dash-update-component", json=asked) as answer:
                    status, text = answer.status, await answer.text()
                ledger.note(who, str(status), time.perf_counter() - begun)
                if status not in (200, 204) or (
                    status == 200 and "drawing" not in json.loads(text)["response"]
                ):
                    ledger.blame(who, f"{status} {text[:100]}")
            except (OSError, aiohttp.ClientError, TimeoutError, ValueError, KeyError) as error:
                ledger.note(who, type(error).__name__, time.perf_counter() - begun)
                ledger.blame(who, f"{type(error).__name__}: {error}")
            await asyncio.sleep(_TICK * dice.uniform(0.9, 1.1))
