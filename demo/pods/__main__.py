"""The commands of the pods. Those for installing them are `python -m demo manifests` and `secrets`."""

import click

from demo import ending, meshes
from demo.pods import app, desk


@click.group()
def main() -> None:
    """The programs in the pods of the demo."""


@main.command("app")
def app_command() -> None:
    """Run the app of this pod."""
    ending.until_stopped(app.run())


@main.command("desk")
@click.option("--mesh", type=click.Choice(list(meshes.MESHES)), default=meshes.SHOP, show_default=True)
@click.option("--rate", type=click.FloatRange(min=0), default=25.0, show_default=True, help="Requests/s.")
def desk_command(mesh: str, rate: float) -> None:
    """Create the load, and collect the truth of all pods."""
    ending.until_stopped(desk.run(mesh=mesh, rate=rate))


if __name__ == "__main__":
    main()
