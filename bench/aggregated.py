"""What it costs to be a part of a cluster: `python -m bench aggregated`.

First a control plane alone, with our server as its extension on this machine; then a cluster with a node,
into which our image and manifests are installed, as root.
"""

import dataclasses
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import click

from bench import cold, crowd, detour, installing, joined, report, shape, site
from demo import ending
from tests.cluster import cluster, possible

_FOLDER = Path(".bench/aggregated").resolve()
_NAME = "bench"
"""Used by both clusters, one after the other."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    pods: int
    clients: int
    rounds: int
    seconds: float
    with_plane: bool
    with_node: bool


@click.command()
@click.option("--pods", type=int, default=100, show_default=True, help="Pods of the mesh that is read.")
@click.option("--clients", type=int, default=500, show_default=True, help="Clients that read at once.")
@click.option("--rounds", type=int, default=3, show_default=True, help="Rounds of each comparison.")
@click.option("--seconds", type=float, default=3.0, show_default=True, help="Seconds of each measurement.")
@click.option("--plane/--no-plane", "with_plane", default=True, help="Measure at a control plane alone.")
@click.option("--node/--no-node", "with_node", default=True, help="Install into a cluster with a node.")
@site.subnet("127.23.0")
def main(*, subnet: str, **given: int | float | bool) -> None:
    """Measure what it costs to be a part of a cluster."""
    effort = Effort(**given)  # type: ignore[arg-type]  # click has made the types
    ending.until_stopped(_sit(effort, where=site.Where(folder=_FOLDER / "run", subnet=subnet)))


async def _sit(effort: Effort, *, where: site.Where) -> None:
    with report.sitting(_FOLDER, pods=effort.pods, width=170) as sitting:
        if effort.with_plane:
            await _executor(where, effort, show=sitting.show, say=report.say)
        if effort.with_node:
            await _inside(effort, show=sitting.show, say=report.say)


async def _executor(
    where: site.Where, effort: Effort, *, show: Callable[[report.Table], None], say: Callable[[str], None]
) -> None:
    """Measure on this machine, with our server as an extension of a control plane."""
    async with (
        site.running(where, shape.Shape(effort.pods), report=say) as place,
        cluster.Cluster(state=_FOLDER / "plane", name=_NAME, nodes=False, report=say) as kubernetes,
        joined.running(place, kubernetes) as joint,
    ):
        say("the way through the kube-apiserver")
        show(machine())
        show(await detour.measure(joint, rounds=effort.rounds, seconds=effort.seconds))
        path = f"{cold.PATHS}/namespaces/{place.cluster.namespaces[0]}/trafficmetrics"
        for users in (effort.clients, 1):
            say(f"{effort.clients} at once, users: {users}")
            seen = await crowd.measure(
                joint.through,
                path=path,
                clients=effort.clients,
                users=users,
                front=joint.apiserver_pid,
                name="server on the host",
            )
            for table in seen:
                show(table)


async def _inside(
    effort: Effort, *, show: Callable[[report.Table], None], say: Callable[[str], None]
) -> None:
    """Measure our server as pods."""
    if hindrance := possible.hindrance(possible.Need.NODE):
        say(f"nothing is measured in a cluster with a node: {hindrance}")
        return
    scratch = _FOLDER / "manifests"
    _empty(scratch)
    async with cluster.Cluster(state=_FOLDER / "node", name=_NAME, nodes=True, report=say) as running:
        show(machine())
        await installing.measure(
            running, scratch=scratch, rounds=effort.rounds, clients=effort.clients, show=show, say=say
        )


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def machine() -> report.Table:
    """Return the load of the machine, because other work distorts the figures."""
    recent, lately, _ = os.getloadavg()
    cells: report.Cells = {"cores": os.cpu_count() or 0, "load of 1 min": recent, "of 5 min": lately}
    return report.Table(name="The machine", about="", rows={"as this begins": cells})
