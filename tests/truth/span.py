"""A span of time that begins and ends idle, and its counts in the truth and in the API."""

import contextlib
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp

from dashboard.client import quantity
from demo import runner, wait

SLACK = 2
"""A count may be wrong by this number of requests, or by 1 %."""
_SCRAPES = 3
"""How many scrapes in a row must see the same counters before the mesh counts as idle."""
_EDGES = 14
Edge = tuple[str, str]
"""Caller pod (or machine), and the called service."""


class Api(Protocol):
    """Our API, whatever the connection is."""

    async def items(self, path: str, **parameters: str) -> list[dict[str, Any]]: ...


@dataclass(slots=True)
class Span:
    """Times are Unix seconds. `end` is known once the span is over."""

    begin: float
    end: float = math.nan

    @property
    def window(self) -> str:
        """A window that reaches from now back into the idle time before the span."""
        return f"{math.ceil(time.time() - self.begin)}s"


@contextlib.asynccontextmanager
async def idle_around(mesh: runner.Reach) -> AsyncIterator[Span]:
    """Turn the load off, let the block make traffic, and wait until Prometheus has scraped all of it."""
    async with quiet(mesh) as span:
        yield span
        await mesh.scenario("quiet")
        span.end = time.time()
        await _seen(mesh)


@contextlib.asynccontextmanager
async def quiet(mesh: runner.Reach) -> AsyncIterator[Span]:
    """Turn the load off until the block is left; the block begins once Prometheus has scraped all of it."""
    await mesh.scenario("quiet")
    await _seen(mesh)
    span = Span(begin=time.time())
    await later(mesh, span.begin + 1.5)
    try:
        yield span
    finally:
        await mesh.scenario("steady")


async def _seen(mesh: runner.Reach) -> None:
    """Wait until all that is over has been scraped: counters and (flushed later) histograms no longer
    change.
    """
    begun = time.time()
    await later(mesh, begun + 1.0)
    seen: list[Any] = []

    async def still() -> bool:
        seen.append(await _total(mesh))
        return len(seen) >= _SCRAPES and seen[-1] == seen[-_SCRAPES]

    await wait.until(still, what="an idle mesh", within=60, pause=1.05)


async def later(mesh: runner.Reach, moment: float) -> None:
    """Wait until every proxy that runs was scraped after a moment.

    This includes a proxy whose scrapes fail at the time: otherwise its earlier counts would appear later.
    """
    running = sum(pod.get("running", True) for pod in await mesh.pods())

    async def scraped() -> bool:
        # `timestamp` of anything but a selector is the time of the evaluation.
        up = 'up{job="envoy-stats"}'
        found = await query(mesh, f"count((timestamp({up}) > {moment!r}) and {up} == 1)")
        return bool(found) and float(found[0]["value"][1]) >= running

    await wait.until(scraped, what="a scrape of every sidecar", within=60, pause=0.2)


async def _total(mesh: runner.Reach) -> list[str]:
    names = "envoy_cluster_upstream_rq_xx|envoy_http_downstream_rq_xx|envoy_cluster_upstream_rq_time_count"
    # The scrape itself is traffic too, on listeners and clusters of its own.
    scrapes = 'envoy_cluster_name!~"prom.*|xds.*",envoy_http_conn_manager_prefix!~"admin|metrics|async.*"'
    both = await query(mesh, f'sum by (__name__) ({{__name__=~"{names}",{scrapes}}})')
    return sorted(f"{row['metric']['__name__']} {row['value'][1]}" for row in both)


async def busy(mesh: runner.Reach) -> None:
    """Wait until every edge of the shop has been used; one (the job's, to the new catalog) is rare."""
    edges = 'envoy_cluster_upstream_rq_xx{envoy_cluster_name=~"outbound.*|[a-z]+/.*"}'

    async def used() -> bool:
        rows = await query(mesh, f"count(sum by (app, envoy_cluster_name) ({edges}) > 0)")
        return bool(rows) and float(rows[0]["value"][1]) >= _EDGES

    await wait.until(used, what="traffic on every edge", within=60, pause=0.5)


async def query(mesh: runner.Reach, text: str) -> list[dict[str, Any]]:
    """Return an instant answer of Prometheus."""
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{mesh.prometheus_url}/api/v1/query", data={"query": text}) as response,
    ):
        answer = await response.json()
    result: list[dict[str, Any]] = answer["data"]["result"]
    return result


def true_edges(truth: Mapping[str, Any]) -> dict[Edge, tuple[float, float]]:
    """Return successes and failures of each edge, as callers saw them."""
    edges: dict[Edge, Counter[bool]] = {}
    for row in truth["edges"]:
        if row["from"]["kind"] != "outside":
            caller = row["from"]["pod"] or row["from"]["name"]
            counts = edges.setdefault((caller, row["chosen"]["name"]), Counter())
            for code, count in row["counts"].items():
                counts[_failed(code)] += count
    return {edge: (float(counts[False]), float(counts[True])) for edge, counts in edges.items()}


def _failed(code: str) -> bool:
    return code == "0" or code.startswith("5")


async def told_edges(api: Api, mesh: runner.Reach, *, window: str) -> dict[Edge, tuple[float, float]]:
    """Return the API's counts of each edge between pods, by the called service."""
    service_of = {pod["name"]: pod["workload"]["name"] for pod in await mesh.pods()}
    items = await api.items("/trafficedges", window=window, fieldSelector="resource.kind=Pod")
    items += [
        item
        for item in await api.items("/trafficedges", window=window)
        if item["resource"]["kind"] == "ExternalWorkload"
    ]
    edges = {}
    for item in items:
        if item["edge"]["direction"] == "to":
            callee = item["edge"]["resource"]["name"]
            service = service_of.get(callee, callee).removesuffix("-vm")
            edges[item["resource"]["name"], service] = counts(item)
    return edges


def counts(item: Mapping[str, Any]) -> tuple[float, float]:
    """Return successes and failures of an item."""
    values = {metric["name"]: float(quantity.parse(metric["value"])) for metric in item["metrics"]}
    return values["success_count"], values["failure_count"]


def largest_error(
    truth: Mapping[Edge, tuple[float, float]], reply: Mapping[Edge, tuple[float, float]]
) -> float:
    """Return the largest error of any count of any edge."""
    nothing = (0.0, 0.0)
    return max(
        (
            abs(a - b)
            for edge in truth.keys() | reply.keys()
            for a, b in zip(truth.get(edge, nothing), reply.get(edge, nothing), strict=True)
        ),
        default=0.0,
    )


def wrong(
    truth: Mapping[Edge, tuple[float, float]], reply: Mapping[Edge, tuple[float, float]]
) -> Iterable[str]:
    """Return a line for each edge whose counts differ by more than is allowed."""
    nothing = (0.0, 0.0)
    for edge in sorted(truth.keys() | reply.keys()):
        true, said = truth.get(edge, nothing), reply.get(edge, nothing)
        if any(abs(a - b) > max(SLACK, 0.01 * a) for a, b in zip(true, said, strict=True)):
            yield f"{edge[0]} → {edge[1]}: truth {true}, API {said}"
