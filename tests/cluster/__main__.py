"""The commands: bring a cluster `up` until Ctrl-C, take it `down` from anywhere, `build` its programs."""

import os
from pathlib import Path

import click

from demo import ending
from tests.cluster import build as building
from tests.cluster import cluster, places, possible, removal
from tests.cluster.possible import Need

_STATE = click.option(
    "--state",
    "folder",
    type=click.Path(path_type=Path),
    default=Path(".run/cluster"),
    show_default=True,
    help="The folder that everything is written to.",
)


@click.group()
def main() -> None:
    """A real Kubernetes, made from Go modules and Debian packages."""


@main.command()
@_STATE
@click.option("--control-plane-only", is_flag=True, help="No node: needs no root, and runs no pods.")
@click.option("--name", default="tm", show_default=True, help="Clusters of different names can run at once.")
def up(folder: Path, control_plane_only: bool, name: str) -> None:
    """Run a cluster until Ctrl-C or `down`."""
    ending.until_stopped(_up(folder, name=name, nodes=not control_plane_only))


@main.command()
@_STATE
def down(folder: Path) -> None:
    """End the cluster of a folder, and remove what a killed one left."""
    ending.until_stopped(_down(places.Folder(folder.resolve())))


@main.command()
@click.option("--tools", is_flag=True, help="Also what tests ask a cluster with: an older kubectl, helm.")
def build(tools: bool) -> None:
    """Build and install what a cluster is made of, as far as one can run here."""
    ending.until_stopped(_build(tools=tools))


async def _up(folder: Path, *, name: str, nodes: bool) -> None:
    async with cluster.Cluster(state=folder, name=name, nodes=nodes, report=click.echo) as running:
        click.echo(f"  kubectl --kubeconfig {folder / running.kubeconfig.name} get namespaces")
        await running.watch()


async def _build(*, tools: bool) -> None:
    """Build no program of a cluster if an existing cluster is given."""
    if not os.environ.get(possible.GIVEN):
        hindrance = possible.hindrance(Need.NODE)
        if possible.hindrance(Need.CONTROL_PLANE) is None:
            await building.make_missing(nodes=hindrance is None, report=click.echo)
        if hindrance is not None:
            click.echo(f"no cluster with nodes here: {hindrance}")
    if tools and possible.hindrance(Need.PROGRAMS) is None:
        for program in building.TOOLS:
            await building.make(program, report=click.echo)


async def _down(folder: places.Folder) -> None:
    found = await removal.down(folder)
    click.echo("everything is removed" if found else f"no cluster in {folder.path}")


if __name__ == "__main__":
    main()
