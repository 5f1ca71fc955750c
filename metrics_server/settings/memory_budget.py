"""The limit for the memory of all of Prometheus' answers together.

An answer is counted in unpacked bytes, from its first byte until it is released. An answer that exceeds the
limit is refused. This bounds the memory for an endless answer, and for a small one that unpacks to a large
one, however many queries are under way.

Without a setting, the limit is half of the memory that the process may use: the limit of its control group,
or the memory of the machine.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterable
from pathlib import Path

from metrics_server.model import faults

MIB = 1 << 20
LEAST = 160 * MIB
"""Bytes; 25,000 edges with 20 buckets each need 125 MB."""
MOST = 1024 * MIB
_CGROUP = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")
_NO_LIMIT = 1 << 60
"""Bytes; without a limit, control groups of version 1 report this value or a larger one."""


class Reservation:
    """The bytes of one answer. They are given back when the share is released."""

    __slots__ = ("__weakref__", "_of", "size")

    def __init__(self, of: MemoryBudget) -> None:
        self._of = of
        self.size = 0

    def take(self, size: int) -> None:
        """Add `size` bytes. Raises faults.BackendRefused if all answers together exceed the limit."""
        self.size += size
        if self._of.taken > self._of.limit:
            raise faults.BackendRefused(
                f"Prometheus' answers exceed their limit of {self._of.limit / MIB:g} MiB in all: "
                "ask for less at a time, or raise --answer-limit (TRAFFIC_ANSWER_LIMIT)"
            )

    def give_back(self) -> None:
        """Give all bytes back."""
        self.size = 0


class MemoryBudget:
    """The limit for all answers together, in bytes, and what they take of it."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._shares: weakref.WeakSet[Reservation] = weakref.WeakSet()

    def share(self) -> Reservation:
        """Return the share of a new answer, with 0 bytes."""
        share = Reservation(self)
        self._shares.add(share)
        return share

    @property
    def taken(self) -> int:
        """Return the bytes of all answers that are held."""
        return sum(share.size for share in self._shares)


def usual(memory: int | None = None) -> int:
    """Return the default limit in bytes; `memory` is what the process may use, None: as it is here."""
    allowed = available() if memory is None else memory
    return min(max(allowed // 2, LEAST), MOST)


def available(cgroup: Path = _CGROUP, own: Path = _OWN) -> int:
    """Return how many bytes of memory this process may use."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = (_limit(path) for path in _files(cgroup, own))
    return min([machine, *(limit for limit in limits if limit is not None and limit < _NO_LIMIT)])


def _files(cgroup: Path, own: Path) -> Iterable[Path]:
    """Return the files that may contain a limit, as seen inside a container and outside of one."""
    yield cgroup / "memory.max"
    yield cgroup / "memory" / "memory.limit_in_bytes"
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if not controllers:
            yield cgroup / path.lstrip("/") / "memory.max"
        elif "memory" in controllers.split(","):
            yield cgroup / "memory" / path.lstrip("/") / "memory.limit_in_bytes"


def _limit(path: Path) -> int | None:
    """Return the limit in a file, in bytes; None without a limit or without the file."""
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
