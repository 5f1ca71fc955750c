"""How many queries Prometheus gets from one polling client and from a hundred. The number must be the same.

Clients poll once a second. The refresh limits the queries; the server runs with its default.
"""

import re

from bench import client, cold, load, report, site

REFRESH = 5.0
"""Seconds; the server's default."""
_CLIENTS = (1, 100)
_QUERIES = re.compile(r"^trafficmetrics_backend_queries_total\{.*\} (\S+)$", re.MULTILINE)


async def measure(place: site.Site, server: client.Server, *, seconds: float) -> report.Table:
    """Return a row for each number of clients, each polling for so many seconds."""
    rows: dict[str, report.Cells] = {}
    for clients in _CLIENTS:
        job = load.Job(
            path=f"{cold.PATHS}/trafficmetrics",
            accept=client.JSON,
            connections=clients,
            seconds=seconds,
            pace=1.0,
        )
        before = await asked(server)
        outcome = await place.family.guard(load.run(job, server))
        sent = await asked(server) - before
        rows[f"{clients} polling all namespaces"] = {
            "PromQL/min": sent / seconds * 60,
            "reads/s": outcome.per_second,
            "p50 ms": outcome.p50,
            "p99 ms": outcome.p99,
            "not 200": load.statuses(outcome.refused),
        }
    most = len(cold.queries(namespace=None)) * 60 / REFRESH
    return report.Table(
        name="Queries under polling",
        about=f"each client polls once a second; a refresh of {REFRESH:g} s allows {most:g} queries a minute",
        rows=rows,
        compared="PromQL/min",
    )


async def asked(server: client.Server) -> float:
    """Return how many queries the server has sent, by its own counter."""
    connection = await client.Connection.open(server)
    try:
        status, body = await connection.get("/metrics", accept="text/plain")
    finally:
        await connection.aclose()
    if status != 200:
        raise RuntimeError(f"the server answered its own metrics with {status}")
    return sum(float(value) for value in _QUERIES.findall(body.decode()))
