"""What the way through the kube-apiserver adds to a read: the same read directly and through it, in turns.

In turns, so that other work of the machine affects both; a figure is the median of its rounds.
"""

import statistics

from bench import client, cold, joined, load, report

_CONNECTIONS = (1, 8)


def reads(joint: joined.Joined) -> dict[str, tuple[str, str]]:
    """Path and `Accept` of each read."""
    workload = joint.place.cluster.workloads[0]
    namespace = f"{cold.PATHS}/namespaces/{workload.namespace}/trafficmetrics"
    return {
        "one workload": (f"{namespace}/deployment.{workload.name}", client.JSON),
        "list of one namespace, Table": (namespace, client.TABLE),
        "discovery document": (cold.PATHS, client.JSON),
    }


async def measure(joint: joined.Joined, *, rounds: int, seconds: float) -> report.Table:
    """Return a row for each read and number of connections; each round of each address takes `seconds`."""
    rows: dict[str, report.Cells] = {}
    for name, (path, accept) in reads(joint).items():
        for connections in _CONNECTIONS:
            job = load.Job(path=path, accept=accept, connections=connections, seconds=seconds)
            rows[f"{name}, {connections} conn."] = await _compare(joint, job, rounds=rounds)
    return report.Table(
        name="The way through the kube-apiserver",
        about="ms; the same read directly at the server and through; CPU is the server's, ms per read",
        rows=rows,
        compared="p50 added",
    )


async def _compare(joint: joined.Joined, job: load.Job, *, rounds: int) -> report.Cells:
    direct: list[load.Outcome] = []
    through: list[load.Outcome] = []
    for _ in range(rounds):
        for door, outcomes in ((joint.direct, direct), (joint.through, through)):
            outcomes.append(await joint.place.family.guard(load.run(job, door)))
    cells: dict[str, float | str] = {}
    for figure in ("p50", "p99"):
        near, far = (_median(outcomes, figure) for outcomes in (direct, through))
        cells |= {f"{figure} direct": near, f"{figure} through": far, f"{figure} added": far - near}
    for figure, title in {"per_second": "/s", "cpu": "CPU"}.items():
        for name, outcomes in {"direct": direct, "through": through}.items():
            cells[f"{title} {name}"] = _median(outcomes, figure)
    cells["not 200"] = load.statuses(_refused([*direct, *through]))
    return cells


def _median(outcomes: list[load.Outcome], figure: str) -> float:
    values: list[float] = [getattr(outcome, figure) for outcome in outcomes]
    return statistics.median(values)


def _refused(outcomes: list[load.Outcome]) -> dict[str, int]:
    statuses = {status for outcome in outcomes for status in outcome.refused}
    return {status: sum(one.refused.get(status, 0) for one in outcomes) for status in sorted(statuses)}
