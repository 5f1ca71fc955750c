"""Whether an address is free, and which process uses it if not.

This is checked before anything starts, because several Envoys can use the same port without an error.
"""

import errno
import os
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path

from demo import faults

_LISTENING = "0A"


def demand_free(addresses: Iterable[tuple[str, int]], *, advice: str) -> None:
    for host, port in addresses:
        if not _is_free(host, port):
            raise faults.DemoError(f"{host}:{port} is taken{holder(port)}; {advice}")


def holder(port: int) -> str:
    """` by NAME (pid N)`, or nothing if the system does not report it."""
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(os.readlink(entry) in sockets for entry in (process / "fd").iterdir()):
                return f" by {(process / 'comm').read_text().strip()} (pid {process.name})"
        except OSError:
            continue
    return ""


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise faults.DemoError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return True


def _listening_inodes(port: int) -> Iterator[str]:
    # Columns: https://www.kernel.org/doc/html/latest/networking/proc_net_tcp.html
    table = Path("/proc/net/tcp")
    if not table.exists():
        return
    for line in table.read_text().splitlines()[1:]:
        _, local, _, state, *_, inode = line.split()[:10]
        if state == _LISTENING and int(local.rpartition(":")[2], 16) == port:
            yield inode
