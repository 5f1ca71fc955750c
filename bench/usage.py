"""What a process has used, as Linux reports it in /proc.

https://www.kernel.org/doc/html/latest/filesystems/proc.html
"""

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu(pid: int) -> float:
    """Return the seconds of processor time a process has used, of its own and of the kernel for it."""
    # The name, in parentheses, may hold anything; user and system time are the 14th and 15th field.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory(pid: int) -> tuple[float, float]:
    """Return the megabytes a process holds in memory now, and the most it ever held."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    sizes = {key: value for key, _, value in (line.partition(":") for line in lines)}
    now, most = (int(sizes[key].split()[0]) / 1024 for key in ("VmRSS", "VmHWM"))
    return now, most


def forget_most(pid: int) -> None:
    """Reset the peak memory of a process to its current memory."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
