"""The control groups that hold every pod of a cluster, created before its kubelet and removed after it.

They show which processes are containers of the cluster, even if their parent processes are gone. On a
machine with control groups v1 there is one hierarchy per controller.
"""

import os
from pathlib import Path

from tests.cluster import places

_ROOT = Path("/sys/fs/cgroup")
_CONTROLLERS = "cgroup.controllers"
_INHERITED = ("cpuset.cpus", "cpuset.mems")


def make(place: places.Place) -> None:
    if (_ROOT / _CONTROLLERS).exists():
        # In v2 a group has the controllers that its parent passes on.
        passed_on = " ".join(f"+{name}" for name in (_ROOT / _CONTROLLERS).read_text().split())
        (_ROOT / "cgroup.subtree_control").write_text(passed_on)
    for hierarchy in _hierarchies():
        group = hierarchy / place.cgroup
        group.mkdir(exist_ok=True)
        for name in _INHERITED:
            # In v1 a new group has no processor and no memory until it is given some.
            if hierarchy != _ROOT and (group / name).exists():
                (group / name).write_text((hierarchy / name).read_text())


def processes(place: places.Place) -> set[int]:
    return {
        int(pid)
        for group in folders(place)
        if (group / "cgroup.procs").exists()
        for pid in (group / "cgroup.procs").read_text().split()
    }


def folders(place: places.Place) -> list[Path]:
    """The existing groups, the inner ones first."""
    return [
        Path(folder)
        for hierarchy in _hierarchies()
        for folder, _, _ in os.walk(hierarchy / place.cgroup, topdown=False)
    ]


def remove(place: places.Place) -> None:
    """Remove the groups once no process is left in them."""
    for group in folders(place):
        group.rmdir()


def _hierarchies() -> list[Path]:
    if (_ROOT / _CONTROLLERS).exists():
        return [_ROOT]
    # `cpu,cpuacct` is mounted once, and linked to by its two names.
    return [entry for entry in sorted(_ROOT.iterdir()) if entry.is_dir() and not entry.is_symlink()]
