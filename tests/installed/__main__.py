"""The commands: make the `images` that are installed."""

import asyncio

import click

from demo import ending
from tests.cluster import possible
from tests.installed import images as archives


@click.group()
def main() -> None:
    """The product in a real cluster."""


@main.command()
def images() -> None:
    """Make our images, as far as a cluster can run here that would need them."""
    if possible.hindrance(nodes=True) is not None:
        return
    with ending.told():
        asyncio.run(_images())


async def _images() -> None:
    for image in archives.OURS:
        await archives.archive(image, report=click.echo)


if __name__ == "__main__":
    main()
