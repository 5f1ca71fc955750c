"""A cluster with a node changes much of a machine, and restores all of it; a second cluster keeps running."""

import asyncio
import functools
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.cluster import cgroups, cluster, commands, network, places, removal, sysctls

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.node,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(3600),
]

_READY_WITHIN = 120.0
_UNLIKE = {"kernel/panic": "9"}
"""A setting of the machine with a value that every kubelet changes."""


@pytest.fixture
def settings(whole_cluster: cluster.Cluster) -> Iterator[Mapping[str, str]]:
    """What the next cluster is going to change, although the running one has changed all settings before."""
    before = sysctls.now()
    sysctls.restore(_UNLIKE)
    yield sysctls.about_to_change()
    sysctls.restore({name: before[name] for name in _UNLIKE})


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL], ids=["asked", "killed"])
async def test_nothing_is_left_however_a_cluster_ends_and_the_one_beside_it_stays(
    whole_cluster: cluster.Cluster, settings: Mapping[str, str], tmp_path: Path, end: signal.Signals
) -> None:
    place = places.place(f"x{os.getpid()}", nodes=True)
    beside = functools.partial(_left, whole_cluster.place, folder=whole_cluster.folder.path)
    assert settings == _UNLIKE
    command = (sys.executable, "-m", "tests.cluster", "up", f"--state={tmp_path}", f"--name={place.name}")
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        await _until_ready(process)
        assert len(_left(place, folder=tmp_path)) == len(beside()) == len(_TRACES)
        assert sysctls.about_to_change() == {}
    finally:
        process.send_signal(end)
        await process.wait()

    await removal.down(places.Folder(tmp_path))

    assert _left(place, folder=tmp_path) == []
    assert len(beside()) == len(_TRACES)
    await commands.kubectl(whole_cluster.kubeconfig, "logs", "deployment/coredns", "--namespace=kube-system")
    assert sysctls.about_to_change() == settings
    assert sorted(os.listdir(tmp_path)) == ["cluster.lock", "logs"]


async def _until_ready(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    said = ""
    async with asyncio.timeout(_READY_WITHIN):
        while "is ready" not in said:
            line = await process.stdout.readline()
            assert line, said
            said += line.decode()


def _processes_that_name(folder: Path) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in command:
            found.append(command)
    return found


def _mounts(folder: Path) -> list[str]:
    """The mounts of this folder, as any process sees them."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/mountinfo"):
        try:
            found += [line for line in entry.read_text().splitlines() if str(folder) in line]
        except OSError:
            continue
    return found


_TRACES: dict[str, Callable[[places.Place, Path], object]] = {
    "network namespace": lambda place, _: network.exists(place),
    "processes in the network": lambda place, _: network.processes(place),
    "processes in control groups": lambda place, _: cgroups.processes(place),
    "control groups": lambda place, _: cgroups.folders(place),
    "interface": lambda place, _: Path(f"/sys/class/net/{place.link_outside}").exists(),
    "processes": lambda _, folder: _processes_that_name(folder),
    "mounts": lambda _, folder: _mounts(folder),
}
"""The traces of a running cluster, all of which must disappear."""


def _left(place: places.Place, *, folder: Path) -> list[str]:
    return [name for name, look in _TRACES.items() if look(place, folder)]
