"""The commands as a user starts them."""

import asyncio
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo import everything, state


async def demo(*arguments: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "demo", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode()


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


async def test_a_scenario_without_a_mesh_is_refused_in_one_sentence(tmp_path: Path) -> None:
    status, said = await demo("scenario", "failing", "--state", str(tmp_path))
    assert status == 1
    assert said == f"Error: no mesh is running in {tmp_path}; start one, or give its --state\n"


async def test_an_unknown_scenario_is_refused_with_the_known_ones() -> None:
    status, said = await demo("scenario", "storm")
    assert status == 2
    assert "steady" in said


async def test_a_dashboard_port_that_is_taken_ends_the_run_at_once(
    tmp_path: Path, taken: int, other_subnet: str
) -> None:
    status, said = await demo(
        "run", "--state", str(tmp_path), "--subnet", other_subnet, "--dashboard-port", str(taken)
    )
    assert status == 1
    assert said.startswith(f"Error: 127.0.0.1:{taken} is taken by ")
    assert said.endswith("; end it, or give another --dashboard-port\n")


async def test_a_second_mesh_in_the_same_folder_is_refused(tmp_path: Path, other_subnet: str) -> None:
    with state.lock(tmp_path, name="mesh"):
        status, said = await demo("mesh", "--state", str(tmp_path), "--subnet", other_subnet)
    assert (status, said.startswith("Error: another mesh is running in")) == (1, True)


async def test_a_missing_prometheus_is_said_with_what_to_do(tmp_path: Path, other_subnet: str) -> None:
    program = "import os, sys; os.environ['PROMETHEUS'] = '/nowhere'; from demo.__main__ import main; main()"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, "mesh", "--state", str(tmp_path), "--subnet", other_subnet),
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    assert process.returncode == 1
    assert said.decode() == "Error: PROMETHEUS names /nowhere, which is no program; correct or unset it\n"


@pytest.mark.parametrize("duration", ["soon", "-1s", "0"])
async def test_a_scrape_interval_that_is_none_is_refused(duration: str) -> None:
    status, said = await demo("mesh", "--scrape-interval", duration)
    assert status == 2
    assert duration in said


@pytest.mark.parametrize("subnet", ["10.0.0", "127.7", "127.7.0.1", "localhost"])
async def test_a_subnet_that_is_not_of_this_machine_is_refused(subnet: str) -> None:
    status, said = await demo("mesh", "--subnet", subnet)
    assert status == 2
    assert f"{subnet} is not the first three numbers of loopback addresses" in said


def test_the_welcome_names_what_was_really_chosen(tmp_path: Path) -> None:
    where = everything.Where(tmp_path, "127.29.5", dashboard_port=8051, api_port=8444)
    said = everything.welcome(where)
    assert f"--kubeconfig {tmp_path / 'kubeconfig'} get trafficmetrics -A" in said
    assert "http://127.0.0.1:8051/" in said
    assert f"-m demo scenario failing --state {tmp_path}" in said


def test_the_parts_are_wired_to_each_other(tmp_path: Path) -> None:
    where = everything.Where(tmp_path, "127.29.5", dashboard_port=8051, api_port=8444)
    mesh, server, dashboard = everything.parts(where)
    assert "http://127.29.5.2:9090" in server.command
    assert str(state.Folder(tmp_path).inventory) in server.command
    assert str(where.kubeconfig) in server.command
    assert str(where.kubeconfig) in dashboard.command
    assert (mesh.ready, server.ready) == ("http://127.29.5.3:9900/ready", "https://127.0.0.1:8444/readyz")
