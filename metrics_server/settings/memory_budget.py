"""How many bytes Prometheus' answers may take: all that are held at one time, taken together.

An answer is counted while it arrives, as it is once unpacked, and until it is let go. One that would be too
much is refused, so that a backend without end, or a small answer that unpacks to a big one, takes this much
memory and no more, however many queries are under way.

Without a setting it is half of the memory that this process may use: what its control group allows, or what
the machine has.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterable
from pathlib import Path

from metrics_server.model import faults

MIB = 1 << 20
LEAST = 160 * MIB
"""25,000 edges with 20 buckets each are 125 MB."""
MOST = 1024 * MIB
_CGROUP = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")
_NO_LIMIT = 1 << 60
"""Bytes; control groups of version 1 say so much, or more, where there is no limit."""


class Share:
    """What one answer takes. It is given back when the share is let go."""

    __slots__ = ("__weakref__", "_of", "size")

    def __init__(self, of: Allowance) -> None:
        self._of = of
        self.size = 0

    def take(self, size: int) -> None:
        """Take so many more bytes. Raises faults.BackendRefused."""
        self.size += size
        if self._of.taken > self._of.limit:
            raise faults.BackendRefused(
                f"Prometheus' answers take more than the {self._of.limit / MIB:g} MiB that they may take "
                "together: ask for less at a time, or raise --answer-limit (TRAFFIC_ANSWER_LIMIT)"
            )

    def give_back(self) -> None:
        """Take nothing any more."""
        self.size = 0


class Allowance:
    """What all answers may take together, in bytes."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._shares: weakref.WeakSet[Share] = weakref.WeakSet()

    def share(self) -> Share:
        """Return a new share, of which nothing is taken yet."""
        share = Share(self)
        self._shares.add(share)
        return share

    @property
    def taken(self) -> int:
        return sum(share.size for share in self._shares)


def usual(memory: int | None = None) -> int:
    """Return how many bytes answers may take where no setting says so; `memory` is what the process may."""
    allowed = available() if memory is None else memory
    return min(max(allowed // 2, LEAST), MOST)


def available(cgroup: Path = _CGROUP, own: Path = _OWN) -> int:
    """Return how many bytes of memory this process may use."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = (_limit(path) for path in _files(cgroup, own))
    return min([machine, *(limit for limit in limits if limit is not None and limit < _NO_LIMIT)])


def _files(cgroup: Path, own: Path) -> Iterable[Path]:
    """Return where a limit may stand: seen from inside a container, and from outside of one."""
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
    """Return the limit in a file; None if there is none, or no such file."""
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
