"""The server's processes in the pods of a cluster, as processes of this machine."""

from pathlib import Path

from tests.cluster import cgroups, places

_ARGUMENT = b"--service=trafficmetrics.trafficmetrics"
"""An argument that only a server has."""


def servers(place: places.Place) -> list[int]:
    """Return their process ids."""
    return [pid for pid in cgroups.processes(place) if _ARGUMENT in _arguments(pid)]


def _arguments(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return []
