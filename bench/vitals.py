"""What a process holds over time: memory, open files, threads; and whether it grows.

https://www.kernel.org/doc/html/latest/filesystems/proc.html
"""

import dataclasses
import itertools
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench import report, usage


@dataclasses.dataclass(frozen=True, slots=True)
class Sample:
    at: float
    """Seconds, of the monotonic clock."""
    megabytes: float
    files: int
    threads: int
    cpu: float
    """Seconds of processor time so far."""


def sample(pid: int) -> Sample:
    now, _ = usage.memory(pid)
    files = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    threads = sum(1 for _ in Path(f"/proc/{pid}/task").iterdir())
    return Sample(time.monotonic(), now, files, threads, usage.cpu(pid))


def slope(samples: Sequence[Sample], figure: str) -> float:
    """Return by how much a figure grows in a minute, over the second half of the samples."""
    half = samples[len(samples) // 2 :]
    if len(half) < 3:
        return float("nan")
    minutes = [(one.at - half[0].at) / 60 for one in half]
    return float(np.polyfit(minutes, [getattr(one, figure) for one in half], 1)[0])


def growth(samples: Sequence[Sample], figure: str) -> float:
    """Return by how much the maximum of the last quarter exceeds that of the second, the first warm one."""
    quarter = max(1, len(samples) // 4)
    second, last = (
        max(getattr(one, figure) for one in part)
        for part in (samples[quarter : 2 * quarter] or samples, samples[-quarter:])
    )
    return float(last - second)


def cells(samples: Sequence[Sample]) -> report.Cells:
    """Return a row of a table."""
    half = samples[len(samples) // 2 :]
    seconds = samples[-1].at - samples[0].at
    return {
        "MB first": samples[0].megabytes,
        "MB most": max(one.megabytes for one in samples),
        "MB last": samples[-1].megabytes,
        "MB/min": slope(samples, "megabytes"),
        "files": _span([one.files for one in half]),
        "files more": growth(samples, "files"),
        "threads": _span([one.threads for one in half]),
        "threads more": growth(samples, "threads"),
        "cores": _used(samples) / seconds if seconds else 0.0,
    }


def _used(samples: Sequence[Sample]) -> float:
    """Return seconds of processor time, also of a process that was started anew."""
    return sum(
        later.cpu - (one.cpu if later.cpu >= one.cpu else 0.0) for one, later in itertools.pairwise(samples)
    )


def _span(values: Sequence[int]) -> str:
    return f"{min(values)} to {max(values)}"
