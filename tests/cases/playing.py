"""All cases at the same time, each with its own Prometheus and server: a case mostly waits."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from aiohttp import web

from demo import prometheus, wait
from metrics_server.model import quantity
from tests import serving
from tests.backends import backend
from tests.cases import case
from tests.fakes import loopback

_EVERY = 0.5
"""Seconds between two scrapes."""
_WINDOW = 14
"""Seconds. All changes of the values are in it, and no scrape of the first phase's beginning."""
_FIRST, _FURTHER = 36, 5
"""Scrapes of each target in the first phase, and in each further one."""
_LATEST = 12.0
"""Seconds after the first change within which the window must be read."""
_OPTIONS = {"profile": "auto", "window": str(_WINDOW), "refresh": "600", "stale-after": "600"}
"""One snapshot for all questions, so that the changes stay in its window."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredEdge:
    """An edge as the API answers it."""

    caller: str
    callee: str
    succeeded: float
    failed: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the API answers about the window with the change."""

    received: Mapping[str, tuple[float, float]]
    """Requests that succeeded and failed, by resource; without resources whose counts are not known."""
    edges: Sequence[AnsweredEdge]
    """The edges with requests."""
    lists: Sequence[tuple[str, Sequence[Mapping[str, Any]], Mapping[str, Any]]]
    """The name of each list, its items, and the same list as a Table."""
    refused: str
    """The message of the refusal; empty if the API answered."""


@dataclasses.dataclass(slots=True)
class _Scraped:
    """The targets of a case, as they are exposed in the current phase."""

    given: case.Case
    began: float = dataclasses.field(default_factory=case.began)
    phase: int = 0
    scrapes: dict[str, int] = dataclasses.field(default_factory=dict)
    """The number of scrapes of each target in this phase."""

    def enter(self, phase: int) -> None:
        """Begin a phase."""
        self.phase = phase
        self.scrapes.clear()

    async def expose(self, request: web.Request) -> web.Response:
        """Answer a scrape."""
        (target,) = (one for one in self.given.targets() if one.name == request.match_info["target"])
        self.scrapes[target.name] = self.scrapes.get(target.name, 0) + 1
        return web.Response(text=target.exposition(self.phase, began=self.began))

    async def often(self, times: int) -> None:
        """Wait until each target was scraped so many times in this phase."""

        async def enough() -> bool:
            return all(self.scrapes.get(target.name, 0) >= times for target in self.given.targets())

        await wait.until(enough, what=f"{times} scrapes of each target of {self.given.name}", within=120)


@dataclasses.dataclass(frozen=True, slots=True)
class _Begun:
    """A case in its first phase, with all programs running."""

    scraped: _Scraped
    database: str
    """The URL of its Prometheus."""
    api: serving.Api


Answers = Mapping[str, Answer | BaseException]


async def answers(chosen: Sequence[case.Case], folder: Path, *, subnet: str) -> Answers:
    """Return the answer in each case by its name, or the error that prevented it."""
    for one in chosen:
        (folder / one.name).mkdir()
    async with contextlib.AsyncExitStack() as stack:
        begun = await asyncio.gather(
            *(
                _begun(stack, one, folder / one.name, host=f"{subnet}.{100 + number}")
                for number, one in enumerate(chosen)
            ),
            return_exceptions=True,
        )
        played = await asyncio.gather(
            *(_played(one) for one in begun if isinstance(one, _Begun)), return_exceptions=True
        )
        answered = iter(played)
        return {
            one.name: next(answered) if isinstance(start, _Begun) else start
            for one, start in zip(chosen, begun, strict=True)
        }


async def _begun(stack: contextlib.AsyncExitStack, given: case.Case, folder: Path, *, host: str) -> _Begun:
    """Start the programs of a case and return when its first phase has lasted long enough."""
    scraped = _Scraped(given)
    target = await stack.enter_async_context(_serving(scraped))
    database, _ = await stack.enter_async_context(
        backend.running(backend.PROMETHEUS, folder, host=host, scrapes=_configuration(given, target))
    )
    # The server looks for meshes when it starts, and then only every minute.
    await scraped.often(3)
    await backend.tells(database, of=len(given.targets()), since=scraped.began)
    options = {**_OPTIONS, **({"inventory": str(given.inventory)} if given.inventory else {})}
    api = await stack.enter_async_context(serving.server(folder, prometheus=database, options=options))
    await scraped.often(_FIRST)
    return _Begun(scraped, database, api)


