"""The settings of the whole machine that a kubelet changes, kept to be put back.

Only what its kubelet is going to change is a cluster's to put back: beside another cluster that is nothing.
"""

from collections.abc import Mapping
from pathlib import Path

_WISHES = {
    "kernel/keys/root_maxbytes": "25000000",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
}
"""Of `setupKernelTunables`:
https://github.com/kubernetes/kubernetes/blob/v1.34.4/pkg/kubelet/cm/container_manager_linux.go"""
_ROOT = Path("/proc/sys")


def now() -> dict[str, str]:
    """The values of all that a kubelet has wishes for."""
    return {name: (_ROOT / name).read_text().strip() for name in _WISHES}


def about_to_change() -> dict[str, str]:
    """The values as they are now, of those that a kubelet wants otherwise."""
    return {name: value for name, value in now().items() if value != _WISHES[name]}


def restore(kept: Mapping[str, str]) -> None:
    for name, value in kept.items():
        (_ROOT / name).write_text(value)
