"""The commands: bring a cluster `up` until Ctrl-C, take it `down` from anywhere."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import click

from demo import faults
from tests.cluster import cluster, places, removal

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
    _run(_up(folder, name=name, nodes=not control_plane_only))


@main.command()
@_STATE
def down(folder: Path) -> None:
    """End the cluster of a folder, and remove what a killed one left."""
    _run(_down(places.Folder(folder.resolve())))


async def _up(folder: Path, *, name: str, nodes: bool) -> None:
    async with cluster.Cluster(state=folder, name=name, nodes=nodes, report=click.echo) as running:
        click.echo(f"  kubectl --kubeconfig {folder / running.kubeconfig.name} get namespaces")
        await running.watch()


async def _down(folder: places.Folder) -> None:
    found = await removal.down(folder)
    click.echo("everything is removed" if found else f"no cluster in {folder.path}")


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Ctrl-C and SIGTERM are a friendly end. What cannot go on says so without a traceback."""

    async def until_stopped() -> None:
        task = asyncio.create_task(work)

        def stop() -> None:
            if not task.cancelling():
                task.cancel()

        for end in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(end, stop)
        with contextlib.suppress(asyncio.CancelledError):
            await task

    try:
        asyncio.run(until_stopped())
    except faults.DemoError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
