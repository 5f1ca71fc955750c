"""The server's processes in the pods of a cluster, as this machine knows them."""

from pathlib import Path

from tests.cluster import cgroups, places

_ARGUMENT = b"--service=trafficmetrics.trafficmetrics"
"""What a server is started with, and nothing else is."""


def servers(place: places.Place) -> list[int]:
    """Their ids."""
    return [pid for pid in cgroups.processes(place) if _ARGUMENT in _arguments(pid)]


def _arguments(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return []
