"""All parts together: the mesh, the API server that reads it and the dashboard, as `make run` starts them.

The parts are data: a command, the addresses it listens on, and the address that answers 200 when it is up.
They start in order, because each needs the one before, and end together.
"""

import contextlib
import dataclasses
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import aiohttp

from demo import placement, ports, processes, shop, state, wait

_HOST = "127.0.0.1"
_MODULE = (sys.executable, "-m")


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    name: str
    command: Sequence[str]
    ready: str
    """A URL."""
    listens: Sequence[tuple[str, int]] = ()
    advice: str = ""
    """The advice in the message if another program listens there."""
    within: float = 90.0
    """Seconds it has to become ready."""


@dataclasses.dataclass(frozen=True, slots=True)
class Where:
    """The options of the command."""

    state: Path
    subnet: str
    dashboard_port: int
    api_port: int

    @property
    def kubeconfig(self) -> Path:
        return self.state / "kubeconfig"

    @property
    def dashboard(self) -> str:
        return f"http://{_HOST}:{self.dashboard_port}/"


def parts(where: Where) -> tuple[Part, ...]:
    folder = where.state.resolve()
    mesh = placement.place(shop.SHOP, subnet=where.subnet)
    prometheus, control = (f"http://{host}:{port}" for host, port in (mesh.prometheus, mesh.control))
    kubeconfig = ("--kubeconfig", str(folder / "kubeconfig"))
    return (
        Part(
            "mesh",
            (*_MODULE, "demo", "mesh", "--state", str(folder), "--subnet", where.subnet),
            ready=f"{control}/ready",
            listens=tuple(mesh.addresses()),
            advice="end it, or give another --subnet",
        ),
        Part(
            "server",
            (
                *(*_MODULE, "metrics_server", "serve", "--prometheus", prometheus),
                *("--inventory", str(state.Folder(folder).inventory), "--state", str(folder / "server")),
                *("--listen", f"{_HOST}:{where.api_port}", "--autoscaling", *kubeconfig),
            ),
            ready=f"https://{_HOST}:{where.api_port}/readyz",
            listens=((_HOST, where.api_port),),
            advice="end it, or give another --api-port",
        ),
        Part(
            "dashboard",
            (*_MODULE, "dashboard", *kubeconfig, "--listen", f"{_HOST}:{where.dashboard_port}"),
            ready=where.dashboard,
            listens=((_HOST, where.dashboard_port),),
            advice="end it, or give another --dashboard-port",
        ),
    )


async def run(pieces: Sequence[Part], *, folder: Path, report: Callable[[str], None], welcome: str) -> None:
    """Run until cancelled. Raises a `DemoError` if a part cannot start or ends."""
    with state.lock(folder, name="run"):
        for part in pieces:
            ports.demand_free(part.listens, advice=part.advice)
        async with processes.family(folder) as family, aiohttp.ClientSession() as http:
            for part in pieces:
                began = time.monotonic()
                await family.start(part.name, part.command)
                await family.guard(wait.until_ok(http, part.ready, what=part.name, within=part.within))
                report(f"{part.name:<12}{time.monotonic() - began:5.1f} s   log: {folder / part.name}.log")
            report(welcome)
            await family.watch()


def welcome(where: Where) -> str:
    """Three commands to try."""
    state_option = [] if where.state == Path(".run") else ["--state", str(where.state)]
    lines = (
        [_program("kubectl"), "--kubeconfig", str(where.kubeconfig), "get", "trafficmetrics", "-A"],
        [where.dashboard],
        [_shortest(Path(sys.executable)), "-m", "demo", "scenario", "failing", *state_option],
    )
    return "\n".join(["", "Try:", *(f"    {' '.join(line)}" for line in lines), "", "Ctrl-C ends it all."])


def _program(name: str) -> str:
    """The command as a user types it: its name if the PATH of the shell has it, else its path."""
    beside = Path(sys.executable).with_name(name)
    elsewhere = [folder for folder in os.get_exec_path() if Path(folder) != beside.parent]
    found = shutil.which(name, path=os.pathsep.join(elsewhere))
    return name if found or not beside.exists() else _shortest(beside)


def _shortest(path: Path) -> str:
    with contextlib.suppress(ValueError):
        return os.fspath(path.relative_to(Path.cwd()))
    return os.fspath(path)
