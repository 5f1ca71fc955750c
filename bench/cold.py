"""What a read costs that finds no fresh snapshot, compared with the same PromQL sent directly.

Raw means: the queries of the server's own plan, sent in parallel with the server's compression, and the
bytes are discarded. Both kinds alternate, so that other work of the machine affects both.
"""

import asyncio
import contextlib
import statistics
import time
from collections.abc import Awaitable, Callable

import aiohttp

from bench import client, exporter, report, site, usage
from metrics_server.profiles import loading
from metrics_server.query import plan
from metrics_server.query import reach as query_reach

PATHS = "/apis/metrics.smi-spec.io/v1alpha1"
WINDOW = 30.0
"""Seconds; the server's default, which spans two scrapes."""
REFRESH = 0.001
"""Seconds after which a snapshot is replaced, so that all reads are cold."""
_AIM = 1.3


def queries(*, namespace: str | None, mesh: str = "envoy") -> list[str]:
    """Return the server's queries for the whole mesh or one namespace."""
    shipped = {one.name: one for one in loading.shipped()}
    asked = plan.make(
        shipped[mesh],
        scope=plan.QueryScope(namespace=namespace),
        window=WINDOW,
        reach=query_reach.Reach(
            usual=query_reach.Times(
                window=WINDOW, before=2.0 * exporter.SCRAPE_INTERVAL, interval=exporter.SCRAPE_INTERVAL
            )
        ),
    )
    return [*asked.counters, *([asked.buckets] if asked.buckets else [])]


async def ask(http: aiohttp.ClientSession, where: site.Where, texts: list[str], *, at: float) -> list[bytes]:
    """Return Prometheus' answers, unread. Raises aiohttp.ClientError."""

    async def one(text: str) -> bytes:
        form = {"query": text, "time": f"{at:.3f}"}
        async with http.post(f"{where.prometheus_url}/api/v1/query", data=form) as response:
            response.raise_for_status()
            return await response.read()

    return await asyncio.gather(*(one(text) for text in texts))


async def measure(place: site.Site, server: client.Server, *, rounds: int) -> report.Table:
    """Return best and median of the reads of everything and of one namespace, which has more rounds."""
    namespaces = place.cluster.namespaces
    everything = await _compare(place, server, namespace=None, rounds=rounds)
    one = await _compare(place, server, namespace=namespaces[0], rounds=rounds * 3)
    return report.Table(
        name="Cold reads",
        about=f"ms; raw: the same PromQL sent without a server; aim: a ratio of {_AIM:g} at most",
        rows={
            f"edges of all {len(namespaces)} namespaces": everything,
            "edges of one namespace": one,
        },
        compared="ratio of medians",
    )


async def _compare(
    place: site.Site, server: client.Server, *, namespace: str | None, rounds: int
) -> report.Cells:
    texts = queries(namespace=namespace)
    path = f"{PATHS}/namespaces/{namespace}/trafficedges" if namespace else f"{PATHS}/trafficedges"
    async with contextlib.aclosing(await client.Connection.open(server)) as connection:

        async def raw() -> None:
            await ask(place.http, place.where, texts, at=time.time())

        async def served() -> None:
            status, body = await connection.get(path)
            if status != 200:
                raise RuntimeError(f"{path} was answered with {status}: {body[:300]!r}")

        await served()  # the first read learns the scrape interval and the namespace label
        used = usage.cpu(server.pid)
        times = [(await _timed(raw), await _timed(served)) for _ in range(rounds)]
        used = usage.cpu(server.pid) - used
    raws, serveds = zip(*times, strict=True)
    return {
        "raw best": min(raws),
        "raw median": statistics.median(raws),
        "served best": min(serveds),
        "served median": statistics.median(serveds),
        "ratio of bests": min(serveds) / min(raws),
        "ratio of medians": statistics.median(serveds) / statistics.median(raws),
        "server CPU": used / rounds * 1e3,
    }


async def _timed(work: Callable[[], Awaitable[None]]) -> float:
    """Return milliseconds."""
    begun = time.perf_counter()
    await work()
    return (time.perf_counter() - begun) * 1e3
