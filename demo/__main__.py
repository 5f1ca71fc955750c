"""The commands: `run` everything, run a `mesh` alone, change its `scenario`.

For the same mesh in a cluster: its `manifests` and `secrets`.
"""

import asyncio
import datetime
import ipaddress
from collections.abc import Mapping
from pathlib import Path

import click

from demo import ending, everything, mesh, meshes, runner, scenarios, state
from demo.pods import printing, reach, secrets

_STATE = click.option(
    "--state",
    "folder",
    type=click.Path(path_type=Path),
    default=Path(".run"),
    show_default=True,
    help="Folder for all files of the mesh.",
)


def _loopback(_ctx: click.Context, _param: click.Parameter, subnet: str) -> str:
    try:
        if ipaddress.ip_address(f"{subnet}.1").is_loopback:
            return subnet
    except ValueError:
        pass
    raise click.BadParameter(
        f"{subnet} is not the first three numbers of loopback addresses, such as 127.7.0"
    )


_SUBNET = click.option(
    "--subnet",
    callback=_loopback,
    default="127.7.0",
    show_default=True,
    help="First three numbers of the mesh's loopback addresses.",
)


class _Seconds(click.ParamType[float]):
    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            seconds = float(str(value).removesuffix("s"))
        except ValueError:
            self.fail(f"{value} is no duration such as 5s", param, ctx)
        if seconds <= 0:
            self.fail(f"{value} is not above zero", param, ctx)
        return seconds


_SCRAPE_INTERVAL = click.option("--scrape-interval", type=_Seconds(), default="5s", show_default=True)
_RATE = click.option(
    "--rate", type=click.FloatRange(min=0), default=25.0, show_default=True, help="Requests a second."
)


@click.group()
def main() -> None:
    """A small real mesh on loopback."""


@main.command("mesh")
@_STATE
@_SUBNET
@_SCRAPE_INTERVAL
@_RATE
@click.option("--scenario", type=click.Choice(list(scenarios.SCENARIOS)), default=scenarios.STEADY.name)
def mesh_command(folder: Path, subnet: str, scrape_interval: float, rate: float, scenario: str) -> None:
    """Run the mesh and its Prometheus until Ctrl-C."""
    settings = mesh.Settings(folder, subnet, scrape_interval, rate, scenario)
    ending.until_stopped(mesh.run(settings, report=click.echo))


@main.command("run")
@_STATE
@_SUBNET
@click.option("--dashboard-port", type=click.IntRange(1, 65535), default=8050, show_default=True)
@click.option("--api-port", type=click.IntRange(1, 65535), default=8443, show_default=True)
def run_command(folder: Path, subnet: str, dashboard_port: int, api_port: int) -> None:
    """Run the mesh, the API server and the dashboard until Ctrl-C."""
    where = everything.Where(folder, subnet, dashboard_port=dashboard_port, api_port=api_port)
    welcome = everything.welcome(where)
    ending.until_stopped(
        everything.run(everything.parts(where), folder=folder, report=click.echo, welcome=welcome)
    )


@main.command("scenario")
@click.argument("name", type=click.Choice(list(scenarios.SCENARIOS)))
@_STATE
@click.option("--cluster", is_flag=True, help="Change the mesh in the cluster, not the one of --state.")
@click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path),
    help="Kubeconfig of the cluster; as kubectl if not given.",
)
def scenario_command(name: str, folder: Path, cluster: bool, kubeconfig: Path | None) -> None:
    """Change the scenario of the running mesh."""
    with ending.without_traceback():
        if cluster or kubeconfig:
            answer = asyncio.run(_turn_in_cluster(name, kubeconfig=kubeconfig))
        else:
            answer = asyncio.run(_turn(name, control_url=state.control_url(folder)))
    click.echo(f"{answer['name']}: {answer['story']}")


async def _turn(name: str, *, control_url: str) -> Mapping[str, str]:
    answer: Mapping[str, str] = await runner.ask(control_url, "POST", "/scenario", json={"name": name})
    return answer


async def _turn_in_cluster(name: str, *, kubeconfig: Path | None) -> Mapping[str, str]:
    async with reach.Mesh(kubeconfig) as mesh:
        return await _turn(name, control_url=mesh.control_url)


_MESH = click.option(
    "--mesh",
    "name",
    type=click.Choice(list(meshes.MESHES)),
    default=meshes.SHOP,
    show_default=True,
    help="The mesh: the shop, or one to scale.",
)


@main.command("manifests")
@_MESH
@_RATE
@_SCRAPE_INTERVAL
def manifests_command(name: str, rate: float, scrape_interval: float) -> None:
    """Print a mesh as objects of a cluster, without its secrets."""
    objects = printing.everything(mesh=name, rate=rate, scrape_interval=scrape_interval)
    click.echo(printing.as_yaml(objects), nl=False)


@main.command("secrets")
@_MESH
def secrets_command(name: str) -> None:
    """Print new identities for a mesh in a cluster."""
    now = datetime.datetime.now(datetime.UTC)
    click.echo(printing.as_yaml(secrets.objects(meshes.MESHES[name], now=now)), nl=False)


if __name__ == "__main__":
    main()
