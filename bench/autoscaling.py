"""What autoscalers cost: `python -m bench autoscaling`.

A control plane alone, with our server as an extension on this machine, over a live Prometheus. First a
thousand HPAs read; then prometheus-adapter gets the same requests in the same sitting; then Prometheus hangs.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import click

from bench import aggregated, equal, hanging, peer, report, scaler, shape, site, syncs
from demo import ending
from tests.cluster import cluster

_FOLDER = Path(".bench/autoscaling").resolve()
_TOOLS = Path(".tools/prometheus-adapter").resolve()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    pods: int
    periods: int
    rounds: int
    seconds: float
    with_hpas: bool
    with_peer: bool


@click.command()
@click.option("--pods", type=int, default=5000, show_default=True, help="Pods; one HPA for every five.")
@click.option("--periods", type=int, default=3, show_default=True, help="Periods of 15 s for each case.")
@click.option("--rounds", type=int, default=3, show_default=True, help="Rounds of each comparison.")
@click.option("--seconds", type=float, default=3.0, show_default=True, help="Seconds of each measurement.")
@click.option("--hpas/--no-hpas", "with_hpas", default=True, help="Measure many HPAs.")
@click.option("--peer/--no-peer", "with_peer", default=True, help="Measure prometheus-adapter.")
@site.subnet("127.24.0")
def main(*, subnet: str, **given: int | float | bool) -> None:
    """Measure what autoscalers cost."""
    effort = Effort(**given)  # type: ignore[arg-type]  # click has made the types
    ending.until_stopped(_sit(effort, where=site.Where(folder=_FOLDER / "run", subnet=subnet)))


async def _sit(effort: Effort, *, where: site.Where) -> None:
    with report.sitting(_FOLDER, pods=effort.pods, width=170) as sitting:
        await _measure(effort, where, show=sitting.show, say=report.say)


async def _measure(
    effort: Effort, where: site.Where, *, show: Callable[[report.Table], None], say: Callable[[str], None]
) -> None:
    program = await peer.binary(_TOOLS, say=say) if effort.with_peer else None
    mesh = shape.Shape(effort.pods)
    async with (
        site.running(where, mesh, report=say) as place,
        cluster.Cluster(state=_FOLDER / "plane", name="scale", nodes=False, report=say) as kubernetes,
    ):
        token = await scaler.reader(kubernetes, scratch=where.folder)
        show(aggregated.machine())
        most = len(mesh.workloads)
        rows: dict[str, report.Cells] = {}
        if effort.with_hpas:
            async with scaler.serving(place, kubernetes, token=token, refresh=syncs.KEPT) as ours:
                rows |= await syncs.measure(ours, syncs.warm(most), periods=effort.periods, say=say)
        async with scaler.serving(place, kubernetes, token=token, refresh=syncs.SHIPPED) as ours:
            if effort.with_hpas:
                rows |= await syncs.measure(ours, syncs.fresh(most), periods=effort.periods, say=say)
                show(syncs.table(rows))
            if program is None:
                show(await hanging.measure(ours, {equal.OURS: ours.direct}))
                return
            show(aggregated.machine())
            await equal.measure(
                ours, program, rounds=effort.rounds, seconds=effort.seconds, show=show, say=say
            )
            async with peer.serving(ours, program, limit=peer.LIFTED) as its:
                say("Prometheus hangs")
                show(await hanging.measure(ours, {equal.OURS: ours.direct, peer.NAME: its.direct}))
