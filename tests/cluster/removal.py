"""Ends a cluster and removes what it left, however it ended: containers, network, control groups, settings.

The kernel ends the children of the process that made a cluster together with it. Other processes are found in
the cluster's network namespace (the shims of containers), and in its control groups (the containers). No
other process is touched; mounts disappear with the last process that sees them.
"""

import contextlib
import fcntl
import os
import shutil
import signal
from pathlib import Path

from demo import faults, wait
from tests.cluster import cgroups, commands, network, places, record, sysctls

LOCK = "cluster"
"""The lock of the folder, held while the process that made the cluster runs."""
_GONE_WITHIN = 30.0


async def down(folder: places.Folder) -> bool:
    """Return whether there was anything to end."""
    found = record.read(folder.record)
    if found is None:
        return False
    try:
        if _is_locked(folder.path):
            with contextlib.suppress(ProcessLookupError):
                os.kill(found.pid, signal.SIGTERM)
            await _until_unlocked(folder.path)
        await sweep(folder)
    except PermissionError as error:
        raise faults.DemoError(
            f"cluster {found.name} in {folder.path} belongs to another user; end it as that user"
        ) from error
    return True


async def sweep(folder: places.Folder) -> None:
    """Called after the process that made the cluster has ended its children, or is gone."""
    found = record.read(folder.record)
    if found is None:
        return
    if found.nodes:
        place = places.place(found.name, nodes=True)
        await _end_processes(place)
        network.remove(place)
        cgroups.remove(place)
        sysctls.restore(found.sysctls)
    shutil.rmtree(folder.scratch, ignore_errors=True)
    shutil.rmtree(folder.path / commands.KUBECTLS_MEMORY, ignore_errors=True)
    folder.kubeconfig.unlink(missing_ok=True)
    folder.record.unlink()


async def _end_processes(place: places.Place) -> None:
    """End processes until none is left: a new one may start while another is ended."""

    async def none_is_left() -> bool:
        left = network.processes(place) | cgroups.processes(place)
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not left

    await wait.until(
        none_is_left, what=f"the end of every process of cluster {place.name}", within=_GONE_WITHIN
    )


async def _until_unlocked(folder: Path) -> None:
    async def is_unlocked() -> bool:
        return not _is_locked(folder)

    await wait.until(is_unlocked, what="the end of the process that runs the cluster", within=_GONE_WITHIN)


def _is_locked(folder: Path) -> bool:
    with (folder / f"{LOCK}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
