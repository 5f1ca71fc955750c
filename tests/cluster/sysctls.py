"""The settings of the whole machine that a kubelet changes, saved to be restored.

A cluster restores only what its own kubelet is going to change: no setting, if another cluster runs already.
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
    """The current values of all settings that a kubelet sets."""
    return {name: (_ROOT / name).read_text().strip() for name in _WISHES}


def about_to_change() -> dict[str, str]:
    """The current values of the settings that a kubelet will change."""
    return {name: value for name, value in now().items() if value != _WISHES[name]}


def restore(kept: Mapping[str, str]) -> None:
    for name, value in kept.items():
        (_ROOT / name).write_text(value)
