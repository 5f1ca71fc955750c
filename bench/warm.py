"""What a read costs that finds a fresh snapshot: the answer is rendered, and Prometheus is not queried.

The server keeps its snapshot longer than the measurement lasts, so no read waits for Prometheus.
"""

from bench import client, cold, load, report, site

REFRESH = 3600.0
"""Seconds after which a snapshot is replaced; longer than a measurement, so that all reads are warm."""
_CONNECTIONS = (1, 8, 32)


def jobs(place: site.Site, *, seconds: float) -> dict[str, load.Job]:
    """Return what is read: a name for each row of the table, and the job behind it."""
    workload = place.cluster.workloads[0]
    one = f"{cold.PATHS}/namespaces/{workload.namespace}/trafficmetrics"
    reads = {
        "list of one namespace, Table": (one, client.TABLE),
        "list of one namespace, JSON": (one, client.JSON),
        "list of all namespaces, JSON": (f"{cold.PATHS}/trafficmetrics", client.JSON),
        "edges of all namespaces, JSON": (f"{cold.PATHS}/trafficedges", client.JSON),
        "one workload": (f"{one}/deployment.{workload.name}", client.JSON),
    }
    return {
        f"{name}, {connections} conn.": load.Job(
            path=path, accept=accept, connections=connections, seconds=seconds
        )
        for name, (path, accept) in reads.items()
        for connections in _CONNECTIONS
    }


async def measure(place: site.Site, server: client.Server, *, seconds: float) -> report.Table:
    """Return a row for each read and number of connections, each measured for so many seconds."""
    rows: dict[str, report.Cells] = {}
    for name, job in jobs(place, seconds=seconds).items():
        outcome = await place.family.guard(load.run(job, server))
        rows[name] = {
            "reads/s": outcome.per_second,
            "p50 ms": outcome.p50,
            "p99 ms": outcome.p99,
            "server CPU ms": outcome.cpu,
            "kB": outcome.kilobytes,
            "not 200": load.statuses(outcome.refused),
        }
    return report.Table(
        name="Warm reads",
        about="TLS, keep-alive, the load in a process of its own; CPU is the server's, per read",
        rows=rows,
        compared="reads/s",
    )
