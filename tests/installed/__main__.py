"""The commands: make the `images` that are installed, or run a cluster.

The cluster has the `demo`, until Ctrl-C, or a mesh with an autoscaler to watch (`autoscale`), until its
verdict.
"""

import asyncio
from pathlib import Path

import click

from demo import ending
from tests.cluster import possible
from tests.installed import images as archives
from tests.installed import scaling, showing


@click.group()
def main() -> None:
    """The product in a real cluster."""


@main.command()
def images() -> None:
    """Make our images, if this machine can run a cluster that needs them."""
    if possible.hindrance(possible.Need.SITE) is not None:
        return
    with ending.without_traceback():
        asyncio.run(_images())


async def _images() -> None:
    for image in archives.OURS:
        await archives.archive(image, report=click.echo)


_STATE = click.option(
    "--state",
    "folder",
    type=click.Path(path_type=Path),
    default=Path(".run/cluster"),
    show_default=True,
    help="The folder that everything is written to.",
)
_NAME = click.option(
    "--name", default="tm", show_default=True, help="Clusters of different names can run at once."
)


@main.command()
@_STATE
@_NAME
def demo(folder: Path, name: str) -> None:
    """Run a cluster with our server, its dashboard and the demo mesh until Ctrl-C."""
    ending.until_stopped(showing.run(folder, name=name, report=click.echo))


@main.command()
@_STATE
@_NAME
def autoscale(folder: Path, name: str) -> None:
    """Run a cluster with our server and a mesh to scale, show what an autoscaler does, and judge it."""
    ending.until_stopped(scaling.run(folder, name=name, report=click.echo))


if __name__ == "__main__":
    main()
