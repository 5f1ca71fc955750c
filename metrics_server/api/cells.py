"""How figures are printed in a table: short, and never rounded to a better value."""

from __future__ import annotations

import math
from dataclasses import dataclass

UNKNOWN = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyLimits:
    """What limits one latency, as in `aggregate.figures`."""

    clamped: bool = False
    below: float | None = None
    approximate: bool = False
    not_timed: tuple[str, ...] = ()


NO_LIMITS = LatencyLimits()
"""Those of a value that is no latency."""


def success(share: float | None) -> str:
    """Return the share of successes (0 to 1), rounded down: only one without failures shows `100.00%`."""
    return UNKNOWN if share is None else f"{math.floor(share * 10000 + 1e-9) / 100:.2f}%"


def share(part: float | None) -> str:
    """Return a share (0 to 1) in percent, with one decimal."""
    return UNKNOWN if part is None else f"{part * 100:.1f}%"


def rate(value: float | None) -> str:
    """Return requests per second: two decimals below 1, else one."""
    if value is None:
        return UNKNOWN
    return f"{value:.2f}" if 0 < value < 1 else f"{value:.1f}"


def latency(seconds: float | None, limits: LatencyLimits = NO_LIMITS) -> str:
    """Return a duration with at most three significant digits.

    `>` before it marks a lower limit, `<` an upper limit, which is `below` in place of `seconds`, and `~` an
    approximate value.
    """
    if seconds is None:
        return UNKNOWN
    mark = "~" if limits.approximate else ""
    if limits.below is not None:
        return f"{mark}<{_duration(limits.below)}"
    return f"{mark}>{_duration(seconds)}" if limits.clamped else f"{mark}{_duration(seconds)}"


def _duration(seconds: float) -> str:
    if seconds < 0.001:
        return f"{seconds * 1e6:.0f}µs"
    if seconds < 1:
        return f"{seconds * 1e3:.3g}ms" if seconds < 0.01 else f"{seconds * 1e3:.0f}ms"
    return f"{seconds:.2f}s" if seconds < 60 else f"{seconds:.0f}s"


def age(seconds: float) -> str:
    """Return the age of data as kubectl prints ages."""
    whole = max(0, int(seconds))
    if whole < 120:
        return f"{whole}s"
    return f"{whole // 60}m{whole % 60}s" if whole % 60 else f"{whole // 60}m"