async def _played(begun: _Begun) -> Answer:
    """Let the values change, and return what the API answers about the window over the change."""
    scraped, targets = begun.scraped, begun.scraped.given.targets()
    changed = time.monotonic()
    for phase in range(1, max(target.phases for target in targets)):
        scraped.enter(phase)
        await scraped.often(_FURTHER)
    await backend.tells(begun.database, of=len(targets), since=time.time() - _EVERY)
    answer = await _asked(begun.api)
    late = time.monotonic() - changed
    assert late < _LATEST, f"{scraped.given.name} was read {late:.1f} s after the change: out of its window"
    return answer


async def _asked(api: serving.Api) -> Answer:
    lists: dict[str, list[dict[str, Any]]] = {}
    tables: dict[str, dict[str, Any]] = {}
    refused = ""
    for name in ("trafficmetrics", "trafficedges"):
        status, answer = await api.ask(f"/{name}")
        if status != 200:
            refused = answer["message"]
            continue
        lists[name] = answer["items"]
        tables[name] = (await api.ask(f"/{name}", accept=serving.TABLE))[1]
    edges = [
        AnsweredEdge(caller=caller, callee=callee, succeeded=counts[0], failed=counts[1])
        for item in lists.get("trafficedges", ())
        for caller, callee in [_ends(item)]
        if (counts := _counts(item)) is not None and any(counts)
    ]
    received = {
        _name(item["resource"]): counts
        for item in lists.get("trafficmetrics", ())
        if (counts := _counts(item)) is not None
    }
    return Answer(
        received=received,
        edges=edges,
        lists=[(name, items, tables[name]) for name, items in lists.items()],
        refused=refused,
    )


def _counts(item: Mapping[str, Any]) -> tuple[float, float] | None:
    known = {one["name"]: float(quantity.parse(one["value"])) for one in item["metrics"]}
    return (known["success_count"], known["failure_count"]) if "success_count" in known else None


def _ends(item: Mapping[str, Any]) -> tuple[str, str]:
    """Return the names of the caller and the callee."""
    here, there = _name(item["resource"]), _name(item["edge"]["resource"])
    return (here, there) if item["edge"]["direction"] == "to" else (there, here)


def _name(reference: Mapping[str, str]) -> str:
    """Return `NAMESPACE/KIND.NAME`, without the namespace if there is none, and `unknown` for `{}`."""
    if not reference:
        return "unknown"
    where = f"{reference['namespace']}/" if "namespace" in reference else ""
    return f"{where}{reference['kind'].lower()}.{reference['name']}"


@contextlib.asynccontextmanager
async def _serving(scraped: _Scraped) -> AsyncIterator[str]:
    """Serve the expositions; yield the address."""
    application = web.Application()
    application.router.add_get("/{target}/metrics", scraped.expose)
    async with loopback.serving(application) as address:
        yield address


def _configuration(given: case.Case, address: str) -> Mapping[str, Any]:
    """Return the configuration of Prometheus. `address`: where all expositions are served."""
    interval = prometheus.duration(_EVERY)
    jobs: dict[tuple[str, bool], list[Mapping[str, Any]]] = {}
    for target in given.targets():
        path = {"__metrics_path__": f"/{target.name}/metrics", "instance": target.instance}
        jobs.setdefault((target.job, target.honor_labels), []).append(
            {"targets": [address], "labels": {**target.labels, **path}}
        )
    dropped = [{"action": "labeldrop", "regex": given.labeldrop}] if given.labeldrop else []
    return {
        "global": {"external_labels": dict(given.external_labels)},
        "scrape_configs": [
            {
                "job_name": job,
                "honor_labels": honors,
                "scrape_interval": interval,
                "scrape_timeout": interval,
                "static_configs": targets,
                "metric_relabel_configs": dropped,
            }
            for (job, honors), targets in jobs.items()
        ],
    }
